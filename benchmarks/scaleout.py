"""How a run gets faster with workers, on Ray; and the parts from which docs/scaling.md reckons.

``make bench-scaleout`` runs it, in about 9 minutes on two cores. The last line of the output is
one JSON object.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time

from benchmarks import report, rig

#: The worst that is allowed.
BARS = {"two_vs_one": 1.8, "ray_vs_inprocess": 0.9, "chunks_per_s": 500}

#: Each setting labels so many samples, so many times, in turns: the machine's speed drifts.
SAMPLES, ROUNDS = 300, 5

#: So many chunks are handed out, so many times.
CHUNKS, HAND_OUTS = 3_000, 3
_PART_SECONDS = 3


class Clock:
    """Notes when a run counted what, beyond its start.

    None begins before all workers are ready. Samples count from the moment when each worker has
    told of some, chunks from the first one.
    """

    def __init__(self, workers):
        self._workers = workers
        self._ready_at = self._began = self._who = None
        self._told = set()
        self.samples = self.chunks = 0

    @contextlib.contextmanager
    def running(self):
        """Listens to the driver for as long as the context lasts."""
        from auto_labeling.engine.generation import Generation
        from auto_labeling.engine.ray.driver import Workers

        kept = Generation.began, Generation.count, Workers._take_report, Workers._hand_out
        began, count, take, serve = kept

        def noting_began(generation, **facts):
            began(generation, **facts)
            if self._ready_at is None and facts.get("workers", 1) == self._workers:
                self._ready_at = time.perf_counter()

        def noting_count(generation, **counts):
            count(generation, **counts)
            self._count(counts["samples"] + counts["failed"])

        def noting_take(workers, worker, report):
            self._who = worker
            take(workers, worker, report)
            self.chunks += len(report.ended)
            if report.ended:
                self._ended = time.perf_counter()

        def serving_all(workers, worker):
            if self._ready_at is not None:
                serve(workers, worker)

        Generation.began, Generation.count = noting_began, noting_count
        Workers._take_report, Workers._hand_out = noting_take, serving_all
        try:
            yield self
        finally:
            Generation.began, Generation.count, Workers._take_report, Workers._hand_out = kept

    def _count(self, samples):
        self._last = time.perf_counter()
        if self._began is not None:
            self.samples += samples
            return
        self._told.add(self._who)
        if len(self._told) == self._workers:
            self._began = self._last

    @property
    def samples_per_second(self):
        return self.samples / (self._last - self._began)

    @property
    def chunks_per_second(self):
        return self.chunks / (self._ended - self._ready_at)


@contextlib.contextmanager
def on_ray(workers):
    """Makes runs use Ray, with one worker too."""
    from auto_labeling.engine.generation import Generation
    from auto_labeling.engine.ray.driver import in_actors

    kept = Generation._processes
    Generation._processes = lambda self, chunks: in_actors(self._dataset, self._run, self, workers)
    try:
        yield
    finally:
        Generation._processes = kept


def forward_bound(paths) -> tuple[dict, dict]:
    """One worker in this process, one actor, and two actors, with the same heavy model."""
    dataset = rig.dataset(paths, SAMPLES)
    config = {
        "task": "detection",
        "model": "custom-python-detection",
        "checkpoint": "benchmarks.models:heavy",
    }
    settings = {
        "in process": (1, contextlib.nullcontext),
        "one actor": (1, lambda: on_ray(1)),
        "two actors": (2, lambda: on_ray(2)),
    }
    measured = {name: [] for name in settings}
    for _ in range(ROUNDS):
        for name, (workers, context) in settings.items():
            with (
                context(),
                rig.Ours(dataset, workers=workers, **config) as ours,
                Clock(workers).running() as clock,
            ):
                whole = ours.generate()
            rate = clock.samples_per_second
            measured[name].append(rate)
            print(f"  {name:11} {rate:7.2f} samples/s, whole run {whole:.0f} s", flush=True)
    rates = {name: statistics.median(each) for name, each in measured.items()}
    dataset.delete()
    return {
        "two_vs_one": _ratio(measured["two actors"], measured["one actor"]),
        "ray_vs_inprocess": _ratio(measured["one actor"], measured["in process"]),
    }, {
        "samples": SAMPLES,
        "samples_per_s": {name: round(rate, 2) for name, rate in rates.items()},
        "each": {name: [round(rate, 2) for rate in each] for name, each in measured.items()},
    }


def _ratio(rates, others) -> float:
    """Of each round by itself, since the machine's speed drifts from one to the next."""
    return statistics.median(r / o for r, o in zip(rates, others, strict=True))


def hand_out(paths) -> tuple[dict, dict]:
    """How many chunks a second one driver hands out; it waits for the disk, whose speed drifts."""
    each = [_hand_out(paths) for _ in range(HAND_OUTS)]
    return {"chunks_per_s": statistics.median(each)}, {
        "chunks": CHUNKS,
        "each": [round(rate) for rate in each],
    }


