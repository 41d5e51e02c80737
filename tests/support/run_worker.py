"""A worker process, for tests that kill it: ``python -m tests.support.run_worker DATASET RUN``."""

import sys

import fiftyone as fo

from auto_labeling.lifecycle import labeling

if __name__ == "__main__":
    labeling.generate(fo.load_dataset(sys.argv[1]), sys.argv[2])
