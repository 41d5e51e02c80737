"""Page: analyze existing labels."""

import fiftyone.operators.types as types

from auto_labeling import importing
from auto_labeling.panels import elements
from auto_labeling.panels.state import PanelState

#: Where approved labels go.
NEW, REPLACE = "new", "replace"


def render(panel, ctx, state: PanelState):
    """Builds the page."""
    answers, problems = state.existing, state.problems
    fields = importing.sources(ctx.dataset)
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
    usable = [name for name, reason in fields.items() if not reason]
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
    for number, (name, reason) in enumerate((n, r) for n, r in fields.items() if r):
        elements.text(page, f"not_{number}", f"{name} is not offered: {reason}")
    foot = elements.row(page, "foot", gap=1, pt=1)
    elements.button(foot, "start", "Review these labels", panel.start_import, kind="primary")
    elements.button(foot, "cancel", "Cancel", panel.go_home)
    return elements.finished(page)


def _choices(names, problem):
    view = types.DropdownView(placeholder="Choose a field", **_props("Labels", problem))
    for name in names:
        view.add_choice(name, label=name)
    return view


def _destination(form, panel, answers):
    source = answers["source"] or "the field"
    view = types.RadioGroup(orientation="horizontal", label="Approved labels go to")
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
    red = {"color": "error.main"}
    looks = {"caption": red, "header": {"caption": red}, "field": {"error": True}}
    return {"label": label, "caption": problem, "componentsProps": looks}
