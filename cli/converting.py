"""``convert``: point clouds in other formats, to the one that FiftyOne shows."""

import argparse
from collections import Counter

from auto_labeling.cli import output
from auto_labeling.cli.arguments import YES, confirmed
from auto_labeling.cli.verbs import RUN_FAILED, argument, verb
from auto_labeling.core import text


@verb(
    "convert",
    argument("paths", metavar="PATH", nargs="+", help="a .las, .laz or .bin file, or a folder"),
    argument(
        "--columns",
        type=int,
        metavar="N",
        help="numbers of each point in .bin files (default: 4, or 5 for .pcd.bin)",
    ),
    YES,
    examples=("convert /data/velodyne", "convert scan.las --yes", "convert /data --columns 5"),
)
def convert(args: argparse.Namespace) -> int | None:
    """Convert point clouds (.las, .laz, .bin) to .pcd files beside them.

    The originals stay, and a file that exists is never overwritten. Files for .las need the
    package laspy.
    """
    from auto_labeling import sdk
    from auto_labeling.lifecycle import converting

    files = converting.find(args.paths)
    if files:
        number = text.count(len(files), "file")
        question = f"Convert {number} to .pcd, beside the originals?"
        if not confirmed(args, question):
            return None
    results = sdk.convert_point_clouds(files, columns=args.columns)
    if args.json:
        output.show_json([result.model_dump(mode="json") for result in results])
    else:
        counts = Counter(result.outcome.value for result in results)
        said = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(counts.items()))
        output.show(said or "No files to convert")
        for result in results:
            if result.error:
                output.say(output.plain(result.error))
    return RUN_FAILED if any(result.error for result in results) else None
