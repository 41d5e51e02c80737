"""Open the panel from the operator browser, by keyboard."""

import fiftyone.operators as foo
from fiftyone.operators import ExecutionContext
from fiftyone.operators.types import RiskLevel

from auto_labeling.core import names


class OpenPanel(foo.Operator):
    """Opens the panel, or brings it to the front.

    In a window that has our script, the script's operator of the same name does it instead, and
    moves the keyboard focus into the panel.
    """

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="open_panel",
            label="Auto Labeling: open the panel",
            description="Opens the panel beside the grid, and moves the keyboard focus to it",
            icon="auto_awesome",
            risk_level=RiskLevel.LOW,
            view_target=False,
        )

    def execute(self, ctx: ExecutionContext) -> None:
        ctx.ops.open_panel(names.PANEL, layout="horizontal")
