"""A worker process that is going to be killed: ``python -m tests.chaos.worker DATASET RUN``."""

import sys

import fiftyone as fo

from auto_labeling.lifecycle import labeling

if __name__ == "__main__":
    labeling.generate(fo.load_dataset(sys.argv[1]), sys.argv[2])
