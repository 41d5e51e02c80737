"""``preview`` and ``run --dry-run``: what there is to know before a run."""

import argparse
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from auto_labeling.cli import flags, output
from auto_labeling.cli.arguments import DATASET, dataset_of
from auto_labeling.cli.verbs import RUN_FAILED, argument, verb
from auto_labeling.core.errors import AutoLabelingError

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
        help=f"maximum width and height of a picture, in pixels (default: {_WIDTH})",
    ),
    examples=(
        "preview photos --task detection --model shapes-yolo",
        "preview photos --config run.yml --view unlabeled --output pictures",
        "preview photos --config run.yml --confidence 0.5 --json",
    ),
)
def preview(args: argparse.Namespace) -> int | None:
    """Try a model on up to 8 samples. Nothing is written to the dataset.

    It runs in this process and downloads nothing. You need not name a label field.
    """
    from auto_labeling import sdk

    if args.width < 1:
        raise AutoLabelingError(f"--width must be at least 1 pixel, not {args.width}")
    samples, ids, answers = flags.asked(args, dataset_of(args))
    previews = sdk.preview(samples, answers, sample_ids=ids)
    saved = [_save(args, one) for one in previews] if args.output else [""] * len(previews)
    if args.json:
        found = zip(previews, saved, strict=True)
        output.show_json([_facts(one) | {"picture": path} for one, path in found])
    else:
        rows = [row for one in previews for row in _rows(one)]
        output.show(output.table(rows, ("sample_id", "file", "label", "confidence", "box")))
        for one in previews:
            if one.guess:
                output.say(f"{Path(one.filepath).name} was read as {one.guess} (a guess)")
        if args.output:
            output.say(f"Pictures saved to {args.output}: {sum(map(bool, saved)):,}")
    return RUN_FAILED if all(one.error for one in previews) else None


def _save(args: argparse.Namespace, one) -> str:
    """Saves the picture of a sample, and returns its path; empty if there is none."""
    try:
        picture = one.picture(args.width)
    except (OSError, ValueError):  # said as the sample's error
        return ""
    path = args.output / f"{Path(one.filepath).stem}-{one.sample_id}.jpg"
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
    except OSError as error:
        raise AutoLabelingError(f"{path} cannot be written: {error.strerror or error}") from error
    return str(path)


def _facts(one) -> dict:
    return {
        "sample_id": one.sample_id,
        "filepath": one.filepath,
        "labels": [_label(label) for label in _labels(one)],
        "error": one.error,
        "guess": one.guess,
    }


def _labels(one) -> list:
    if one.labels is None:
        return []
    return list(one.labels.detections) if hasattr(one.labels, "detections") else [one.labels]


def _label(label: str) -> dict:
    said = {"label": label.label, "confidence": label.confidence}
    if hasattr(label, "bounding_box"):
        said["bounding_box"] = [float(part) for part in label.bounding_box]
        said["has_mask"] = label.mask is not None
    return said


def _rows(one) -> Iterator[dict]:
    """A row for each label of a sample; one that says so if there are none."""
    of = {"sample_id": one.sample_id, "file": Path(one.filepath).name, "confidence": None}
    if not _labels(one):
        yield {**of, "label": one.error or "(nothing)", "box": ""}
    for label in map(_label, _labels(one)):
        box = " ".join(f"{part:.3f}" for part in label.get("bounding_box", ()))
        yield {**of, "label": label["label"], "confidence": label["confidence"], "box": box}


def preflight(args: argparse.Namespace, samples, ids, answers) -> None:
    """Prints a preflight report for a run.

    Args:
        args: the parsed arguments
        samples: the dataset, or a view of it
        ids: sample ids, in place of all of ``samples``; or None
        answers: fields of ``RunConfig``

    Raises:
        ConfigError: with a sentence for every wrong field
    """
    from auto_labeling import sdk

    found = sdk.preflight(samples, answers, sample_ids=ids)
    if args.json:
        output.show_json(found.model_dump(mode="json"))
        return
    output.show(output.facts(_said(found)))
    for warning in found.warnings:
        output.say(f"warning: {warning}")
    output.say("Nothing was started")


def _said(found) -> dict:
    """How things stand, as people read it."""
    missing = ", ".join(found.missing_packages)
    return {
        "samples": found.samples,
        "weights": tuple(_weights(one) for one in found.weights),
        "device": found.device or "a GPU, if available",
        "GPUs on this machine": found.gpus,
        "workers": found.worker_devices,
        "packages": f"missing on this machine: {missing}"
        if missing
        else "all installed on this machine",
        "free disk": tuple(
            f"{output.size(disk.free_bytes)} for {disk.holds} in {disk.folder}"
            for disk in found.free_disk
        ),
        "time": _time(found),
    }


def _weights(one) -> str:
    if one.own:
        return f"{one.model}: {', '.join(one.own)}"
    there = "on this machine" if one.on_disk else "the worker will download them"
    large = f"{output.size(one.size_bytes)}, " if one.size_bytes else ""
    named = f"{one.name}, " if one.name else ""
    return f"{one.model}: {named}{large}{there}"


def _time(found) -> str:
    if found.estimated_seconds is None:
        return "no speed measured yet"
    about = timedelta(seconds=round(found.estimated_seconds))
    return f"about {about} (measured on {found.speed.machine}, {found.speed.device})"
