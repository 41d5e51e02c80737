"""``convert``: point clouds in other formats, to the one that FiftyOne shows."""

import argparse
from collections import Counter

from auto_labeling.cli import output
from auto_labeling.cli.arguments import YES, confirmed, dataset_of
from auto_labeling.cli.verbs import RUN_FAILED, argument, verb
from auto_labeling.core import text
from auto_labeling.core.errors import AutoLabelingError


@verb(
    "convert",
    argument("paths", metavar="PATH", nargs="*", help="a .las, .laz or .bin file, or a folder"),
    argument(
        "--dataset", metavar="NAME", help="convert the files of a dataset, and show the new files"
    ),
    argument(
        "--columns",
        type=int,
        metavar="N",
        help="numbers of each point in .bin files (default: 4, or 5 for .pcd.bin)",
    ),
    YES,
    examples=(
        "convert /data/velodyne",
        "convert scan.las --yes",
        "convert --dataset drive --columns 5",
    ),
)
def convert(args: argparse.Namespace) -> int | None:
    """Convert point clouds (.las, .laz, .bin) to .pcd files beside them.

    The originals stay, and a file that exists is never overwritten. Files for .las need the
    package laspy.
    """
    from auto_labeling import sdk
    from auto_labeling.lifecycle import converting

    if bool(args.paths) == bool(args.dataset):
        raise AutoLabelingError("Name files and folders, or else a dataset (--dataset)")
    found = converting.unshown(dataset_of(args)) if args.dataset else None
    files = list(found.files) if found else converting.find(args.paths)
    if files:
        shows = f" The samples of '{args.dataset}' then show these." if args.dataset else ""
        question = f"Convert {text.count(len(files), 'file')} to .pcd, beside the originals?{shows}"
        if not confirmed(args, question):
            return None
    if args.dataset:
        results = sdk.convert_samples(args.dataset, columns=args.columns)
    else:
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
