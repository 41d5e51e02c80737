"""The elements of which all pages are made, so that all look alike.

Styles go through MUI's theme (``text.secondary``, ``divider``), never through a colour of our
own, so that both of the App's themes work.
"""

import re
import time

import fiftyone.operators.types as types

from auto_labeling.panels.ui import styles

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
    "danger": {"variant": "outlined"},
    "quiet": {"variant": "text"},
}
_BUTTON_LOOKS = {"danger": styles.DANGER, "quiet": styles.QUIET}


def page() -> types.Object:
    """An empty page."""
    return types.Object()


def finished(root: types.Object) -> types.Property:
    """The page as ``render`` returns it."""
    layout = {"p": 3, "maxWidth": 760, "mx": "auto", "containerType": "inline-size"}
    view = column_view(gap=2, **layout, **styles.CODE)
    return types.Property(root, view=view)


def column(parent: types.Object, name: str, gap=1, **sx) -> types.Object:
    """Adds a column: what is added to it stands one below the other."""
    child = types.Object()
    parent.define_property(name, child, view=column_view(gap=gap, **sx))
    return child


def row(parent: types.Object, name: str, columns="auto", gap=1, **sx) -> types.Object:
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


def card(parent: types.Object, name: str, **sx) -> types.Object:
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
        **sx,
    )


def text(
    parent: types.Object, name: str, words, variant="body2", color="text.secondary", **props
) -> None:
    """Adds a line of plain text; names that people chose are safe in it."""
    red = styles.RED if color == "error.main" else {}
    # A style replaces the App's own, in which "bold" would be.
    weight = {"fontWeight": 600} if props.pop("bold", False) else {}
    sx = {"overflowWrap": "anywhere", "lineHeight": 1.45, **red, **weight, **props.pop("sx", {})}
    view = types.TextView(
        title=words,
        variant=variant,
        color=color,
        padding=0,
        font_size=styles.SIZES[variant],
        componentsProps={"text": {"sx": sx, "title": props.pop("title", None)}},
        **props,
    )
    parent.view(name, view)


def heading(parent: types.Object, name: str, words) -> None:
    """Adds the heading of a page."""
    text(parent, name, words, variant="h6", color="text.primary", bold=True)


def pill(parent: types.Object, name: str, status) -> None:
    """Adds a run's status: its name, with a dot in its colour."""
    look = styles.pill(STATUS_COLORS.get(status, "text.tertiary"))
    text(parent, name, status, color="text.primary", sx=look)


def progress(parent: types.Object, name: str, fraction, label: str) -> None:
    """Adds a progress bar; ``fraction`` None says that it is not known."""
    known = {"default": fraction} if fraction is not None else {}
    parts = {
        "label": {"sx": {"mt": 0.5, "overflowWrap": "anywhere"}},
        "progress": {"sx": {"& .MuiLinearProgress-root": {"height": 6, "borderRadius": 3}}},
        "progressLabel": {"variant": "body2"},
    }
    view = types.ProgressView(label=label, componentsProps=parts)
    parent.float(name, view=view, **known)


def button(
    parent: types.Object, name: str, label: str, on_click, kind="secondary", **props
) -> None:
    """Adds a button; ``params`` go to its handler."""
    look = {**styles.BUTTON, **_BUTTON_LOOKS.get(kind, {})}
    view = types.Button(
        label=label,
        operator=on_click,
        componentsProps={"button": {"sx": look}},
        **_BUTTONS[kind],
        **props,
    )
    parent.view(name, view)


def icon_button(parent: types.Object, name: str, icon, label: str, on_click, **props) -> None:
    """Adds a small button that shows an icon, and its label when the pointer rests on it."""
    view = types.Button(
        icon=icon,
        operator=on_click,
        title=label,
        componentsProps={
            "button": {"aria-label": label, "variant": "text", "sx": {"minWidth": 0, "p": 0.5}}
        },
        **props,
    )
    parent.view(name, view)


