"""The fields that limit the size and the distance of the 3D boxes in review.

The limits are a stage of the grid's view, so the grid shows the same labels, and nothing is kept
here. See ``review/grid_stages.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.panels.review import grid_sync
from auto_labeling.panels.ui import elements
from auto_labeling.review import grid_stages

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel

_HINTS = {
    "size": "The length of the longest side, in the unit of the scene",
    "distance": "From the origin of the scene to the center, on the ground",
}


def of(ctx: ExecutionContext) -> dict[str, float]:
    """The limits of the labels that the grid shows, by name."""
    return grid_stages.limits_of(grid_sync.ours(ctx))


def add(page: types.Object, panel: AutoLabelingPanel, ctx: ExecutionContext) -> None:
    """Adds a lowest and a highest size and distance.

    Args:
        page: the object to add to
        panel: the panel
        ctx: the context of the event
    """
    limits = of(ctx)
    lines = elements.row(page, "limits", columns="auto 6.5rem 6.5rem", alignItems="center")
    for measure, hint in _HINTS.items():
        label = measure.capitalize()
        elements.text(lines, measure, label, color="text.primary", bold=True, title=hint)
        for end, word in (("min", "Minimum"), ("max", "Maximum")):
            name = f"{end}_{measure}"
            value = f"{limits[name]:.12g}" if name in limits else ""
            view = types.LazyFieldView(
                label=f"{word} {measure}", value=value, placeholder=word[:3], is_number=True
            )
            lines.str(name, default=value, view=view, on_change=panel.set_limit)
    for measure in _HINTS:
        least, most = (limits.get(f"{end}_{measure}") for end in ("min", "max"))
        if least is not None and most is not None and least > most:
            sentence = f"The minimum {measure} is above the maximum, so nothing fits"
            elements.text(page, f"{measure}_problem", sentence, color="error.main")
