"""Tables."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import fiftyone.operators.types as types

from auto_labeling.panels.ui import styles


def table(
    parent: types.Object,
    name: str,
    columns: Mapping[str, str],
    rows: Sequence[Sequence[str]],
    selected: Iterable[int] = (),
    action: Mapping[str, Any] | None = None,
    look: Mapping[str, Any] | None = None,
    **props: Any,
) -> None:
    """Adds a table.

    Args:
        parent: the object to add to
        name: the table's name
        columns: a dict from key to label
        rows: a list of lists of strings
        selected: the indices of the rows to highlight
        action (None): what can be done with a row: a dict with keys ``name``, ``on_click``,
            ``label``, ``icon`` and ``tooltip``
        look (None): the style of what is drawn in its cells
    """
    stacked = styles.STACKED if len(columns) + bool(action) > 2 else {}
    clickable = styles.CLICKABLE if "on_click_row" in props else {}
    look = {**styles.TABLE, **stacked, **(look or {}), **clickable}
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
