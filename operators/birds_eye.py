"""A slice with pictures of point clouds from above, and its labels back in 3D."""

from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import Task
from auto_labeling.lifecycle import birds_eye, media
from auto_labeling.operators import parameters
from auto_labeling.operators.base import RunOperator


class _OnSlice(RunOperator):
    """An operator on the slice, which may also run on a worker."""

    icon = "map"
    takes = parameters.taking(text=["name", "points_slice", "bounds"], number=["scale"])

    @property
    def config(self) -> foo.OperatorConfig:
        config = super().config
        config.allow_immediate_execution = config.allow_delegated_execution = True
        return config

    def _ask_for_slices(self, ctx: ExecutionContext, form: types.Object) -> None:
        if refusal := media.refusal(ctx.dataset, Task.DETECTION_3D):
            raise AutoLabelingError(refusal)
        if points := media.slices_to_label(ctx.dataset, Task.DETECTION_3D):
            about = "The slice of the pictures. Leave empty for birds_eye."
            form.str("name", label="Slice", description=about)
            form.str(
                "points_slice",
                label="Slice of the points",
                description=f"Leave empty for {points[0]}.",
            )
        form.str(
            "bounds",
            label="Bounds",
            description="The smallest x, y and z, then the largest, in meters. Separate with "
            "commas. Leave empty for -50, -50, -3, 50, 50, 5.",
        )
        form.float(
            "scale", label="Pixels per meter", description="Leave empty for 10 pixels.", min=0
        )

    def _arguments(self, ctx: ExecutionContext) -> dict[str, Any]:
        params = request.parameters(ctx)
        given = {name: params[name] for name in params if params[name] not in (None, "")}
        return given | {"bounds": birds_eye.bounds_of(given.get("bounds", ""))}


class MakeBirdsEye(_OnSlice):
    """Adds a slice with pictures from above."""

    name = "make_birds_eye"
    label = "make a bird's-eye slice"
    description = "Draws point clouds from above, for the grid and as a slice of groups"
    takes = parameters.taking(_OnSlice.takes, text=["folder"])

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        form.str(
            "folder",
            required=True,
            label="Folder",
            description="The full path of a folder for the pictures.",
        )
        self._ask_for_slices(ctx, form)

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        arguments = {"folder": "", **self._arguments(ctx)}
        return {"pictures": birds_eye.make_slice(ctx.dataset, **arguments)}


class LiftBirdsEye(_OnSlice):
    """Turns labels of the slice into 3D boxes."""

    name = "lift_birds_eye"
    label = "turn bird's-eye labels into 3D boxes"
    description = "Makes 3D boxes of the labels of a bird's-eye slice, in a new label field"
    takes = parameters.taking(_OnSlice.takes, text=["field", "label_field"])

    def ask(self, ctx: ExecutionContext, form: types.Object) -> None:
        form.str("field", required=True, label="Labels", description="The field of the pictures.")
        form.str(
            "label_field",
            required=True,
            label="Label field",
            description="A new field for the 3D boxes.",
        )
        self._ask_for_slices(ctx, form)

    def act(self, ctx: ExecutionContext) -> dict[str, Any]:
        arguments = {"field": "", "label_field": "", **self._arguments(ctx)}
        return {"labels": birds_eye.boxes_in_3d(ctx.dataset, **arguments)}
