"""``birds-eye`` and ``birds-eye-boxes``: pictures of point clouds from above, and back."""

import argparse
from typing import Any

from auto_labeling.cli import output
from auto_labeling.cli.arguments import DATASET, dataset_of
from auto_labeling.cli.verbs import argument, verb
from auto_labeling.core import text

_SLICES = (
    argument("--name", default="birds_eye", help="the slice of the pictures (default: birds_eye)"),
    argument("--points-slice", default="", metavar="SLICE", help="the slice of the points"),
    argument(
        "--bounds",
        default="",
        metavar="X,Y,Z,X,Y,Z",
        help="the smallest x, y and z, then the largest, in meters (default: -50,-50,-3,50,50,5)",
    ),
    argument("--scale", type=float, default=10.0, help="pixels per meter (default: 10)"),
)


@verb(
    "birds-eye",
    DATASET,
    argument("folder", metavar="FOLDER", help="where the pictures go"),
    _SLICES,
    examples=("birds-eye drive /data/birds_eye", "birds-eye drive /data/above --scale 5"),
)
def birds_eye(args: argparse.Namespace) -> None:
    """Add a slice with a picture of each point cloud from above, with fixed bounds.

    The grid shows point clouds by these pictures, and 2D models can label them. In a dataset
    without groups, the pictures are only for the grid.
    """
    from auto_labeling.sdk import birds_eye as verbs

    number = verbs.make_slice(dataset_of(args), args.folder, **_slices_of(args))
    _show(args, "pictures", number, f"{text.count(number, 'picture')} written")


@verb(
    "birds-eye-boxes",
    DATASET,
    argument("--field", required=True, help="the field of the pictures' labels"),
    argument("--label-field", required=True, metavar="FIELD", help="a new field for the boxes"),
    _SLICES,
    examples=("birds-eye-boxes drive --field vehicles --label-field cuboids",),
)
def birds_eye_boxes(args: argparse.Namespace) -> None:
    """Make 3D boxes of the labels of a bird's-eye slice, in a new label field.

    Masks and closed polylines of four points become turned boxes. Boxes stay along the axes.
    """
    from auto_labeling.sdk import birds_eye as verbs

    named = (args.field, args.label_field)
    number = verbs.boxes_in_3d(dataset_of(args), *named, **_slices_of(args))
    _show(args, "labels", number, f"{text.count(number, 'label')} in {args.label_field}")


def _slices_of(args: argparse.Namespace) -> dict[str, Any]:
    from auto_labeling.lifecycle.birds_eye import bounds_of

    return {
        "name": args.name,
        "points_slice": args.points_slice,
        "bounds": bounds_of(args.bounds),
        "scale": args.scale,
    }


def _show(args: argparse.Namespace, name: str, number: int, sentence: str) -> None:
    if args.json:
        output.show_json({name: number})
    else:
        output.show(sentence)