def code(parent: types.Object, name: str, lines) -> None:
    """Adds lines of Python to copy."""
    longest = max(map(len, re.findall(r"`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    parts = {"container": {"sx": styles.PROGRAM}}
    parent.md(f"{fence}python\n{lines}\n{fence}", name=name, componentsProps=parts)


def output(parent: types.Object, name: str, said) -> None:
    """Adds what a program has printed: as it is, in its own scrolling box."""
    look = {
        "fontFamily": "monospace",
        "whiteSpace": "pre-wrap",
        "overflowWrap": "anywhere",
        "display": "block",
        "maxHeight": "20rem",
        "overflowY": "auto",
        "p": 1,
        "borderRadius": 1,
        "border": "1px solid",
        "borderColor": "divider",
    }
    text(parent, name, said, sx=look)


def attention(parent: types.Object, problems) -> None:
    """Adds how many fields something is wrong with, beside the button that found it."""
    if problems:
        said = "1 field needs" if len(problems) == 1 else f"{len(problems):,} fields need"
        text(parent, "wrong", f"{said} attention", color="error.main")


def tab(parent: types.Object, name: str, label: str, on_click, chosen, params) -> None:
    """Adds a tab: a button that looks like one, and keeps nothing in the panel's state."""
    color = "primary.main" if chosen else "transparent"
    sx = {"borderRadius": 0, "borderBottom": "2px solid", "borderBottomColor": color}
    sx |= {"minWidth": 0, "px": 0.75, "whiteSpace": "nowrap"}
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


def back(parent: types.Object, on_click) -> None:
    """Adds the way back to the list of runs."""
    view = types.Button(
        icon="arrow_back",
        operator=on_click,
        title="Back to the runs",
        componentsProps={
            "button": {"aria-label": "Back to the runs", "variant": "text", "sx": {"ml": -0.75}}
        },
    )
    parent.view("back", view)


def link(parent: types.Object, name: str, address) -> None:
    """Adds a link to a page of the web; anything else is shown as text."""
    plain = re.fullmatch(r"https?://[\w./?=&%#~+:@-]+", address)
    if not plain:
        text(parent, name, address, color="text.primary")
        return
    host = address.split("/")[2].removeprefix("www.")
    parent.md(f"[{host}]({address})", name=name)


def plain(words):
    """Text that others have written, for where the App takes it for Markdown."""
    return re.sub(r"([\\`*_\[\]<>#!|~])", r"\\\1", words)


def facts(parent: types.Object, name: str, known: dict) -> types.Object:
    """Adds facts, each beside what it is called. Returns their object, for more of them.

    Args:
        parent: the object to add to
        name: the name of what is added
        known: a dict from what a fact is called to its text, or to ``(text, hint)``; one without
            text is left out
    """
    rows = row(
        parent,
        name,
        columns="7.5rem minmax(0, 1fr)",
        gap=0.75,
        pt=1,
        alignItems="baseline",
        **{"& p": {"fontSize": "0.875rem", "m": 0}, "& a": {"color": "inherit"}},
    )
    look = {"whiteSpace": "pre-line", "lineHeight": 1.4}
    for key, value in known.items():
        said, hint = value if isinstance(value, tuple) else (value, None)
        if said:
            slug = key.lower().replace(" ", "_")
            text(rows, f"{slug}_key", key)
            text(rows, slug, said, color="text.primary", sx=look, title=hint)
    return rows


def alert(parent: types.Object, name: str, severity, label: str, description=None) -> None:
    """Adds a message that stays on the page."""
    parts = {
        "container": {"sx": {"px": 2, "py": 0.5}},
        "label": {"sx": styles.TITLE_OF_ALERT if description else styles.ALONE_IN_ALERT},
        "description": {"sx": styles.IN_ALERT},
    }
    view = types.AlertView(
        severity=severity, label=label, description=description, componentsProps=parts
    )
    parent.view(name, view)


def table(
    parent: types.Object, name: str, columns, rows, selected=(), action=None, look=None, **props
) -> None:
    """Adds a table.

    Args:
        columns: a dict from key to label
        rows: a list of lists of strings
        selected: the indices of the rows to highlight
        action (None): what can be done with a row: a dict with keys ``name``, ``on_click``,
            ``label``, ``icon`` and ``tooltip``
        look (None): the style of what is drawn in its cells
    """
    look = {**styles.TABLE, **(look or {}), **(styles.CLICKABLE if "on_click_row" in props else {})}
    view = types.TableView(
        size="small",
        selected_color=styles.SELECTED,
        componentsProps={"table": {"sx": look}, "tableContainer": {"sx": styles.TABLE_BOX}},
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


def timer(parent: types.Object, on_interval, milliseconds=2500) -> None:
    """Polls while the page is open. Leave it out to stop."""
    parent.view("timer", types.TimerView(interval=milliseconds, on_interval=on_interval))


def once(parent: types.Object, on_timeout, milliseconds=800) -> None:
    """Calls a handler when the page has been left alone for a while."""
    # Another name is another timer, which starts again.
    name = f"once_{time.monotonic_ns()}"
    parent.view(name, types.TimerView(timeout=milliseconds, on_timeout=on_timeout))


def column_view(gap, **sx) -> types.GridView:
    """A view that puts one property below the other."""
    sx = {"display": "grid", "gridTemplateColumns": "minmax(0, 1fr)", "gap": gap, **sx}
    return types.GridView(orientation="vertical", componentsProps={"grid": {"sx": sx}})
