"""The elements of which all pages are made, so that all look alike.

Styles go through MUI's theme (``text.secondary``, ``divider``), never through a color of our
own, so that both of the App's themes work.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.panels.ui import styles
from auto_labeling.panels.ui.layout import NARROW as NARROW
from auto_labeling.panels.ui.layout import card as card
from auto_labeling.panels.ui.layout import column as column
from auto_labeling.panels.ui.layout import column_view as column_view
from auto_labeling.panels.ui.layout import equal_columns as equal_columns
from auto_labeling.panels.ui.layout import finished as finished
from auto_labeling.panels.ui.layout import page as page
from auto_labeling.panels.ui.layout import row as row
from auto_labeling.panels.ui.layout import row_view as row_view
from auto_labeling.panels.ui.tables import table as table

#: A handler of the panel, bound to it.
Handler = Callable[[ExecutionContext], None]

STATUS_COLORS = {
    "Generating": "info.main",
    "In Review": "warning.main",
    "Approved": "success.main",
    "Error": "error.main",
}


_BUTTONS = {
    "primary": {"variant": "contained"},
    "secondary": {"variant": "outlined"},
    "danger": {"variant": "outlined"},
    "quiet": {"variant": "text"},
}
_BUTTON_STYLES: dict[str, dict[str, Any]] = {"danger": styles.DANGER, "quiet": styles.QUIET}


def text(
    parent: types.Object,
    name: str,
    words: str,
    variant: str = "body2",
    color: str = "text.secondary",
    **props: Any,
) -> None:
    """Adds a line of plain text; names that people chose are safe in it.

    Args:
        parent: the object to add to
        name: the name of what is added
        words: the text
        variant ("body2"): the App's name for the size
        color ("text.secondary"): a color of the App's theme
        **props: ``bold``, ``title`` (a hint), ``sx`` (a style), ``parts`` (other parts of the
            view), and other properties of the view
    """
    red = styles.RED if color == "error.main" else {}
    # A style replaces the App's own, in which "bold" would be.
    weight = {"fontWeight": 600} if props.pop("bold", False) else {}
    sx = {"overflowWrap": "anywhere", "lineHeight": 1.45, **red, **weight, **props.pop("sx", {})}
    parts = {"text": {"sx": sx, "title": props.pop("title", None)}, **props.pop("parts", {})}
    view = types.TextView(
        title=words,
        variant=variant,
        color=color,
        padding=0,
        font_size=styles.SIZES[variant],
        componentsProps=parts,
        **props,
    )
    parent.view(name, view)


def heading(parent: types.Object, name: str, words: str) -> None:
    """Adds the heading of a page."""
    text(parent, name, words, variant="h6", color="text.primary", bold=True)


def pill(parent: types.Object, name: str, status: str) -> None:
    """Adds a run's status: its name, with a dot in its color."""
    look = styles.pill(STATUS_COLORS.get(status, "text.tertiary"))
    text(parent, name, status, color="text.primary", sx=look)


def progress(parent: types.Object, name: str, fraction: float | None, label: str) -> None:
    """Adds a progress bar.

    Args:
        parent: the object to add to
        name: the bar's name
        fraction: the part that is done, from 0 to 1; None if it is not known
        label: the text below it
    """
    known = {"default": fraction} if fraction is not None else {}
    parts = {
        "label": {"sx": {"mt": 0.5, "overflowWrap": "anywhere"}},
        "progress": {"sx": {"& .MuiLinearProgress-root": {"height": 6, "borderRadius": 3}}},
        "progressLabel": {"variant": "body2"},
    }
    view = types.ProgressView(label=label, componentsProps=parts)
    parent.float(name, view=view, **known)


def button(
    parent: types.Object,
    name: str,
    label: str,
    on_click: Handler,
    kind: str = "secondary",
    **props: Any,
) -> None:
    """Adds a button.

    Args:
        parent: the object to add to
        name: the button's name
        label: its text
        on_click: the handler
        kind ("secondary"): ``"primary"``, ``"secondary"``, ``"danger"`` or ``"quiet"``
        **props: ``params`` for the handler, its ``key`` (a letter), other properties of the view
    """
    look = {**styles.BUTTON, **_BUTTON_STYLES.get(kind, {})}
    if key := props.pop("key", None):
        title = props.get("title")
        props["title"] = f"{title} (key {key.upper()})" if title else f"Key: {key.upper()}"
    view = types.Button(
        label=label,
        operator=on_click,
        componentsProps={"button": {"sx": look, "aria-keyshortcuts": key}},
        **_BUTTONS[kind],
        **props,
    )
    parent.view(name, view)


