"""Names the slices of a grouped dataset: the grid shows one, and the others are a click away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request, window
from auto_labeling.core import text
from auto_labeling.panels.review import grid_memory
from auto_labeling.panels.ui import elements

if TYPE_CHECKING:
    from auto_labeling.panels.panel import AutoLabelingPanel


def add(
    page: types.Object, panel: AutoLabelingPanel, here: str | None, numbers: dict[str, int]
) -> None:
    """Adds the line that names the slice in the grid and leads to the others.

    Args:
        page: the object to add to
        panel: the panel
        here: the slice that the grid shows; None if it shows no slice alone
        numbers: of :func:`auto_labeling.review.summary.slices`
    """
    if here is None or len(numbers) < 2:
        return
    line = elements.row(page, "slices")
    elements.text(line, "sentence", f"The grid shows slice {here}")
    others = [(name, number) for name, number in numbers.items() if name != here]
    for index, (name, number) in enumerate(others):
        label, params = f"Show {name} ({number:,})", {"slice": name}
        elements.button(line, f"slice_{index}", label, panel.show_slice, params=params)


def show(ctx: ExecutionContext, name: str) -> None:
    """Makes the grid show another slice of a grouped dataset.

    A lasso and a selection hold samples of the slice before, and end with it.
    """
    ctx.request_params["extended"] = ctx.request_params["extended_selection"] = {}
    request.forget_selection(ctx)
    at = grid_memory.of(ctx)
    at.touched()
    at.known_state = ""  # for with another slice the App drops the filters
    ctx.ops.set_group_slice(name)
    window.will_read_again(ctx)
    ctx.request_params["group_slice"] = ctx.dataset.group_slice = name


def elsewhere(here: str | None, numbers: dict[str, int]) -> str:
    """Names the labels that lie in slices which the grid does not show; "" if there are none.

    Args:
        here: the slice that the grid shows; None if it shows no slice alone
        numbers: of :func:`auto_labeling.review.summary.slices`

    Returns:
        a sentence, or ""
    """
    others = {name: number for name, number in numbers.items() if number and name != here}
    if here is None or not others:
        return ""
    number = sum(others.values())
    where = text.some([f"{name} ({number:,})" for name, number in others.items()])
    are, slices = "is" if number == 1 else "are", "slice" if len(others) == 1 else "slices"
    return f"{number:,} of them {are} not in the grid, but in the {slices} {where}."
