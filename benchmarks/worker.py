"""A worker process of the engine's benchmark: one attempt at a run, and when things happened.

``python -m benchmarks.worker DATASET RUN [STOP_AT]`` prints one JSON object: seconds from the
model being loaded to the first acknowledged write, and to the end. It stops by itself when the
fraction STOP_AT is done.
"""

import json
import sys
import time

import fiftyone as fo
import torch

from auto_labeling.core.errors import AttemptRevoked
from auto_labeling.lifecycle import labeling
from auto_labeling.models import zoo
from auto_labeling.storage import staging


def main(name, run_id, stop_at=2.0):
    """Runs the attempt and prints its times."""
    torch.set_num_threads(1)
    times = {}
    dataset = fo.load_dataset(name)
    zoo.load = _noting(zoo.load, times, "loaded")
    staging.write = _noting(staging.write, times, "written")

    def report(fraction, _):
        if fraction >= stop_at:
            labeling.cancel(dataset, run_id)

    try:
        labeling.generate(dataset, run_id, report)
    except AttemptRevoked:
        return
    ended = time.perf_counter()
    since_loaded = {"first_label_s": times["written"], "whole_s": ended}
    print(json.dumps({key: at - times["loaded"] for key, at in since_loaded.items()}), flush=True)


def _noting(function, times, name):
    def noting(*args, **kwargs):
        result = function(*args, **kwargs)
        times.setdefault(name, time.perf_counter())
        return result

    return noting


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:]))
