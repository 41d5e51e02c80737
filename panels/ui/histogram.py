"""Histograms of confidences: one whose bars can be clicked, and small ones in a table's rows."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

import fiftyone.operators.types as types

from auto_labeling.core import text
from auto_labeling.panels.ui import elements

_BARS: dict[str, Any] = {
    "px": 1,  # as far in as the ends of a slider
    "borderBottom": "1px solid",
    "borderColor": "divider",
    "& > *": {"flex": "1 1 0", "minWidth": 0},
}
_BAR = {
    "display": "block",
    "width": "100%",
    "minWidth": 0,
    "height": 88,
    "p": 0,
    "borderRadius": 0,
    "&:hover": {"backgroundColor": "action.hover"},
}


#: Bars of a small histogram, and its size in pixels.
_SMALL, _WIDTH, _HEIGHT = 10, 80, 18


def add(
    parent: types.Object,
    name: str,
    counts: Sequence[int],
    span: tuple[float, float] | None,
    on_click: elements.Handler,
) -> None:
    """Adds a histogram over [0, 1]; the part in ``span`` is drawn in full color.

    Its bars are buttons: a plot would keep its width when that of the panel changes.

    Args:
        parent: the object to add to
        name: the histogram's name
        counts: how many labels each part of [0, 1] holds
        span: a ``(low, high)`` range; None for all
        on_click: the handler; ``idx`` is the part that was clicked
    """
    low, high = span or (0.0, 1.0)
    plot = elements.column(parent, name, gap=0.5)
    bars = elements.row(plot, "bars", display="flex", flexWrap="nowrap", gap="2px", **_BARS)
    for index, count in enumerate(counts):
        start, end = index / len(counts), (index + 1) / len(counts)
        height = 100 * max(count / max(counts), 0.02) if count else 0
        is_highlighted = low < end and start < high
        color = "var(--fo-palette-primary-main)"
        title = f"{text.count(count, 'label')} from {start:.2f} to {end:.2f}"
        look = {
            **_BAR,
            "opacity": 1 if is_highlighted else 0.3,
            "backgroundImage": f"linear-gradient(to top, {color} {height:.1f}%, transparent 0)",
        }
        view = types.Button(
            operator=on_click,
            params={"idx": index},
            title=title,
            componentsProps={"button": {"variant": "text", "aria-label": title, "sx": look}},
        )
        bars.view(f"bar_{index}", view)
    axis = elements.row(plot, "axis", justifyContent="space-between", px=1)
    for tick in ("0", "0.25", "0.5", "0.75", "1"):
        elements.text(axis, f"at_{tick.replace('.', '_')}", tick, sx={"fontSize": "0.75rem"})


def in_rows(of_rows: Iterable[Sequence[int]]) -> dict[str, Any]:
    """The style that draws a histogram in the last cell of each row of a table.

    Screen readers read the text of the cell. The picture is a mask, which
    lets the theme's color through.

    Args:
        of_rows: for each row, how many labels each part of [0, 1] holds
    """
    look: dict[str, Any] = {
        "& tbody td:last-of-type": {"fontSize": 0, "lineHeight": 0},
        "& tbody td:last-of-type::after": {
            "content": '""',
            "display": "inline-block",
            "width": _WIDTH,
            "height": _HEIGHT,
            "backgroundColor": "primary.main",
        },
    }
    for number, counts in enumerate(of_rows, start=1):
        mask = f"{_picture(_merged(counts))} no-repeat 0 0 / 100% 100%"
        row = f"& tbody tr:nth-of-type({number}) td:last-of-type::after"
        look[row] = {"mask": mask, "WebkitMask": mask}
    return look


def in_words(counts: Sequence[int]) -> str:
    """Says where most of the labels lie."""
    parts = _merged(counts)
    if not any(parts):
        return "No confidence values"
    most = parts.index(max(parts))
    return f"Most from {most / len(parts):.1f} to {(most + 1) / len(parts):.1f}"


def _merged(counts: Sequence[int]) -> list[int]:
    """As many bars as a small histogram has, of neighbours added up."""
    together = max(1, -(-len(counts) // _SMALL))
    return [int(sum(counts[i : i + together])) for i in range(0, len(counts), together)]


def _picture(counts: Sequence[int]) -> str:
    """Bars as an SVG. Each bar with labels can be seen, however few they are."""
    highest, step = max(counts, default=0), _WIDTH / _SMALL
    bars = ""
    for index, count in enumerate(counts):
        height = max(2, round(_HEIGHT * count / highest)) if count else 0
        if height:
            bars += f"M{index * step:g} {_HEIGHT}v-{height}h{step - 1:g}v{height}z"
    path = f"<path d='{bars}'/>" if bars else ""
    size = f"viewBox='0 0 {_WIDTH} {_HEIGHT}' preserveAspectRatio='none'"
    picture = f"<svg xmlns='http://www.w3.org/2000/svg' {size}>{path}</svg>"
    return f'url("data:image/svg+xml,{quote(picture, safe="/:=")}")'
