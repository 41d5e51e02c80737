"""A histogram of confidences, whose bars can be clicked."""

import fiftyone.operators.types as types

from auto_labeling.panels import elements

_BARS = {
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


def add(parent, name, counts, span, on_click):
    """Adds a histogram over [0, 1]; what lies in ``span`` is drawn in full colour.

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
        is_lit = low < end and start < high
        color = "var(--fo-palette-primary-main)"
        said = f"{count:,} label{'' if count == 1 else 's'} from {start:.2f} to {end:.2f}"
        look = {
            **_BAR,
            "opacity": 1 if is_lit else 0.3,
            "backgroundImage": f"linear-gradient(to top, {color} {height:.1f}%, transparent 0)",
        }
        view = types.Button(
            operator=on_click,
            params={"idx": index},
            title=said,
            componentsProps={"button": {"variant": "text", "aria-label": said, "sx": look}},
        )
        bars.view(f"bar_{index}", view)
    axis = elements.row(plot, "axis", justifyContent="space-between", px=1)
    for tick in ("0", "0.25", "0.5", "0.75", "1"):
        elements.text(axis, f"at_{tick.replace('.', '_')}", tick, sx={"fontSize": "0.75rem"})
