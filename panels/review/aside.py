"""Lasso and selected samples while the grid shows patches, which have IDs of their own.

The patches are made of the lasso's samples alone (``grid_stages.LASSO``). The App empties both with
the view; they are given back with the samples.
"""

from __future__ import annotations

from collections.abc import Sequence

from fiftyone.operators import ExecutionContext

from auto_labeling.panels.review.grid_memory import GridMemory
from auto_labeling.review import grid_stages


def follow(
    ctx: ExecutionContext,
    at: GridMemory,
    before: Sequence[str],
    names: Sequence[str],
    lasso: list[str],
) -> None:
    """Puts lasso and selected samples aside when patches begin, and gives them back afterwards.

    Args:
        ctx: the context of the event
        at: the memory of the window
        before: the names of our stages in the view until now
        names: those that are set with this event
        lasso: the IDs of the samples that a lasso holds
    """
    was, are = (grid_stages.PATCHES in stages for stages in (before, names))
    if are and not was:
        _put(ctx, at)
    elif was and not are:
        _give_back(ctx, at, lasso)


def _put(ctx: ExecutionContext, at: GridMemory) -> None:
    parameters = ctx.request_params
    at.aside = {name: parameters.get(name) for name in ("selected", "extended_selection")}
    extended = parameters.get("extended") or {}
    parameters["extended"] = {n: s for n, s in extended.items() if n != grid_stages.SELECT}
    parameters["extended_selection"], parameters["selected"] = {}, []


def _give_back(ctx: ExecutionContext, at: GridMemory, lasso: list[str]) -> None:
    parameters, aside = ctx.request_params, at.aside
    at.aside = {}
    parameters["selected"] = aside.get("selected") or []
    if parameters["selected"]:
        ctx.ops.set_selected_samples(parameters["selected"])
    if not lasso:
        return
    # A process that was not there when patches began knows the samples alone.
    known = aside.get("extended_selection") or {"selection": lasso, "scope": None}
    parameters["extended_selection"] = known
    select = {"sample_ids": lasso, "ordered": False}
    parameters["extended"] = {**(parameters.get("extended") or {}), grid_stages.SELECT: select}
    ctx.ops.set_extended_selection(known["selection"], known.get("scope"))
