"""Each label as a sample of the grid."""

from __future__ import annotations

from fiftyone.operators import ExecutionContext

from auto_labeling.core.run import Run
from auto_labeling.panels.review import grid_sync
from auto_labeling.review import grid_stages

#: FiftyOne copies each label of a view of patches into a collection of its own.
MAX_PATCHES = 20_000
TOO_MANY_PATCHES = f"Patches show at most {MAX_PATCHES:,} labels: choose a class"


def may_show(ctx: ExecutionContext, run: Run) -> bool:
    """Whether there are few enough labels to make a sample of each, or they are shown already."""
    if grid_stages.PATCHES in grid_sync.ours(ctx):
        return True
    label, rows = grid_sync.chosen_class(ctx), grid_sync.rows(ctx, run)
    return sum(row.total for row in rows if label in (None, row.label)) <= MAX_PATCHES


def toggle(ctx: ExecutionContext, run: Run) -> None:
    """Makes each label a sample of the grid, or no longer."""
    label = grid_sync.chosen_class(ctx)
    if grid_stages.PATCHES not in grid_sync.ours(ctx):
        grid_sync.narrow(ctx, run, grid_stages.patches_of(label))
    elif label is None or grid_stages.is_filterable(label):
        grid_sync.narrow(ctx, run, ())
    else:
        grid_sync.narrow(ctx, run, (grid_stages.only_class(label),))