def _hand_out(paths) -> float:
    """Chunks without waiting samples: what remains is to hand out, claim, look up and complete."""
    from auto_labeling.storage import staging
    from auto_labeling.storage.chunks import ChunkStore
    from auto_labeling.storage.runs import RunStore

    dataset = rig.dataset(paths, CHUNKS)
    config = {
        "task": "detection",
        "model": "custom-python-detection",
        "checkpoint": "benchmarks.models:boxes",
    }
    with on_ray(2), rig.Ours(dataset, workers=2, **config) as ours:
        chunks, store, run = ChunkStore(dataset), RunStore(dataset), ours.run
        chunks.remove(run)
        for index, sample_id in enumerate(dataset.values("id")):
            chunks.freeze(run.id, index, [sample_id])
        ours.run = run = store.amend(run.id, chunks=CHUNKS)
        nothing = {"_cls": "Detections", "detections": []}
        dataset._sample_collection.update_many({}, {"$set": {run.staging_field: nothing}})
        assert not staging.count_waiting(dataset, run)
        with Clock(2).running() as clock:
            ours.generate()
        assert clock.chunks == CHUNKS
        assert all(chunks.failures(run.id, index) == [] for index in range(0, CHUNKS, 100))
    dataset.delete()
    return clock.chunks_per_second


def parts(paths) -> tuple[dict, dict]:
    """What one process reaches at each thing alone: decoding, and writing labels."""
    from auto_labeling.engine.documents import detections
    from auto_labeling.models import pixels
    from auto_labeling.storage import staging

    began, decoded = time.perf_counter(), 0
    while time.perf_counter() - began < _PART_SECONDS:
        pixels.read_array(paths[decoded % len(paths)])
        decoded += 1
    decode = decoded / (time.perf_counter() - began)
    samples = 8_000
    dataset = rig.dataset(paths, samples)
    config = {
        "task": "detection",
        "model": "custom-python-detection",
        "checkpoint": "benchmarks.models:boxes",
    }
    with rig.Ours(dataset, **config) as ours:
        run, box = ours.run, [0.1, 0.1, 0.2, 0.2]
        pairs = [
            (i, detections(["class 1"] * 10, [box] * 10, [0.5] * 10, run, i))
            for i in dataset.values("id")
        ]
        began = time.perf_counter()
        for first in range(0, samples, 256):
            staging.write(dataset, run, pairs[first : first + 256])
        write = samples / (time.perf_counter() - began)
    dataset.delete()
    return {}, {"decode_per_s": round(decode), "write_per_s": round(write)}


def main(argv=None) -> int:
    """Runs the benchmark; returns 1 if a bar is missed."""
    every = {"forward": forward_bound, "hand_out": hand_out, "parts": parts}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=every, nargs="+", default=list(every))
    parser.add_argument("--no-report", action="store_true", help="leave docs/benchmarks.md alone")
    args = parser.parse_args(argv)
    results, raw = {}, {}
    with (
        rig.place() as folder,
        tempfile.TemporaryDirectory(prefix="al-ray-", dir="/tmp") as short,  # sockets' paths
    ):
        os.environ.pop("RAY_ADDRESS", None)
        os.environ.update(
            RAY_TMPDIR=short, RAY_AUTH_MODE="disabled", FIFTYONE_AUTO_LABELING_MAX_WORKERS="2"
        )
        paths = rig.photographs(folder)
        for part in args.only:
            began = time.monotonic()
            measured, raw[part] = every[part](paths)
            results |= {key: round(value, 3) for key, value in measured.items()}
            print(f"{part}: {time.monotonic() - began:.0f} s", flush=True)
            for key in measured:
                print(f"  {key:18}{results[key]:9.3f}   bar {BARS[key]}{_remark(key, results)}")
    if set(args.only) == set(every) and not args.no_report:
        report.write("scaleout", _markdown(results, raw))
    print(json.dumps({**results, "raw": raw}))
    return int(any(_remark(key, results) for key in results))


def _remark(key, results):
    return "" if results[key] >= BARS[key] else "   MISSED"


def _markdown(results, raw):
    rates = raw["forward"]["samples_per_s"]
    said = ", ".join(f"{rate:.1f} {name}" for name, rate in rates.items())
    return "\n".join(
        [
            f"Written by `make bench-scaleout`, {time.strftime('%Y-%m-%d')}, "
            "2 cores, one torch thread each.",
            "",
            "| measure | result | limit |",
            "|---|---|---|",
            *(f"| `{key}` | {value:g} | ≥ {BARS[key]:g} |" for key, value in results.items()),
            "",
            f"Samples per second with a heavy model: {said}. One process decodes "
            f"{raw['parts']['decode_per_s']:,} photographs per second and writes the labels of "
            f"{raw['parts']['write_per_s']:,} samples, ten boxes each.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
