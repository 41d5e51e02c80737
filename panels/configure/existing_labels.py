"""Page: analyze existing labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.core import text
from auto_labeling.core.names import STAGING_SUFFIX
from auto_labeling.lifecycle import importing
from auto_labeling.panels.state import PanelState
from auto_labeling.panels.ui import elements
from auto_labeling.panels.ui.fields import Fields, attention

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

#: Where approved labels go.
NEW, REPLACE = "new", "replace"


def render(panel: AutoLabelingPanel, ctx: ExecutionContext, state: PanelState) -> types.Property:
    """Builds the page."""
    answers, problems = state.existing, state.problems
    sources = importing.sources(ctx.dataset)
    page = elements.page()
    head = elements.row(page, "head", columns="auto 1fr", gap=1.5)
    elements.back(head, panel.go_home)
    elements.heading(head, "title", "Analyze existing labels")
    elements.text(
        page,
        "how",
        "Choose a field, and review a copy of its labels in the same way as labels from a model. "
        "Your own fields do not change until you approve.",
    )
    labels: dict[str, str] = {}
    change = panel.edit_existing
    group = Fields(page, "existing", problems, change, heard=answers, labels=labels)
    usable = [name for name, reason in sources.items() if not reason]
    options = [types.Choice(name, label=name) for name in usable]
    group.dropdown("source", "Labels", options, "Choose a field…" if usable else "No label fields")
    group.radio("goes_to", "Approved labels go to", _destinations(answers["source"]))
    if answers["goes_to"] != REPLACE:
        group.text("label_field", "Label field", "A new field")
    group.text("name", "Run name", "Optional")
    _others(page, sources)
    foot = elements.row(page, "foot", gap=1, pt=1)
    elements.button(foot, "start", "Review these labels", panel.start_import, kind="primary")
    elements.button(foot, "cancel", "Cancel", panel.go_home)
    empty = [name for name, answer in answers.items() if not answer.strip()]
    attention(foot, problems, empty, labels)
    return elements.finished(page)


def _others(page: types.Object, sources: Mapping[str, str]) -> None:
    """Says which fields are not offered, those with the same reason in one line."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in sources.items():
        if reason and not name.endswith(STAGING_SUFFIX):  # not expected here
            by_reason.setdefault(reason, []).append(name)
    if by_reason:
        lines = elements.column(page, "others", gap=0.5)
        for number, (reason, names) in enumerate(by_reason.items()):
            elements.text(lines, f"not_{number}", f"Not offered: {text.some(names)}. {reason}")


def _destinations(source: str) -> Iterator[types.Choice]:
    yield types.Choice(
        NEW, label="A new label field", description="Your existing labels do not change"
    )
    yield types.Choice(
        REPLACE,
        label=f"Replace {source or 'the field'}",
        description="Labels that you do not promote are removed from this field",
    )
