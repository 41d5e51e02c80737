"""The arguments that verbs share, and what they mean."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_labeling.cli.verbs import argument
from auto_labeling.core.errors import AutoLabelingError, ConfigError
from auto_labeling.models import class_text

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from fiftyone.core.collections import SampleCollection
    from fiftyone.core.dataset import Dataset

    from auto_labeling.sdk import Run

DATASET = argument("dataset", metavar="DATASET", help="the dataset's name")

RUN = (
    DATASET,
    argument(
        "run",
        metavar="RUN",
        help="the run: its ID, the start of its ID, its name, or 'latest'",
    ),
)

BY = argument("--by", default="", metavar="NAME", help="store your name with the run")

SAMPLES = (
    argument("--view", metavar="NAME", help="select the samples in this saved view"),
    argument("--tags", nargs="+", metavar="TAG", help="select samples with any of these tags"),
    argument(
        "--sample-ids",
        nargs="+",
        metavar="ID",
        help="select samples with these IDs. @FILE reads them from a file, one per line; @- reads "
        "standard input",
    ),
)

#: The options that select by the size and the distance of labels.
MEASURES = ("min_size", "max_size", "min_area", "max_area", "min_distance", "max_distance")

LABELS = (
    argument(
        "--min-confidence",
        type=float,
        metavar="P",
        help="select labels with at least this confidence",
    ),
    argument(
        "--max-confidence",
        type=float,
        metavar="P",
        help="select labels with at most this confidence",
    ),
    argument(
        "--without-confidence", action="store_true", help="select only labels without a confidence"
    ),
    argument(
        "--min-size",
        type=float,
        metavar="N",
        help="select boxes whose longest side is at least this: in 3D in the scene's unit, else a "
        "part of the image's width or height",
    ),
    argument(
        "--max-size",
        type=float,
        metavar="N",
        help="select boxes whose longest side is at most this",
    ),
    argument(
        "--min-area",
        type=float,
        metavar="N",
        help="select boxes in images whose area is at least this part of the image; above 1, this "
        "many pixels",
    ),
    argument(
        "--max-area",
        type=float,
        metavar="N",
        help="select boxes in images whose area is at most this",
    ),
    argument(
        "--min-distance",
        type=float,
        metavar="N",
        help="select 3D boxes that are at least this far from the origin, on the ground",
    ),
    argument(
        "--max-distance",
        type=float,
        metavar="N",
        help="select 3D boxes that are at most this far from the origin",
    ),
    argument(
        "--classes",
        action="append",
        metavar="TEXT",
        help="select labels of these classes, separated by commas. Put a backslash before a "
        "comma in a name",
    ),
    argument("--label-ids", nargs="+", metavar="ID", help="select labels with these IDs, or @FILE"),
    argument(
        "--group-slices",
        nargs="+",
        metavar="NAME",
        help="grouped datasets: select only labels in these slices (default: all)",
    ),
    *SAMPLES,
)

WAITING = (
    argument("--wait", action="store_true", help="wait until the labels can be reviewed"),
    argument("--watch", action="store_true", help="wait, and show the progress"),
    argument(
        "--here",
        action="store_true",
        help="run in this process. Needs no worker; Ctrl-C stops the run",
    ),
    argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="stop waiting after this long (the run continues)",
    ),
)

YES = argument("--yes", action="store_true", help="do not ask for confirmation")


def dataset_of(args: argparse.Namespace) -> Dataset:
    """Loads the dataset that a command names.

    Raises:
        AutoLabelingError: if there is none of that name
    """
    import fiftyone as fo

    if not fo.dataset_exists(args.dataset):
        raise AutoLabelingError(
            f"There is no dataset '{args.dataset}'. `auto-labeling list` shows the datasets with "
            "runs"
        )
    return fo.load_dataset(args.dataset)


def run_of(args: argparse.Namespace) -> Run:
    """Reads the :class:`auto_labeling.sdk.Run` that a command names."""
    from auto_labeling import sdk

    return sdk.get(dataset_of(args), args.run)


def samples_of(
    args: argparse.Namespace, dataset: Dataset
) -> tuple[SampleCollection, list[str] | None]:
    """Reads the options of :data:`SAMPLES`.

    Args:
        args: the parsed arguments
        dataset: the dataset that they name

    Returns:
        ``(samples, ids)``: the dataset or a view of it, and sample IDs or None. Samples must be
        in both
    """
    samples = view_of(args, dataset)
    if args.tags:
        samples = samples.match_tags(args.tags)
    return samples, ids_of(args.sample_ids)


def view_of(args: argparse.Namespace, dataset: Dataset) -> SampleCollection:
    """Loads the saved view that a command names.

    Args:
        args: the parsed arguments
        dataset: the dataset

    Returns:
        the view; the dataset if none is named

    Raises:
        AutoLabelingError: if the dataset has no such view
    """
    if args.view is None:
        return dataset
    if not dataset.has_saved_view(args.view):
        known = ", ".join(dataset.list_saved_views()) or "none"
        raise AutoLabelingError(
            f"'{dataset.name}' has no saved view '{args.view}'; it has: {known}"
        )
    from auto_labeling.lifecycle import media

    with media.reading(f"The saved view '{args.view}'"):
        view = dataset.load_saved_view(args.view)
        view._pipeline()
    return view


def targets_of(
    args: argparse.Namespace, dataset: Dataset, settings: Mapping[str, Any]
) -> tuple[SampleCollection, list[str] | None]:
    """Reads the target samples of a run from the options of :data:`SAMPLES`.

    Args:
        args: the parsed arguments
        dataset: the :class:`fiftyone.core.dataset.Dataset`
        settings: fields of ``RunConfig``, of which the task and the group slices count

    Returns:
        ``(samples, ids)``: the dataset or a view of it, and the sample IDs that replace it or None
    """
    from auto_labeling.app import answers
    from auto_labeling.app.targets import slices_of
    from auto_labeling.lifecycle import media
    from auto_labeling.sdk.samples import ids_in

    samples, ids = samples_of(args, dataset)
    if args.tags and samples.media_type == "group" and dataset.media_type == "group":
        # A view of groups stands for all samples of its groups; here each must have a tag.
        known = media.slices_to_label(dataset, answers.task_of(settings))
        names = [name for name in known if name in slices_of(settings)] or known
        samples = view_of(args, dataset).select_group_slices(names).match_tags(args.tags)
    if ids is not None and samples is not dataset:
        named = set(ids)
        ids = [sample_id for sample_id in ids_in(samples, settings) if sample_id in named]
    return samples, ids


def labels_of(args: argparse.Namespace, run: Run) -> dict[str, Any]:
    """Reads the options of :data:`LABELS`.

    Args:
        args: the parsed arguments
        run: the run whose labels they select

    Returns:
        keyword arguments of ``sdk.promote``
    """
    from auto_labeling import sdk

    samples, sample_ids = samples_of(args, run.dataset)
    measures = {name: getattr(args, name) for name in MEASURES}
    view = None if samples is run.dataset else samples
    if any(limit is not None for limit in measures.values()):
        view = sdk.labels_view(run, view, **measures)
    return {
        "min_confidence": args.min_confidence,
        "max_confidence": args.max_confidence,
        "without_confidence": args.without_confidence,
        "classes": classes_of(args.classes)[0] if args.classes else None,
        "label_ids": ids_of(args.label_ids),
        "sample_ids": sample_ids,
        "view": view,
        "group_slices": args.group_slices,
    }


def ids_of(values: Iterable[str] | None) -> list[str] | None:
    """Reads IDs from the command line, each of which may be ``@FILE``."""
    if values is None:
        return None
    ids: list[str] = []
    for value in values:
        ids.extend(_read(value[1:]).split() if value.startswith("@") else [value])
    return ids


def classes_of(texts: Iterable[str]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Reads classes and prompts from the command line; each text may be ``@FILE``.

    Returns:
        ``(classes, prompts)``: the names of the classes, and the prompts by class

    Raises:
        ConfigError: if a text names prompts but no class, or no class is named
    """
    lines = [_read(text[1:]) if text.startswith("@") else text for text in texts]
    try:
        classes, prompts = class_text.read("\n".join(lines), repeated=True)
    except ValueError as error:
        raise ConfigError({"classes": str(error)}) from error
    if not classes:
        raise ConfigError({"classes": "This names no class; leave it out to use all classes"})
    return classes, prompts


def _read(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AutoLabelingError(f"{path} cannot be read: {error}") from error


def confirmed(args: argparse.Namespace, question: str) -> bool:
    """Asks a person to confirm an action that cannot be undone.

    Args:
        args: the parsed arguments; ``--yes`` answers the question
        question: a sentence that says what would happen

    Returns:
        whether the person agrees

    Raises:
        AutoLabelingError: if there is no terminal to ask on
    """
    if args.yes:
        return True
    if not sys.stdin.isatty():
        raise AutoLabelingError(f"{question} Cannot ask here; pass --yes to confirm")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().casefold() in ("y", "yes")
