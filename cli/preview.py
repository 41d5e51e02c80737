"""``preview`` and ``run --dry-run``: try a model and check a run before it starts."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_labeling.cli import flags, output
from auto_labeling.cli.arguments import DATASET, dataset_of
from auto_labeling.cli.verbs import RUN_FAILED, argument, verb
from auto_labeling.core import text
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import TILTED

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from fiftyone.core.collections import SampleCollection
    from fiftyone.core.labels import Label

    from auto_labeling.lifecycle.labeling import Preflight, Preview
    from auto_labeling.lifecycle.preflight import Weights

_WIDTH = 960


@verb(
    "preview",
    DATASET,
    flags.CONFIG,
    flags.of_run(),
    flags.TARGETS,
    argument(
        "--output", type=Path, metavar="DIR", help="save a picture of each sample in this folder"
    ),
    argument(
        "--width",
        type=int,
        default=_WIDTH,
        metavar="N",
        help=f"limit width and height of a picture to this many pixels (default: {_WIDTH})",
    ),
    examples=(
        "preview photos --task detection --model shapes-yolo",
        "preview photos --config run.yml --view unlabeled --output pictures",
        "preview photos --config run.yml --confidence 0.5 --json",
    ),
)
def preview(args: argparse.Namespace) -> int | None:
    """Try a model on a few samples. Nothing is written to the dataset.

    It runs in this process and downloads nothing. A label field is not needed.
    """
    from auto_labeling import sdk

    if args.width < 1:
        raise AutoLabelingError(f"--width must be at least 1 pixel, not {args.width}")
    samples, ids, answers = flags.targets_and_answers(args, dataset_of(args))
    previews = sdk.preview(samples, answers, sample_ids=ids)
    saved = [_save(args, result) for result in previews] if args.output else [""] * len(previews)
    if args.json:
        with_paths = zip(previews, saved, strict=True)
        output.show_json([_facts(result) | {"picture": path} for result, path in with_paths])
    else:
        rows = [row for result in previews for row in _rows(result)]
        output.show(output.table(rows, ("sample_id", "file", "label", "confidence", "box")))
        for result in previews:
            if result.guess:
                output.say(f"{Path(result.filepath).name} was read as {result.guess} (a guess)")
            if result.tilted:
                output.say(f"{Path(result.filepath).name} has {TILTED}: turned about x or y")
        if args.output:
            output.say(f"Pictures saved to {args.output}: {sum(map(bool, saved)):,}")
    return RUN_FAILED if all(result.error for result in previews) else None


def _save(args: argparse.Namespace, result: Preview) -> str:
    """Saves the picture of a sample, and returns its path; empty if there is none."""
    try:
        picture = result.picture(args.width)
    except (OSError, ValueError):  # shown as the sample's error
        return ""
    path = args.output / f"{Path(result.filepath).stem}-{result.sample_id}.jpg"
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
    except OSError as error:
        raise AutoLabelingError(f"{path} cannot be written: {error.strerror or error}") from error
    return str(path)


def _facts(result: Preview) -> dict[str, Any]:
    return {
        "sample_id": result.sample_id,
        "filepath": result.filepath,
        "labels": [_label(label) for label in _labels(result)],
        "error": result.error,
        "guess": result.guess,
    }


def _labels(result: Preview) -> list[Label]:
    if result.labels is None:
        return []
    if hasattr(result.labels, "detections"):
        return list(result.labels.detections)
    return [result.labels]


def _label(label: Label) -> dict[str, Any]:
    facts = {"label": label.label, "confidence": label.confidence}
    if "location" in label.field_names:
        facts |= {name: list(label[name]) for name in ("location", "dimensions", "rotation")}
    elif hasattr(label, "bounding_box"):
        facts["bounding_box"] = [float(part) for part in label.bounding_box]
        facts["has_mask"] = label.mask is not None
    return facts


def _rows(result: Preview) -> Iterator[dict[str, Any]]:
    """Yields a row for each label of a sample, or one for its error, or "(nothing)"."""
    base = {"sample_id": result.sample_id, "file": Path(result.filepath).name, "confidence": None}
    if not _labels(result):
        yield {**base, "label": result.error or "(nothing)", "box": ""}
    for label in map(_label, _labels(result)):
        parts = label.get("bounding_box", ()) or [
            part for name in ("location", "dimensions", "rotation") for part in label.get(name, ())
        ]
        box = " ".join(f"{part:.3f}" for part in parts)
        yield {**base, "label": label["label"], "confidence": label["confidence"], "box": box}


def preflight(
    args: argparse.Namespace,
    samples: SampleCollection,
    ids: Sequence[str] | None,
    answers: Mapping[str, Any],
) -> None:
    """Prints a preflight report for a run.

    Args:
        args: the parsed arguments
        samples: the dataset, or a view of it
        ids: sample IDs that replace ``samples``, or None
        answers: fields of ``RunConfig``

    Raises:
        ConfigError: with a sentence for every wrong field
    """
    from auto_labeling import sdk

    report = sdk.preflight(samples, answers, sample_ids=ids)
    if args.json:
        output.show_json(report.model_dump(mode="json"))
        return
    output.show(output.facts(_in_words(report)))
    for warning in report.warnings:
        output.say(f"warning: {warning}")
    output.say("Nothing was started")


def _in_words(report: Preflight) -> dict[str, Any]:
    """Returns a preflight report as people read it."""
    missing = ", ".join(report.missing_packages)
    return {
        "samples": report.samples,
        "weights": tuple(map(_weights, report.weights)),
        "device": report.device or "a GPU, if available",
        "GPUs on this machine": report.gpus,
        "workers": report.worker_devices,
        "packages": f"missing on this machine: {missing}"
        if missing
        else "all installed on this machine",
        "free disk": tuple(
            f"{text.size(disk.free_bytes)} for {disk.holds} in {disk.folder}"
            for disk in report.free_disk
        ),
        "time": _time(report),
    }


def _weights(weights: Weights) -> str:
    if weights.own:
        return f"{weights.model}: {', '.join(weights.own)}"
    place = "on this machine" if weights.on_disk else "the worker will download them"
    size = f"{text.size(weights.size_bytes)}, " if weights.size_bytes else ""
    name = f"{weights.name}, " if weights.name else ""
    return f"{weights.model}: {name}{size}{place}"


def _time(report: Preflight) -> str:
    if report.estimated_seconds is None or report.speed is None:
        return "no speed measured yet"
    seconds = text.duration(report.estimated_seconds)
    startup = text.duration(report.startup_seconds or 0)
    how = "measured" if report.is_startup_measured else "assumed"
    return (
        f"about {seconds} after a worker takes it, {startup} of that to start ({how}); "
        f"at the speed measured on {report.speed.machine} ({report.speed.device})"
    )
