"""Page: what to label with what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import fiftyone.operators.types as types
from fiftyone.core.dataset import Dataset
from fiftyone.operators import ExecutionContext

from auto_labeling.core import text
from auto_labeling.core.run import Target
from auto_labeling.lifecycle import converting, labeling, media
from auto_labeling.panels.configure import preflight, preview
from auto_labeling.panels.configure.form import Form
from auto_labeling.panels.configure.resolved_form import ResolvedForm
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements
from auto_labeling.panels.ui.fields import attention
from auto_labeling.panels.window_memory import ByWindow

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

_MAX_WINDOWS = 1000
_shown: ByWindow = ByWindow(_MAX_WINDOWS)  # numbers of target samples


def render(panel: AutoLabelingPanel, ctx: ExecutionContext, state: PanelState) -> types.Property:
    """Builds the page."""
    page = elements.page()
    head = elements.row(page, "head", columns="auto 1fr", gap=1.5)
    elements.back(head, panel.go_home)
    elements.heading(head, "title", "Auto Label")
    _point_clouds(page, panel, ctx.dataset)
    if reason := media.refusal(ctx.dataset):
        elements.alert(page, "refused", "warning", reason, media.remedy(ctx.dataset))
        return elements.finished(page)
    if not labeling.is_persistent(ctx.dataset):
        elements.alert(page, "fleeting", "warning", "This dataset is not persistent", _FLEETING)
        elements.button(
            page, "persist", "Make the dataset persistent", panel.make_persistent, kind="secondary"
        )
    form = ResolvedForm(ctx, state)
    _shown.note(state.window, form.counts)
    drawn = Form(panel, form)
    drawn.add_to(page)
    job = preview.of(state.window)
    _before_a_run(page, panel, form, job)
    foot = elements.row(page, "foot", gap=1, pt=1)
    elements.button(foot, "start", _verb(form.samples), panel.start, kind="primary")
    if form.spec is not None:
        label = "Preview again" if job else "Preview"
        elements.button(foot, "look", label, panel.preview, title=_PREVIEW)
    elements.button(foot, "cancel", "Cancel", panel.go_home)
    _add_missing(foot, form, drawn.labels)
    return elements.finished(page)


def _point_clouds(page: types.Object, panel: AutoLabelingPanel, dataset: Dataset) -> None:
    """Asks whether to convert point clouds in formats that FiftyOne does not show."""
    found = converting.unshown(dataset)
    if found is None:
        return
    number = text.count(len(found.files), "point cloud")
    of_slice = f" of the slice '{elements.plain(found.slice)}'" if found.slice else ""
    elements.alert(
        page,
        "unshown",
        "info",
        f"FiftyOne does not show {number} because of the file format",
        f"Convert the files{of_slice} to label them. This writes a .pcd file beside each original, "
        "and the samples then show the new files. The originals do not change.",
    )
    elements.button(page, "convert", f"Convert {number}", panel.convert_files)


_FLEETING = (
    "FiftyOne deletes it and its runs when the session that created it ends. Make it persistent "
    "to start a run."
)


def shows(state: PanelState, counts: Mapping[Target, int]) -> bool:
    """Whether the page of a window shows these numbers of target samples already.

    What a page shows is kept here: the state that comes with an event may be older than the page.
    """
    return _shown.get(state.window) == counts


_PREVIEW = (
    f"Try the model on up to {labeling.MAX_PREVIEW_SAMPLES} samples "
    "(your selection, or the first ones)"
)


def _before_a_run(
    page: types.Object,
    panel: AutoLabelingPanel,
    form: ResolvedForm,
    job: preview.Job | None,
) -> None:
    """Adds what a preview found, and how things stand for the run."""
    if form.spec is None:
        return
    if job is not None:
        preflight.add_preview(page, panel, job, form.draft)
    if "ids" not in form.problems:  # nothing can be said of samples that are not known
        preflight.add_preflight(page, panel, form, job)


def _add_missing(foot: types.Object, form: ResolvedForm, labels: Mapping[str, str]) -> None:
    """Adds what is wrong, or else what is missing, beside the button."""
    if form.problems:
        attention(foot, form.problems, form.missing, labels)
        return
    missing = list(form.missing.values())
    if form.samples == 0 and "ids" not in form.missing:
        missing.insert(0, "samples")
    if missing:
        elements.text(foot, "missing", f"Still needed: {', '.join(missing)}")


def _verb(samples: int | None) -> str:
    return "Generate labels" + (f" for {text.count(samples, 'sample')}" if samples else "")
