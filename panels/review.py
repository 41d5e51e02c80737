"""Page: the review of a run, and its Review tab.

The tab is the sidebar's filter: what the grid shows is what the panel counts and promotes.
"""

import fiftyone.operators.types as types

from auto_labeling import labeling
from auto_labeling.panels import approval, elements, progress, visit, words
from auto_labeling.panels.state import PanelState
from auto_labeling.review import summary
from auto_labeling.run import Run


def render(panel, ctx, state: PanelState):
    """Builds the page."""
    run = labeling.get(ctx.dataset, state.run_id)
    shown = visit.shown(ctx, state, run)
    numbers = summary.summarize(ctx.dataset, run, shown, state.tab)
    page = elements.page()
    progress.head_of(page, panel, run)
    _tabs(page, panel, numbers.totals)
    if state.tab == "approval":
        approval.render(page, panel, ctx, state, run, numbers)
    else:
        _, label = visit.looking_at(ctx, state, run)
        _review(page, panel, ctx, state, run, numbers, label)
    if visit.is_unsettled(ctx, state, run):
        elements.once(page, panel.restore)
    return elements.finished(page)


def _tabs(page, panel, totals):
    view = types.TabsView()
    for tab, total in totals.items():
        view.add_choice(tab, label=f"{tab.capitalize()} ({total:,})")
    page.enum("tab", view.values(), view=view, on_change=panel.select_tab)


def _review(page, panel, ctx, state, run, numbers, label):
    if run.failed:
        _failed(page, panel, run)
    if not numbers.total:
        _nothing_left(page, run)
        return
    _confidence(page, panel, state)
    bar = elements.row(page, "bar", columns="minmax(0, 1fr) auto", gap=2)
    elements.text(bar, "hint", "Click a class to see only its labels, and again to see all")
    elements.button(
        bar,
        "promote",
        f"Add {words.count(numbers.current, 'label')} for approval",
        panel.promote,
        kind="primary",
        disabled=not numbers.current,
        params={"run_id": run.id, "expected": numbers.current},
    )
    labels = visit.of(ctx).rows = [row.label for row in numbers.rows]
    elements.table(
        page,
        "classes",
        {"label": "Label", "instances": "Instances", "confidence": "Confidence"},
        rows_of(numbers),
        selected=[labels.index(label)] if label in labels else (),
        on_click_row=panel.toggle_class,
    )


def rows_of(numbers) -> list:
    """The table of a :class:`auto_labeling.review.summary.Summary`."""
    return [
        [
            str(row.label),
            f"{row.current:,} of {row.total:,}",
            words.confidence(row.confidence),
        ]
        for row in numbers.rows
    ]


def _nothing_left(page, run: Run):
    if run.labels:
        elements.alert(page, "empty", "success", "Every label of this run is in the Approval tab")
    else:
        elements.alert(page, "empty", "info", "The model found nothing in these samples")


def _failed(page, panel, run):
    line = elements.row(page, "failed", columns="1fr auto")
    elements.text(line, "said", f"{words.count(run.failed, 'sample')} could not be labeled")
    elements.button(line, "retry", "Try again", panel.resume, params={"run_id": run.id})


def _confidence(page, panel, state):
    low, high = state.bounds
    wrong = bounds_problem(low, high)
    filters = types.Object()
    filters.list(
        "confidence",
        types.Number(),
        on_change=panel.slide_confidence,
        view=types.SliderView(
            label="Confidence",
            label_position="top",
            min=0,
            max=1,
            view_multiple_of=0.01,
            value_label_display="auto",
            value_precision=2,
            componentsProps={"container": {"sx": {"my": -3, "mx": -1}}},
        ),
    )
    for name, label in (("low", "From"), ("high", "To")):
        field = types.TextFieldView(label=label, componentsProps={"field": {"error": bool(wrong)}})
        filters.float(name, min=0, max=1, view=field, on_change=panel.type_confidence)
    layout = elements.row_view(columns="minmax(0, 1fr) 6rem 6rem", gap=2)
    page.define_property("filters", filters, view=layout)
    if wrong:
        elements.text(page, "wrong", wrong, color="error.main")


def bounds_problem(low, high) -> str:
    """What is wrong with the two number fields, if anything."""
    low, high = bounds(low, high)
    if not (0 <= low <= 1 and 0 <= high <= 1):
        return "A confidence is a number from 0 to 1"
    return "The range ends before it begins" if low > high else ""


def bounds(low, high) -> tuple:
    """The two number fields, where an empty one means no limit."""
    return (visit.FULL[0] if low is None else low), (visit.FULL[1] if high is None else high)
