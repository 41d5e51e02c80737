"""The elements of which all pages are made, so that all look alike.

Styles go through MUI's theme (``text.secondary``, ``divider``), never through a colour of our
own, so that both of the App's themes work.
"""

import re
import time

import fiftyone.operators.types as types

STATUS_COLORS = {
    "Generating": "info.main",
    "In Review": "warning.main",
    "Approved": "success.main",
    "Error": "error.main",
}

#: The part of a style that holds where the panel has room for one column.
NARROW = "@container (max-width: 340px)"

_BUTTONS = {
    "primary": {"variant": "contained"},
    "secondary": {"variant": "outlined"},
    "danger": {"variant": "outlined", "color": "error.main"},
}


def page() -> types.Object:
    """An empty page."""
    return types.Object()


def finished(root: types.Object) -> types.Property:
    """The page as ``render`` returns it."""
    view = column_view(gap=2, p=3, maxWidth=760, mx="auto", containerType="inline-size")
    return types.Property(root, view=view)


def column(parent, name, gap=1, **sx) -> types.Object:
    """Adds a column: what is added to it stands one below the other."""
    child = types.Object()
    parent.define_property(name, child, view=column_view(gap=gap, **sx))
    return child


def row(parent, name, columns="auto", gap=1, **sx) -> types.Object:
    """Adds a row.

    Args:
        parent: the object to add to
        name: the row's name
        columns ("auto"): a CSS grid template, e.g. ``"1fr auto"``; by default as wide as
            what it holds, and wrapping where there is no room
    """
    child = types.Object()
    parent.define_property(name, child, view=row_view(columns, gap, **sx))
    return child


def row_view(columns="auto", gap=1, **sx) -> types.GridView:
    """A view that puts properties beside each other; see :func:`row`."""
    if columns == "auto":
        layout = {"display": "flex", "flexWrap": "wrap", "& > *": {"width": "auto"}}
    else:
        layout = {"display": "grid", "gridTemplateColumns": columns, "gridAutoFlow": "row"}
    return column_view(gap, **{"alignItems": "center", **layout, **sx})


def equal_columns(number: int) -> dict:
    """The style of a grid of equal columns, of which there are fewer where the panel is narrow."""
    columns = "repeat({}, minmax(0, 1fr))"
    return {
        "display": "grid",
        "gridTemplateColumns": columns.format(number),
        "@container (max-width: 520px)": {"gridTemplateColumns": columns.format(min(number, 2))},
        NARROW: {"gridTemplateColumns": columns.format(1)},
    }


def card(parent, name) -> types.Object:
    """Adds a card: a column on paper."""
    return column(
        parent,
        name,
        gap=1,
        p=2,
        borderRadius=1,
        border="1px solid",
        borderColor="divider",
        backgroundColor="background.paper",
    )


def text(parent, name, words, variant="body2", color="text.secondary", **props):
    """Adds a line of plain text; names that people chose are safe in it."""
    sx = {"overflowWrap": "anywhere", **props.pop("sx", {})}
    view = types.TextView(
        title=words,
        variant=variant,
        color=color,
        padding=0,
        font_size=_SIZES[variant],
        componentsProps={"text": {"sx": sx, "title": props.pop("title", None)}},
        **props,
    )
    parent.view(name, view)


_SIZES = {"h6": "1.25rem", "subtitle1": "1.05rem", "body1": "1rem", "body2": "0.875rem"}


def heading(parent, name, words):
    """Adds the heading of a page."""
    text(parent, name, words, variant="h6", color="text.primary", bold=True)


def pill(parent, name, status):
    """Adds a run's status."""
    # The pill keeps its first colour; under another name it is another pill.
    name = f"{name}_{status.lower().replace(' ', '_')}"
    color = STATUS_COLORS.get(status, "text.secondary")
    parent.view(name, types.PillBadgeView(text=status, color=color))


def progress(parent, name, fraction, label):
    """Adds a progress bar; ``fraction`` None says that it is not known."""
    known = {"default": fraction} if fraction is not None else {}
    view = types.ProgressView(label=label, componentsProps={"label": {"sx": {"mt": 0.5}}})
    parent.float(name, view=view, **known)


def button(parent, name, label, on_click, kind="secondary", **props):
    """Adds a button; ``params`` go to its handler."""
    look = _BUTTONS[kind]
    parent.view(name, types.Button(label=label, operator=on_click, **look, **props))


