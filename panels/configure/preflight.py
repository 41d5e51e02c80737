"""What stands on the configure page before a run starts: a preview, and how things stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import fiftyone.core.labels as fol
import fiftyone.operators.types as types

from auto_labeling.app import answers
from auto_labeling.core import text
from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.core.run import Method
from auto_labeling.core.settings import RunConfig
from auto_labeling.lifecycle import labeling
from auto_labeling.lifecycle.preflight import Weights
from auto_labeling.panels.configure.preview import Job
from auto_labeling.panels.configure.resolved_form import ResolvedForm
from auto_labeling.panels.ui import elements, styles

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

_MAX_CLASSES = 4
_TICK = 1000


def add_preview(page: types.Object, panel: AutoLabelingPanel, job: Job, config: RunConfig) -> None:
    """Adds the result of a preview, or its progress.

    Args:
        page: the page
        panel: the panel
        job: the preview
        config: what the form asks for now
    """
    card = elements.card(page, "preview", mt=1)
    head = elements.row(card, "head", columns="minmax(0, 1fr) auto")
    elements.text(head, "title", "Preview", "subtitle1", color="text.primary", bold=True)
    if not job.done:
        elements.progress(card, "working", None, f"{job.says}…")
        elements.timer(page, panel.refresh, _TICK)
        return
    elements.button(head, "hide", "Hide", panel.hide_preview)
    if job.error or job.trial is None:
        elements.alert(card, "failed", "error", "Preview failed", job.error)
        return
    elements.text(card, "nothing_written", _summary(job, job.trial, config))
    look = {**elements.equal_columns(2), **styles.ONE_COLUMN}
    grid = elements.column(card, "pictures", gap=1.5, alignItems="start", **look)
    for number, (preview, picture) in enumerate(zip(job.trial.previews, job.pictures, strict=True)):
        _add_one(grid, f"sample_{number}", preview, picture)


def _summary(job: Job, trial: labeling.Trial, config: RunConfig) -> str:
    total = sum(_count(preview.labels) for preview in trial.previews)
    samples = text.count(len(trial.previews), "sample")
    summary = f"{text.count(total, 'label')} on {samples}. Nothing was written"
    return summary if job.is_of(config) else f"{summary}. Settings have changed since this preview"


def _add_one(grid: types.Object, name: str, preview: labeling.Preview, picture: str) -> None:
    cell = elements.column(grid, name, gap=0.5)
    title = preview.filepath.replace("\\", "/").rpartition("/")[2]
    if picture:
        view = types.ImageView(
            alt=f"Preview of {title}",
            componentsProps={"image": {"style": {"width": "100%", "borderRadius": 4}}},
        )
        cell.define_property("picture", types.String(), view=view, default=picture)
    if preview.error:
        elements.text(cell, "error", f"{title}: {preview.error}", color="error.main")
    else:
        elements.text(cell, "says", _classes(preview.labels), title=title)
    if preview.guess:
        elements.text(cell, "guess", f"Read as {preview.guess} (a guess)")
    if preview.tilted:
        elements.text(cell, "tilted", "Some boxes are turned about x or y")


def _count(labels: fol.Label | None) -> int:
    if labels is None:
        return 0
    return len(labels.detections) if hasattr(labels, "detections") else 1


def _classes(labels: fol.Label | None) -> str:
    """The classes on a sample and how often each is there: ``"star (3), circle (2)"``."""
    if labels is None:
        return "Nothing found"
    if not hasattr(labels, "detections"):
        confidence = "" if labels.confidence is None else f" ({labels.confidence:.2f})"
        return f"{labels.label}{confidence}"
    numbers = Counter(detection.label for detection in labels.detections)
    if not numbers:
        return "Nothing found"
    named = [f"{label} ({number:,})" for label, number in numbers.most_common()]
    return text.some(named, _MAX_CLASSES)


def add_preflight(
    page: types.Object, panel: AutoLabelingPanel, form: ResolvedForm, job: Job | None
) -> None:
    """Adds how things stand for a run.

    Args:
        page: the page
        panel: the panel
        form: the answers, and what they mean
        job: the window's preview, if there is one
    """
    config, samples = form.draft, form.samples or 0
    trial = job.trial if job and job.is_of(config) else None
    try:
        report = labeling.preflight(form.dataset, config, samples=samples, tried=trial, wait=False)
    except ModelUnavailable:  # its field shows it
        return
    if report.asking_workers and (job is None or job.done):  # a preview has a timer of its own
        elements.timer(page, panel.refresh, _TICK)
    card = elements.card(page, "preflight", mt=1)
    elements.text(card, "title", "Before you start", "subtitle1", color="text.primary", bold=True)
    for number, warning in enumerate(report.warnings):
        elements.alert(card, f"warning_{number}", "warning", warning)
    inline = answers.makes_masks(form.answers) and form.answers["masks"] == answers.MASKS_INLINE
    open_stage = config.method is Method.TWO_STAGE and not config.segmenter
    elements.facts(card, "facts", _facts(report, inline, open_stage))
    can_be_tried = _are_here(report.weights)  # nothing is downloaded for that
    if report.estimated_seconds is None and can_be_tried and (job is None or job.done):
        few = min(samples, labeling.MAX_PREVIEW_SAMPLES) or labeling.MAX_PREVIEW_SAMPLES
        elements.button(card, "try", f"Measure on {text.count(few, 'sample')}", panel.preview)


def _facts(report: labeling.Preflight, inline_masks: bool, open_stage: bool) -> dict[str, str]:
    weights = [_weights(model) for model in report.weights]
    return {
        "Samples": f"{report.samples:,}",
        "Weights": "\n".join([*weights, *(["Segmenter: not chosen yet"] if open_stage else [])]),
        "Device": _device(report),
        "Packages": _packages(report),
        "Free disk": "\n".join(
            f"{text.size(disk.free_bytes)} for {disk.holds} ({disk.folder})"
            for disk in report.free_disk
            if disk.holds == "masks" or not _are_here(report.weights)
        ),
        "Masks": "In the dataset" if inline_masks else "",
        "Time": _time(report),
    }


def _are_here(weights: Iterable[Weights]) -> bool:
    return all(model.on_disk for model in weights)


def _weights(weights: Weights) -> str:
    if weights.own:
        return "\n".join(f"{weights.model}: {line}" for line in weights.own)
    size = f"{text.size(weights.size_bytes)}, " if weights.size_bytes else ""
    named = f"{weights.name}, " if weights.name else ""
    there = "on this machine" if weights.on_disk else "downloaded by the worker when the run starts"
    return f"{weights.model}: {named}{size}{there}"


def _device(report: labeling.Preflight) -> str:
    if report.device == "cpu":
        return "CPU"
    if report.worker_devices:
        return "\n".join(f"Worker: {device}" for device in report.worker_devices)
    named = f" '{report.device}'" if report.device else ""
    if not report.gpus:
        here = f"No GPU{named} here" if named else "CPU on this machine"
        return f"{here}; a worker elsewhere may have a GPU"
    if not report.device_found:
        return f"No device{named} on this machine; it has {text.count(report.gpus, 'GPU')}"
    return f"{text.count(report.gpus, 'GPU')} on this machine"


def _packages(report: labeling.Preflight) -> str:
    if report.missing_packages:
        return f"{', '.join(report.missing_packages)} not installed on this machine"
    return "All installed on this machine"


def _time(report: labeling.Preflight) -> str:
    if report.estimated_seconds is None or report.speed is None:
        here = _are_here(report.weights)
        how = "try a few samples for an estimate" if here else "the first run will measure it"
        return f"Not measured on any machine yet; {how}"
    total = text.duration(max(1.0, report.estimated_seconds))
    startup = text.duration(max(1.0, report.startup_seconds or 0))
    about = f"About {total} after a worker takes it, {startup} of that to start"
    if not report.is_startup_measured:
        about += " (assumed, not measured yet)"
    speed = report.speed
    if report.estimated_from == "measured":
        return f"{about}; at the speed measured on {speed.machine} ({speed.device})"
    return f"{about}; at the speed measured in the preview here ({speed.device})"