def title_button(
    parent: types.Object, name: str, label: str, on_click: Handler, **props: Any
) -> None:
    """Adds a title that can be clicked.

    Args:
        parent: the object to add to
        name: the title's name
        label: its text
        on_click: the handler
        **props: ``params`` for the handler, and other properties of the view
    """
    parts = {"button": {"variant": "text", "sx": styles.TITLE_BUTTON}}
    parent.view(name, types.Button(label=label, operator=on_click, componentsProps=parts, **props))


def icon_button(
    parent: types.Object, name: str, icon: str, label: str, on_click: Handler, **props: Any
) -> None:
    """Adds a small button that shows an icon, and its label when the pointer rests on it.

    Args:
        parent: the object to add to
        name: the button's name
        icon: the name of a Material icon
        label: its label
        on_click: the handler
        **props: ``params`` for the handler, and other properties of the view
    """
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


def code(parent: types.Object, name: str, lines: str) -> None:
    """Adds lines of Python to copy."""
    longest = max(map(len, re.findall(r"`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    parts = {"container": {"sx": styles.PROGRAM}}
    parent.md(f"{fence}python\n{lines}\n{fence}", name=name, componentsProps=parts)


def output(parent: types.Object, name: str, lines: str) -> None:
    """Adds the output of a program, unchanged, in its own scrolling box."""
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
    text(parent, name, lines, sx=look)


def tab(
    parent: types.Object,
    name: str,
    label: str,
    on_click: Handler,
    chosen: bool,
    params: Mapping[str, Any],
) -> None:
    """Adds a tab: a button that looks like one, and keeps nothing in the panel's state.

    Args:
        parent: the object to add to
        name: the tab's name
        label: its text
        on_click: the handler
        chosen: whether it is the tab that is shown
        params: for the handler
    """
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


def back(parent: types.Object, on_click: Handler) -> None:
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


def link(parent: types.Object, name: str, address: str) -> None:
    """Adds a link to a page of the web; anything else is shown as text."""
    plain = re.fullmatch(r"https?://[\w./?=&%#~+:@-]+", address)
    if not plain:
        text(parent, name, address, color="text.primary")
        return
    host = address.split("/")[2].removeprefix("www.")
    parent.md(f"[{host}]({address})", name=name)


def plain(words: str) -> str:
    """Escapes text that others have written, for where the App reads Markdown."""
    return re.sub(r"([\\`*_\[\]<>#!|~])", r"\\\1", words)


def facts(
    parent: types.Object, name: str, known: Mapping[str, str | tuple[str, str | None]]
) -> types.Object:
    """Adds facts, each beside its name.

    Args:
        known: a dict from what a fact is called to its text, or to ``(text, hint)``; one without
            text is left out

    Returns:
        their object, for more of them
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
        words, hint = value if isinstance(value, tuple) else (value, None)
        if words:
            slug = key.lower().replace(" ", "_")
            text(rows, f"{slug}_key", key)
            text(rows, slug, words, color="text.primary", sx=look, title=hint)
    return rows


def alert(
    parent: types.Object, name: str, severity: str, label: str, description: str | None = None
) -> None:
    """Adds a message that stays on the page.

    Args:
        parent: the object to add to
        name: the message's name
        severity: ``"info"``, ``"success"``, ``"warning"`` or ``"error"``
        label: the message
        description (None): more about it, in Markdown
    """
    parts = {
        "container": {"sx": {"px": 2, "py": 0.5}},
        "label": {"sx": styles.TITLE_OF_ALERT if description else styles.ALONE_IN_ALERT},
        "description": {"sx": styles.IN_ALERT},
    }
    view = types.AlertView(
        severity=severity, label=label, description=description, componentsProps=parts
    )
    parent.view(name, view)


def timer(
    parent: types.Object, on_interval: Handler, milliseconds: int = 2500, is_quiet: bool = False
) -> None:
    """Calls a handler again and again while the page has this and can be seen.

    Args:
        parent: the object to add to
        on_interval: the handler
        milliseconds (2500): between two calls
        is_quiet (False): whether the panel's tab shows nothing of the calls
    """
    name = "quiet_timer" if is_quiet else "timer"  # the App reads each timer only once
    view = types.TimerView(interval=milliseconds, on_interval=on_interval, is_quiet=is_quiet)
    parent.view(name, view)


def once(parent: types.Object, on_timeout: Handler, milliseconds: int = 800) -> None:
    """Calls a handler when the page has been left alone for a while."""
    # Another name is another timer, which starts again.
    name = f"once_{time.monotonic_ns()}"
    parent.view(name, types.TimerView(timeout=milliseconds, on_timeout=on_timeout))
