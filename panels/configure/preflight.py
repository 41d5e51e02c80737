"""What stands on the configure page before a run starts: a preview, and how things stand."""

from collections import Counter

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.core import text as words
from auto_labeling.core.errors import ModelUnavailable
from auto_labeling.core.run import Method
from auto_labeling.core.settings import RunConfig
from auto_labeling.lifecycle import labeling
from auto_labeling.panels.ui import elements, styles

_MOST_CLASSES = 4
_TICK = 1000


def add_preview(page: types.Object, panel, job, config: RunConfig) -> None:
    """Adds what a preview has found, or how far it is.

    Args:
        page: the page
        panel: the panel
        job: its :class:`auto_labeling.panels.configure.preview.Job`
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
    if job.error:
        elements.alert(card, "failed", "error", "Preview failed", job.error)
        return
    elements.text(card, "nothing_written", _found(job, config))
    look = {**elements.equal_columns(2), **styles.ONE_COLUMN}
    grid = elements.column(card, "pictures", gap=1.5, alignItems="start", **look)
    for number, (preview, picture) in enumerate(zip(job.trial.previews, job.pictures, strict=True)):
        _add_one(grid, f"sample_{number}", preview, picture)


def _found(job, config: RunConfig):
    total = sum(_count(preview.labels) for preview in job.trial.previews)
    samples = words.count(len(job.trial.previews), "sample")
    text = f"{words.count(total, 'label')} on {samples}. Nothing was written"
    return text if job.is_of(config) else f"{text}. Settings have changed since this preview"


def _add_one(grid, name: str, preview, picture) -> None:
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


def _count(labels) -> int:
    if labels is None:
        return 0
    return len(labels.detections) if hasattr(labels, "detections") else 1


def _classes(labels) -> str:
    """What was found on a sample: ``"star (3), circle (2)"``."""
    if labels is None:
        return "Nothing found"
    if not hasattr(labels, "detections"):
        sure = "" if labels.confidence is None else f" ({labels.confidence:.2f})"
        return f"{labels.label}{sure}"
    found = Counter(detection.label for detection in labels.detections)
    if not found:
        return "Nothing found"
    named = [f"{label} ({number:,})" for label, number in found.most_common()]
    return words.some(named, _MOST_CLASSES)


def add_preflight(
    page: types.Object,
    panel,
    ctx: ExecutionContext,
    config: RunConfig,
    samples,
    job=None,
    inline_masks=False,
) -> None:
    """Adds how things stand for a run.

    Args:
        page: the page
        panel: the panel
        ctx: the request's :class:`fiftyone.operators.executor.ExecutionContext`
        config: what the form asks for
        samples: the number of target samples
        job (None): the panel's :class:`auto_labeling.panels.configure.preview.Job`, if there is one
        inline_masks (False): whether masks go into the dataset
    """
    tried = job.trial if job and job.trial and job.is_of(config) else None
    try:
        found = labeling.preflight(ctx.dataset, config, samples=samples, tried=tried, wait=False)
    except ModelUnavailable:  # said at its field
        return
    if found.asking_workers and (job is None or job.done):  # a preview has a timer of its own
        elements.timer(page, panel.refresh, _TICK)
    card = elements.card(page, "preflight", mt=1)
    elements.text(card, "title", "Before you start", "subtitle1", color="text.primary", bold=True)
    for number, warning in enumerate(found.warnings):
        elements.alert(card, f"warning_{number}", "warning", warning)
    open_stage = config.method is Method.TWO_STAGE and not config.segmenter
    elements.facts(card, "facts", _facts(found, inline_masks, open_stage))
    can_be_tried = _are_here(found.weights)  # nothing is downloaded for that
    if found.estimated_seconds is None and can_be_tried and (job is None or job.done):
        few = min(samples, labeling.MOST_TRIED) or labeling.MOST_TRIED
        elements.button(card, "try", f"Measure on {words.count(few, 'sample')}", panel.preview)


def _facts(found, inline_masks, open_stage) -> dict:
    weights = [_weights(one) for one in found.weights]
    return {
        "Samples": f"{found.samples:,}",
        "Weights": "\n".join([*weights, *(["Segmenter: not chosen yet"] if open_stage else [])]),
        "Device": _device(found),
        "Packages": _packages(found),
        "Free disk": "\n".join(
            f"{words.size(disk.free_bytes)} for {disk.holds} ({disk.folder})"
            for disk in found.free_disk
            if disk.holds == "masks" or not _are_here(found.weights)
        ),
        "Masks": "In the dataset" if inline_masks else "",
        "Time": _time(found),
    }


def _are_here(weights):
    return all(one.on_disk for one in weights)


def _weights(weights):
    if weights.own:
        return "\n".join(f"{weights.model}: {line}" for line in weights.own)
    size = f"{words.size(weights.size_bytes)}, " if weights.size_bytes else ""
    named = f"{weights.name}, " if weights.name else ""
    there = "on this machine" if weights.on_disk else "downloaded by the worker when the run starts"
    return f"{weights.model}: {named}{size}{there}"


def _device(found):
    if found.device == "cpu":
        return "CPU"
    if found.worker_devices:
        return "\n".join(f"Worker: {one}" for one in found.worker_devices)
    named = f" '{found.device}'" if found.device else ""
    if not found.gpus:
        here = f"No GPU{named} here" if named else "CPU on this machine"
        return f"{here}; a worker elsewhere may have a GPU"
    if not found.device_found:
        return f"No device{named} on this machine; it has {words.count(found.gpus, 'GPU')}"
    return f"{words.count(found.gpus, 'GPU')} on this machine"


def _packages(found) -> str:
    if found.missing_packages:
        return f"{', '.join(found.missing_packages)} not installed on this machine"
    return "All installed on this machine"


def _time(found) -> str:
    if found.estimated_seconds is None:
        here = _are_here(found.weights)
        how = "try a few samples for an estimate" if here else "the first run will measure it"
        return f"Not measured on any machine yet; {how}"
    about = f"About {words.duration(max(1.0, found.estimated_seconds))}"
    speed = found.speed
    if found.estimated_from == "measured":
        return f"{about}, at the speed measured on {speed.machine} ({speed.device})"
    return f"{about}, as measured in the preview here ({speed.device})"
