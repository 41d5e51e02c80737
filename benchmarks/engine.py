"""How fast the engine labels, beside ``apply_model``, decoding alone and a bare forward pass.

``make bench-engine`` runs it: on two cores about 30 minutes, more than half of them in the forward
passes of real models; ``--only`` renews the rows of some parts. Both sides of each comparison run
in turns, so that a noisy machine hurts both. The last line of the output is one JSON object.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import report, rig

#: The worst that is allowed; ``model_vs_forward_bound`` and the like are at least, others at most.
BARS = {
    "zero_cost_vs_apply_model": 5,
    "zero_cost_vs_decode_bound": 0.6,
    "model_vs_forward_bound": 0.95,
    "accelerator_bound": 0.95,
    "masks_vs_apply_model": 3,
    "memory_growth": 1.05,
    "memory_growth_mb": 40,
    "first_label_s": 5,
    "resume_cost": 0.15,
}
_AT_MOST = {"memory_growth", "memory_growth_mb", "first_label_s", "resume_cost"}

ROUNDS = 3
CORES = 2
_CHECKOUT = Path(__file__).resolve().parents[1]


class Bench:
    """The measurements; each method returns ``(results, raw)``.

    Args:
        folder: where files may be written
    """

    def __init__(self, folder):
        self._folder = folder
        self._paths = rig.photographs(folder)

    # --- a model that costs nothing ---------------------------------------------------------

    def zero_cost(self):
        """Ours, the best ``apply_model``, and both cores decoding."""
        from benchmarks import models

        self._compare_labels("boxes")
        samples, theirs_samples = 20_000, 1_500
        dataset = rig.dataset(self._paths, samples)
        view = dataset.limit(theirs_samples)
        grid = {
            (workers, batch): rig.stock(
                view.limit(_TRIAL), models.boxes(), num_workers=workers, batch_size=batch
            )
            for workers in (0, 1, 2)
            for batch in (1, 16, 64)
        }
        # One trial of each is chance: the two best are timed beside ours, and the better counts.
        finalists = {setting: [] for setting in sorted(grid, key=grid.get)[:2]}
        decoders = {name: _decode_on_all_cores(name, self._paths) for name in _DECODERS}
        decoder = min(decoders, key=decoders.get)
        ours, bound = [], []
        self._ours(
            dataset.limit(64).clone(persistent=True), checkpoint="benchmarks.models:boxes"
        )  # imports
        for _ in range(ROUNDS):
            ours.append(self._ours(dataset, checkpoint="benchmarks.models:boxes"))
            for (workers, batch), seconds in finalists.items():
                seconds.append(
                    rig.stock(view, models.boxes(), num_workers=workers, batch_size=batch)
                )
            bound.append(_decode_on_all_cores(decoder, self._paths))
        workers, batch = min(finalists, key=lambda one: statistics.median(finalists[one]))
        theirs = finalists[workers, batch]
        rate = samples / statistics.median(ours)
        their_rate = theirs_samples / statistics.median(theirs)
        decoded = CORES * _DECODED / statistics.median(bound)
        dataset.delete()
        return {
            "zero_cost_vs_apply_model": rate / their_rate,
            "zero_cost_vs_decode_bound": rate / decoded,
        }, {
            "ours": _side(ours, samples, "as a worker runs it, two loader processes"),
            "apply_model": _side(
                theirs, theirs_samples, f"num_workers={workers}, batch_size={batch}"
            ),
            "apply_model_grid": {
                f"num_workers={w}, batch_size={b}": round(_TRIAL / s, 1)
                for (w, b), s in grid.items()
            },
            "decode_bound": _side(
                bound, CORES * _DECODED, f"{decoder}, {CORES} processes, nothing else"
            ),
            "decoders": {
                name: round(CORES * _DECODED / seconds, 1) for name, seconds in decoders.items()
            },
        }

    def _ours(self, dataset, model="custom-python-detection", **config):
        task = "instance_segmentation" if config.get("mask_location") else "detection"
        config = {"task": task, "model": model, **config}
        if model.startswith("custom-python") and task != "detection":
            config["model"] = "custom-python-instance-segmentation"
        with rig.Ours(dataset, **config) as ours:
            return ours.generate()

    def _compare_labels(self, kind):
        """Both sides make the same labels of the same images, or there is nothing to time."""
        from benchmarks import models

        dataset = rig.dataset(self._paths, len(self._paths))
        masks = kind.endswith("masks")
        location = str(self._folder / f"compare-{kind}")
        os.makedirs(location)
        config = {
            "task": "instance_segmentation" if masks else "detection",
            "model": f"custom-python-{'instance-segmentation' if masks else 'detection'}",
            "checkpoint": f"benchmarks.models:{kind}",
            "mask_location": location if masks else "",
        }
        options = {"output_dir": str(self._folder / f"compare-stock-{kind}")} if masks else {}
        dataset.apply_model(
            getattr(models, kind)(), label_field="stock", batch_size=16, progress=False, **options
        )
        with rig.Ours(dataset, **config) as ours:
            ours.generate()
            dataset.reload()
            mine = dataset.values(f"{ours.run.staging_field}.detections")
            theirs = dataset.values("stock.detections")
            for ours_of_one, theirs_of_one in zip(mine, theirs, strict=True):
                _assert_same(ours_of_one, theirs_of_one, masks)
        dataset.delete()

    # --- real models ------------------------------------------------------------------------

    def forward(self):
        """Ours beside a bare loop of the forward pass, for three real models."""
        self._make_weights("yolo11n", "yolo11n-coco-torch")
        raw = {}
        # The smallest model is fast: with 1,000 samples its run would be over in 10 seconds.
        samples = {
            "efficientnet-lite0-imagenet": 1_008,
            "shapes-yolo": 2_016,
            "yolo11n-coco-torch": 1_008,
        }
        for name in samples:
            raw[name] = self._forward(name, samples[name])
            print(f"  {name}: {raw[name]['ratio']:.3f}", flush=True)
        worst = min(raw.values(), key=lambda one: one["ratio"])
        return {"model_vs_forward_bound": worst["ratio"]}, raw

    def _forward(self, name, samples):
        from auto_labeling.models import catalog

        dataset = rig.dataset(self._paths, samples)
        config = {"task": catalog.get_model(name).task, "model": name, "confidence": 0.25}
        bare = _BareLoop(name, config, self._paths)
        ours, theirs = [], []
        self._ours(dataset.limit(64).clone(persistent=True), **config)
        # Nothing comes and goes in the bare loop, so that some seconds of it tell as much; before
        # and after each run of ours, since the machine's speed drifts.
        trial = 2 * bare.batch_size
        part = trial * max(1, round(_BARE_SECONDS / bare.seconds(trial)))
        for _ in range(ROUNDS):
            before = bare.seconds(part)
            ours.append(self._ours(dataset, **config))
            theirs.append(before + bare.seconds(part))
        dataset.delete()
        return {
            "ratio": statistics.median(
                (t / (2 * part)) / (o / samples) for t, o in zip(theirs, ours, strict=True)
            ),
            "ours": _side(ours, samples, "decoding to written labels, one torch thread"),
            "forward_bound": _side(theirs, 2 * part, "preloaded batches of 16, one torch thread"),
        }

    def _make_weights(self, architecture, name):
        """Untrained weights where the zoo looks for them; a forward pass costs the same."""
        import fiftyone.zoo.models as fozm
        import torch
        from ultralytics import YOLO

        path = Path(fozm._get_model(name).get_path_in_dir(os.environ["FIFTYONE_MODEL_ZOO_DIR"]))
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(0)
        YOLO(f"{architecture}.yaml", task="detect", verbose=False).save(str(path))

    def accelerator(self):
        """A model that only waits: is it ever kept waiting?"""
        from benchmarks.models import ACCELERATOR_RATE

        samples = 16_000
        dataset = rig.dataset(self._paths, samples)
        ours = [
            self._ours(dataset, checkpoint="benchmarks.models:accelerator") for _ in range(ROUNDS)
        ]
        dataset.delete()
        rate = samples / statistics.median(ours)
        return {"accelerator_bound": rate / ACCELERATOR_RATE}, {
            "ours": _side(ours, samples, f"a model that sleeps: {ACCELERATOR_RATE} samples/s")
        }

    # --- masks on disk -----------------------------------------------------------------------

    def masks(self):
        """Ours beside ``apply_model(output_dir=…)``, for small and large masks."""
        raw = {kind: self._masks(kind) for kind in ("small_masks", "large_masks")}
        worst = min(raw.values(), key=lambda one: one["ratio"])
        return {"masks_vs_apply_model": worst["ratio"]}, raw

    def _masks(self, kind):
        from benchmarks import models

        self._compare_labels(kind)
        samples, theirs_samples = 2_000, 1_000
        dataset = rig.dataset(self._paths, samples)
        view = dataset.limit(theirs_samples)
        location = self._folder / kind
        location.mkdir()
        config = {"checkpoint": f"benchmarks.models:{kind}", "mask_location": str(location)}
        trials = {
            workers: rig.stock(
                view.limit(96),
                getattr(models, kind)(),
                location,
                num_workers=workers,
                batch_size=16,
            )
            for workers in (0, 1, 2)
        }
        workers = min(trials, key=trials.get)
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(self._ours(dataset, **config))
            theirs.append(
                rig.stock(
                    view, getattr(models, kind)(), location, num_workers=workers, batch_size=16
                )
            )
        dataset.delete()
        rates = samples / statistics.median(ours), theirs_samples / statistics.median(theirs)
        return {
            "ratio": rates[0] / rates[1],
            "ours": _side(ours, samples, "PNG files at a mask location"),
            "apply_model": _side(theirs, theirs_samples, f"output_dir, num_workers={workers}"),
        }

    # --- a large run in a worker process ------------------------------------------------------

    def large(self):
        """Memory, the first label, and resuming, each in fresh processes."""
        small, large = 10_000, 100_000
        raw = {}
        for samples in (small, large):
            dataset = rig.dataset(self._paths, samples)
            with self._large_run(dataset) as ours:
                raw[samples] = _work(dataset, ours.run)
            if samples == small:
                dataset.delete()
        with self._large_run(dataset) as ours:
            _work(dataset, ours.run, stop_at=0.89)
            ours.run = ours._verbs.resume(dataset, ours.run.id)
            waiting = dataset.match({ours.run.staging_field: {"$type": "null"}}).count()
            resumed = _work(dataset, ours.run)
        dataset.delete()
        peaks = [raw[samples]["peak_mb"] for samples in (small, large)]
        return {
            "memory_growth": peaks[1] / peaks[0],
            "memory_growth_mb": peaks[1] - peaks[0],
            "first_label_s": max(one["first_label_s"] for one in raw.values()),
            "resume_cost": resumed["whole_s"] / raw[large]["whole_s"],
        }, {
            "whole": {f"{samples} samples": one for samples, one in raw.items()},
            "resumed": {"samples_left": waiting, **resumed},
        }

    def _large_run(self, dataset):
        return rig.Ours(
            dataset,
            task="detection",
            model="custom-python-detection",
            checkpoint="benchmarks.models:boxes",
        )


# --- parts ------------------------------------------------------------------------------------


class _BareLoop:
    """The forward pass over batches that are in memory already, and nothing else."""

    def __init__(self, name, config, paths):
        from auto_labeling.core.run import RunConfig
        from auto_labeling.engine.batches import Waiting
        from auto_labeling.engine.prediction import BATCH_SIZE
        from auto_labeling.engine.reading import Reader
        from auto_labeling.models import catalog, zoo

        config = RunConfig(label_field="bare", **config)
        self._model = zoo.load(catalog.get_model(name), config)
        self.batch_size = BATCH_SIZE
        reader = Reader(self._model)
        targets = [Waiting(str(i), {"filepath": path}) for i, path in enumerate(paths)]
        starts = range(0, len(targets), BATCH_SIZE)
        batches = [reader(targets[i : i + BATCH_SIZE]).batch for i in starts]
        self._batches = [b["images"] if isinstance(b, dict) else b for b in batches]

    def seconds(self, samples) -> float:
        from auto_labeling.engine import memory

        with memory.steady(), self._model:
            began = time.perf_counter()
            for number in range(samples // self.batch_size):
                self._model._forward_pass(self._batches[number % len(self._batches)])
            return time.perf_counter() - began


#: Samples on which each setting of ``apply_model`` is tried before the best one is timed.
_TRIAL = 320

_DECODED = 2_000

#: How long the bare loop runs, before and after each run of ours.
_BARE_SECONDS = 4


def _by_pillow(path, _):
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _by_opencv(path, _):
    import cv2

    return cv2.imread(path)


def _by_us(path, room):
    from auto_labeling.models import pixels

    return pixels.read_array(path, room)


_DECODERS = {"Pillow": _by_pillow, "OpenCV": _by_opencv, "our reader": _by_us}


def _decode_on_all_cores(name, paths) -> float:
    """The seconds in which each of the processes decodes its images."""
    processes = multiprocessing.get_context("fork")
    start, ready = processes.Event(), processes.Semaphore(0)
    workers = [
        processes.Process(target=_decode, args=(name, paths, start, ready)) for _ in range(CORES)
    ]
    for worker in workers:
        worker.start()
    for _ in workers:
        ready.acquire()
    began = time.perf_counter()
    start.set()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    return time.perf_counter() - began


def _decode(name, paths, start, ready):
    import cv2
    import numpy as np

    cv2.setNumThreads(0)
    decode, room = _DECODERS[name], np.empty((rig.HEIGHT, rig.WIDTH, 3), np.uint8)
    for path in paths:
        decode(path, room)
    ready.release()
    start.wait()
    for number in range(_DECODED):
        decode(paths[number % len(paths)], room)


def _work(dataset, run, stop_at=None) -> dict:
    """Runs a worker process; returns its times and the peak memory of its process tree."""
    command = [sys.executable, "-m", "benchmarks.worker", dataset.name, run.id]
    command += [] if stop_at is None else [str(stop_at)]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_CHECKOUT)
    peak = 0.0
    while worker.poll() is None:
        peak = max(peak, _proportional_mb(worker.pid))
        time.sleep(0.1)
    assert worker.returncode == 0
    lines = worker.stdout.read().splitlines()
    return {**(json.loads(lines[-1]) if stop_at is None else {}), "peak_mb": round(peak, 1)}


def _proportional_mb(pid) -> float:
    """The proportional set size of a process and all its descendants."""
    import psutil

    total = 0
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for process in tree:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # it ended in this very moment
    return total / 2**20


def _assert_same(ours, theirs, masks):
    import numpy as np

    assert len(ours) == len(theirs) > 0
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.label == other.label
        assert abs(mine.confidence - other.confidence) < 1e-6
        assert np.allclose(mine.bounding_box, other.bounding_box, atol=1e-6)
        if masks:
            assert np.array_equal(mine.get_mask() > 0, other.get_mask() > 0)


def _side(seconds, samples, setting) -> dict:
    middle = statistics.median(seconds)
    return {
        "seconds": [round(s, 3) for s in seconds],
        "samples": samples,
        "setting": setting,
        "samples_per_s": round(samples / middle, 1),
    }


# --- the command -------------------------------------------------------------------------------


def main(argv=None) -> int:
    """Runs the benchmark; returns 1 if a bar is missed."""
    parts = ("zero_cost", "forward", "accelerator", "masks", "large")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=parts, nargs="+", default=parts)
    parser.add_argument("--no-report", action="store_true", help="leave docs/benchmarks.md alone")
    args = parser.parse_args(argv)
    results, raw = {}, {}
    with rig.place() as folder:
        import torch

        torch.set_num_threads(1)
        bench = Bench(folder)
        for part in args.only:
            began = time.monotonic()
            measured, raw[part] = getattr(bench, part)()
            results |= {key: round(value, 3) for key, value in measured.items()}
            print(f"{part}: {time.monotonic() - began:.0f} s", flush=True)
            for key in measured:
                print(
                    f"  {key:28}{results[key]:9.3f}   bar {BARS[key]}{_remark(key, results[key])}"
                )
    if not args.no_report:
        report.write("engine", _markdown(results, raw))
    print(json.dumps({**results, "raw": raw}))
    return int(any(_remark(key, value) for key, value in results.items()))


def _remark(key, value) -> str:
    met = value <= BARS[key] if key in _AT_MOST else value >= BARS[key]
    return "" if met else "   MISSED"


def _markdown(results, raw) -> str:
    """The table: new rows for what was measured, the others unchanged."""
    rows, today, said = report.rows("engine"), time.strftime("%Y-%m-%d"), _said(raw)
    for key, value in results.items():
        bar = f"{'≤' if key in _AT_MOST else '≥'} {BARS[key]:g}"
        rows[key] = f"| `{key}` | {value:g} | {bar} | {today} | {said.get(key, '')} |"
    return "\n".join(
        [
            f"`make bench-engine`, {CORES} cores.",
            "",
            "| measure | result | limit | date | details |",
            "|---|---|---|---|---|",
            *(rows[key] for key in BARS if key in rows),
        ]
    )


def _said(raw) -> dict:
    """What the ratios are made of."""
    said = {}
    if "zero_cost" in raw:
        zero = raw["zero_cost"]
        ours, theirs, bound = (
            f"{zero[side]['samples_per_s']:,.0f}"
            for side in ("ours", "apply_model", "decode_bound")
        )
        setting = zero["apply_model"]["setting"]
        said["zero_cost_vs_apply_model"] = f"{ours} samples/s; apply_model {theirs}, {setting}"
        said["zero_cost_vs_decode_bound"] = f"{bound} images/s decoded by both cores"
    if "forward" in raw:
        ratios = (f"{name} {one['ratio']:.3f}" for name, one in raw["forward"].items())
        said["model_vs_forward_bound"] = ", ".join(ratios)
    if "masks" in raw:
        ratios = (f"{name} {one['ratio']:.2f}" for name, one in raw["masks"].items())
        said["masks_vs_apply_model"] = ", ".join(ratios)
    return said


if __name__ == "__main__":
    sys.exit(main())
