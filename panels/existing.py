"""Page: analyze existing labels."""

import fiftyone.operators.types as types

from auto_labeling import importing
from auto_labeling.names import STAGING_SUFFIX
from auto_labeling.panels import elements, fields, looks, words
from auto_labeling.panels.state import PanelState

#: Where approved labels go.
NEW, REPLACE = "new", "replace"


def render(panel, ctx, state: PanelState):
    """Builds the page."""
    answers, problems = state.existing, state.problems
    sources = importing.sources(ctx.dataset)
    page = elements.page()
    head = elements.row(page, "head", columns="auto 1fr", gap=1)
    elements.back(head, panel.go_home)
    elements.heading(head, "title", "Analyze existing labels")
    elements.text(
        page,
        "how",
        "The labels of a field are copied, and you review the copy as you would what a model "
        "made. Nothing of yours changes until you approve.",
    )
    form = types.Object()
    usable = [name for name, reason in sources.items() if not reason]
    form.enum(
        "source",
        usable,
        view=_choices(usable, problems.get("source")),
        on_change=panel.edit_existing,
    )
    _destination(form, panel, answers)
    if answers["goes_to"] != REPLACE:
        form.str(
            "label_field",
            view=_text("Label field", "A new field", problems.get("label_field")),
            on_change=panel.edit_existing,
        )
    form.str("name", view=_text("Run name", "Optional", problems.get("name")))
    page.define_property("existing", form, view=elements.column_view(gap=2.5))
    _others(page, sources)
    foot = elements.row(page, "foot", gap=1, pt=1)
    elements.button(foot, "start", "Review these labels", panel.start_import, kind="primary")
    elements.button(foot, "cancel", "Cancel", panel.go_home)
    return elements.finished(page)


def _others(page, sources):
    """Says which fields are not offered, those with the same reason in one line."""
    by_reason = {}
    for name, reason in sources.items():
        if reason and not name.endswith(STAGING_SUFFIX):  # nobody looks for those here
            by_reason.setdefault(reason, []).append(name)
    if by_reason:
        lines = elements.column(page, "others", gap=0.5)
        for number, (reason, names) in enumerate(by_reason.items()):
            elements.text(lines, f"not_{number}", f"Not offered: {words.some(names)}. {reason}")


def _choices(names, problem):
    view = types.DropdownView(placeholder="Choose a field", **_props("Labels", problem))
    for name in names:
        view.add_choice(name, label=name)
    return view


def _destination(form, panel, answers):
    source = answers["source"] or "the field"
    view = types.RadioGroup(
        orientation="horizontal",
        label="Approved labels go to",
        componentsProps=fields.in_columns(2),
    )
    view.add_choice(NEW, label="A new label field", description="What you have stays as it is")
    view.add_choice(
        REPLACE,
        label=f"Replace {source}",
        description="Labels that you do not promote will be gone from it",
    )
    form.enum("goes_to", [NEW, REPLACE], view=view, on_change=panel.edit_existing)


def _text(label, placeholder, problem):
    return types.TextFieldView(placeholder=placeholder, **_props(label, problem))


def _props(label, problem):
    if not problem:
        return {"label": label}
    red = {"sx": looks.WRONG}
    parts = {"caption": red, "header": {"caption": red}, "field": {"error": True}}
    return {"label": label, "caption": problem, "componentsProps": parts}
