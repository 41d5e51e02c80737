"""A worker process for the scripted model: ``python -m tests.scripted_worker TASK DATASET RUN``."""

import sys

from tests import scripted


def main():
    task, dataset_name, run_id = sys.argv[1:]
    scripted.install(task)

    import fiftyone as fo

    from auto_labeling.lifecycle import labeling

    labeling.generate(fo.load_dataset(dataset_name), run_id)


if __name__ == "__main__":
    main()
