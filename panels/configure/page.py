"""Page: what to label with what."""

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.app import answers, request, targets
from auto_labeling.core import text
from auto_labeling.lifecycle import labeling, media
from auto_labeling.panels.configure import preflight, preview
from auto_labeling.panels.configure.form import Form
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements
from auto_labeling.panels.window_memory import ByWindow

_MOST_WINDOWS = 1000
_shown: ByWindow = ByWindow(_MOST_WINDOWS)  # numbers of target samples


def render(panel, ctx: ExecutionContext, state: PanelState):
    """Builds the page."""
    page = elements.page()
    head = elements.row(page, "head", columns="auto 1fr", gap=1.5)
    elements.back(head, panel.go_home)
    elements.heading(head, "title", "Auto Label")
    if reason := media.refusal(ctx.dataset):
        elements.alert(page, "refused", "warning", reason, media.remedy(ctx.dataset))
        return elements.finished(page)
    if not labeling.is_persistent(ctx.dataset):
        elements.alert(page, "fleeting", "warning", "This dataset is not persistent", _FLEETING)
        elements.button(
            page, "persist", "Make the dataset persistent", panel.make_persistent, kind="secondary"
        )
    counts = targets.counts(ctx.dataset, request.request(ctx), state.form)
    _shown.note(state.window, counts)
    form = Form(panel, ctx, state, counts)
    form.add_to(page)
    _before(page, panel, ctx, state, form)
    foot = elements.row(page, "foot", gap=1, pt=1)
    elements.button(foot, "start", _verb(form.samples), panel.start, kind="primary")
    if form.spec is not None:
        label = "Preview again" if preview.of(ctx.panel.id) else "Preview"
        elements.button(foot, "look", label, panel.preview, title=_PREVIEW)
    elements.button(foot, "cancel", "Cancel", panel.go_home)
    _what_is_left(foot, state, form)
    return elements.finished(page)


_FLEETING = (
    "FiftyOne deletes it and its runs when the session that created it ends. Make it persistent "
    "to start a run."
)


def shows(state: PanelState, counts: dict) -> bool:
    """Whether the page of a window shows these numbers of target samples already.

    What a page shows is kept here: the state that comes with an event may be older than the page.
    """
    return _shown.get(state.window) == counts


_PREVIEW = (
    f"Try the model on up to {labeling.MOST_TRIED} samples (your selection, or the first ones)"
)


def _before(
    page: types.Object, panel, ctx: ExecutionContext, state: PanelState, form: dict
) -> None:
    """What a preview found, and how things stand for the run."""
    if form.spec is None:
        return
    config, job = labeling.draft(answers.given(state.form)), preview.of(ctx.panel.id)
    if job is not None:
        preflight.add_preview(page, panel, job, config)
    inline = answers.makes_masks(state.form) and state.form["masks"] == answers.MASKS_INLINE
    if "ids" in form.problems:  # nothing can be said of samples that are not known
        return
    preflight.add_preflight(page, panel, ctx, config, form.samples or 0, job, inline)


def _what_is_left(foot, state: PanelState, form: dict) -> None:
    """What is wrong, or else what is missing, beside the button."""
    if form.problems:
        elements.attention(foot, form.problems)
        return
    missing = answers.missing(state.form)
    if form.samples == 0 and "sample IDs" not in missing:
        missing.insert(0, "samples")
    if missing:
        elements.text(foot, "missing", f"Still needed: {', '.join(missing)}")


def _verb(samples) -> str:
    return "Generate labels" + (f" for {text.count(samples, 'sample')}" if samples else "")