def tab(parent, name, label, on_click, chosen, params):
    """Adds a tab: a button that looks like one, and keeps nothing in the panel's state."""
    color = "primary.main" if chosen else "transparent"
    sx = {"borderRadius": 0, "borderBottom": "2px solid", "borderColor": color}
    view = types.Button(
        label=label,
        operator=on_click,
        params=params,
        componentsProps={
            "button": {
                "variant": "text",
                "role": "tab",
                "aria-selected": chosen,
                "sx": {**sx, "color": "text.primary" if chosen else "text.secondary"},
            }
        },
    )
    parent.view(name, view)


def histogram(parent, name, counts, span, on_click):
    """Adds a histogram over [0, 1]; what lies in ``span`` is drawn in full colour."""
    width = 1 / len(counts)
    low, high = span or (0.0, 1.0)
    lit = [low < (i + 1) * width and i * width < high for i in range(len(counts))]
    bars = {
        "type": "bar",
        "x": [round((i + 0.5) * width, 4) for i in range(len(counts))],
        "y": counts,
        "width": width * 0.92,
        "marker": {"color": "#ff6d04", "opacity": [1.0 if on else 0.25 for on in lit]},
        "hovertemplate": "%{y:,} labels around %{x:.2f}<extra></extra>",
    }
    view = types.PlotlyView(
        data=[bars],
        layout={
            "height": 110,
            "margin": {"t": 4, "b": 20, "l": 8, "r": 8},
            "xaxis": {"range": [0, 1], "fixedrange": True},
            "yaxis": {"visible": False, "fixedrange": True},
            "showlegend": False,
            "hovermode": "x",  # a click anywhere in a column is one on its bar
            "bargap": 0,
        },
        config={"displayModeBar": False},
        on_click=on_click,
    )
    parent.define_property(name, types.Object(), view=view)


def back(parent, on_click):
    """Adds the way back to the list of runs."""
    view = types.Button(
        icon="arrow_back",
        operator=on_click,
        title="Back to the runs",
        componentsProps={"button": {"aria-label": "Back to the runs", "variant": "text"}},
    )
    parent.view("back", view)


def link(parent, name, address):
    """Adds a link to a page of the web; anything else is shown as text."""
    plain = re.fullmatch(r"https?://[\w./?=&%#~+:@-]+", address)
    if not plain:
        text(parent, name, address, color="text.primary")
        return
    host = address.split("/")[2].removeprefix("www.")
    parent.md(f"[{host}]({address})", name=name)


def alert(parent, name, severity, label, description=None):
    """Adds a message that stays on the page."""
    view = types.AlertView(severity=severity, label=label, description=description)
    parent.view(name, view)


def table(parent, name, columns, rows, selected=(), action=None, **props):
    """Adds a table.

    Args:
        columns: a dict from key to label
        rows: a list of lists of strings
        selected: the indices of the rows to highlight
        action (None): what can be done with a row: a dict with keys ``name``, ``on_click``,
            ``label``, ``icon`` and ``tooltip``
    """
    view = types.TableView(
        size="small",
        componentsProps={"table": {"sx": {"minWidth": 0}, "size": "small"}},
        actions_label=" ",
        **props,
    )
    for key, label in columns.items():
        view.add_column(key, label=label)
    if action:
        view.add_row_action(**action)
    # As the default, not as state: the App merges lists in state item by item.
    data = {"rows": rows, "columns": list(columns), "selectedRows": list(selected)}
    parent.list(name, types.Object(), view=view, default=data)


def timer(parent, on_interval, milliseconds=2500):
    """Polls while the page is open. Leave it out to stop."""
    parent.view("timer", types.TimerView(interval=milliseconds, on_interval=on_interval))


def once(parent, on_timeout, milliseconds=800):
    """Calls a handler when the page has been left alone for a while."""
    # Another name is another timer, which begins anew.
    name = f"once_{time.monotonic_ns()}"
    parent.view(name, types.TimerView(timeout=milliseconds, on_timeout=on_timeout))


def column_view(gap, **sx) -> types.GridView:
    """A view that puts one property below the other."""
    sx = {"display": "grid", "gridTemplateColumns": "minmax(0, 1fr)", "gap": gap, **sx}
    return types.GridView(orientation="vertical", componentsProps={"grid": {"sx": sx}})
