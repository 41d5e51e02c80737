"""Page: what to label with what."""

from auto_labeling import forms
from auto_labeling.panels import elements
from auto_labeling.panels.state import PanelState
from auto_labeling.run import Target


def render(panel, ctx, state: PanelState):
    """Builds the page."""
    page = elements.page()
    head = elements.row(page, "head", columns="auto 1fr", gap=1)
    elements.back(head, panel.go_home)
    elements.heading(head, "title", "Auto Label")
    counts = forms.target_counts(ctx)
    fields = forms.build(state.form, state.problems, counts, panel.edit)
    page.define_property("form", fields, view=elements.column_view(gap=2.5))
    foot = elements.row(page, "foot", gap=1, pt=1)
    elements.button(foot, "start", _verb(state, counts), panel.start, kind="primary")
    elements.button(foot, "cancel", "Cancel", panel.go_home)
    if state.problems:
        number = len(state.problems)
        said = "One answer needs" if number == 1 else f"{number} answers need"
        elements.text(foot, "wrong", f"{said} another look", color="error.main")
    return elements.finished(page)


def _verb(state, counts):
    try:
        number = counts[Target(state.form["target"])]
    except ValueError:
        return "Generate labels"
    return f"Generate labels for {number:,} sample" + ("" if number == 1 else "s")
