"""A worker process for the scripted model.

``python -m tests.support.scripted_model_worker TASK DATASET RUN``
"""

import sys

from tests.support import scripted_model


def main():
    task, dataset_name, run_id = sys.argv[1:]
    scripted_model.install(task)

    import fiftyone as fo

    from auto_labeling.lifecycle import labeling

    labeling.generate(fo.load_dataset(dataset_name), run_id)


if __name__ == "__main__":
    main()
