"""What to label and how: flags, made from the settings of a run, and files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from auto_labeling.cli.arguments import SAMPLES, classes_of, targets_of
from auto_labeling.cli.verbs import Argument, argument
from auto_labeling.core.errors import AutoLabelingError, ConfigError
from auto_labeling.core.settings import Setting, settings

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from fiftyone.core.collections import SampleCollection
    from fiftyone.core.dataset import Dataset

CONFIG = argument(
    "--config",
    metavar="FILE",
    help="read the settings from a YAML or JSON file (- for standard input)",
)

TARGETS = (
    *SAMPLES,
    argument("--samples-of", metavar="RUN", help="use the target samples of another run"),
    argument("--all", action="store_true", help="use all samples, even if the file says otherwise"),
)

#: Settings without a flag of their own, and how a command sets them.
_OTHERWISE = {
    "target": "set by --view, --tags and --sample-ids",
    "prompts": "set with the classes",
}

_NUMBERS = {"number": float, "whole": int}


def of_run() -> tuple[Argument, ...]:
    """Returns a flag for each setting of a run. The answers hold only flags that were used."""
    return tuple(_flag(setting) for setting in settings() if setting.name not in _OTHERWISE)


def targets_and_answers(
    args: argparse.Namespace, dataset: Dataset
) -> tuple[SampleCollection, list[str] | None, dict[str, Any]]:
    """Reads what to label and how, from the file and from the flags, which override it.

    Args:
        args: the parsed arguments
        dataset: the dataset that they name

    Returns:
        ``(samples, ids, answers)``: the dataset or a view of it; sample IDs or None; and fields of
        ``RunConfig``

    Raises:
        ConfigError: if the options choose the target samples in two ways
        AutoLabelingError: if a file cannot be read, or configures an import
    """
    from auto_labeling import sdk

    answers = sdk.load_config(args.config) if args.config else {}
    if "source" in answers:
        raise AutoLabelingError(f"{args.config} configures an import: use `auto-labeling import`")
    answers |= _answers_of(args)
    samples, ids = targets_of(args, dataset, answers)
    if args.samples_of is not None:
        ids = sdk.sample_ids(sdk.get(dataset, args.samples_of))
    chosen = [args.samples_of, args.view or args.tags or args.sample_ids, args.all or None]
    if sum(part is not None for part in chosen) > 1:
        raise ConfigError({"target": "Use only one of --samples-of, --all, or a view, tags or IDs"})
    if args.all:
        answers["target"] = "all"
    return samples, ids, answers


def _answers_of(args: argparse.Namespace) -> dict[str, Any]:
    """Returns the flags that were used, as fields of ``RunConfig``."""
    answers = {
        setting.name: getattr(args, setting.name)
        for setting in settings()
        if getattr(args, setting.name, None) is not None
    }
    if "classes" in answers:
        classes, prompts = classes_of(answers["classes"])
        answers |= {"classes": classes, "prompts": prompts}
    return answers


def _flag(setting: Setting) -> Argument:
    name = f"--{setting.name.replace('_', '-')}"
    help = setting.description[:1].lower() + setting.description[1:]
    if setting.kind == "choice":
        return argument(name, choices=[value for value, _ in setting.choices], help=help)
    if setting.kind == "flag":
        return argument(name, action=argparse.BooleanOptionalAction, default=None, help=help)
    if setting.kind in _NUMBERS:
        limits = _limits(setting)
        return argument(name, type=_NUMBERS[setting.kind], metavar="N", help=help + limits)
    if setting.kind == "texts" and setting.name != "classes":
        return argument(name, nargs="+", metavar="TEXT", help=help)
    if setting.kind == "texts":
        more = ". Separate with commas; add prompts after a colon (name: prompt, prompt); or @FILE"
        return argument(name, action="append", metavar="TEXT", help=help + more)
    return argument(name, metavar="TEXT", help=help)


def _limits(setting: Setting) -> str:
    low, high = setting.minimum, setting.maximum
    if high is not None:
        return f" ({low} to {high})"
    return "" if low is None else f" (at least {low})"
