"""The command line: ``auto-labeling <verb>``.

A verb is one function below, decorated with its name and arguments.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from auto_labeling import __version__
from auto_labeling.errors import AutoLabelingError
from auto_labeling.models import catalog
from auto_labeling.names import PLUGIN
from auto_labeling.run import Method, ModelType, Task

LINK = "auto-labeling"

_verbs = {}


def verb(name: str, **arguments):
    """Makes a function a verb of the command line.

    Args:
        name: the word that people type
        **arguments: for each option, its ``add_argument`` keywords; ``force`` becomes ``--force``
    """

    def register(function):
        _verbs[name] = (function, arguments)
        return function

    return register


def main(argv=None) -> int:
    """Runs one verb. Returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        args.function(args)
    except AutoLabelingError as error:
        print(f"auto-labeling: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="auto-labeling", description="Auto-Labeling for FiftyOne, from the command line."
    )
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(metavar="verb", required=True)
    for name, (function, arguments) in _verbs.items():
        text = function.__doc__.splitlines()[0]
        child = verbs.add_parser(name, help=text, description=text)
        for option, keywords in arguments.items():
            child.add_argument(f"--{option.replace('_', '-')}", **keywords)
        child.set_defaults(function=function)
    return parser


def _choice(of, help):
    return {"choices": [member.value for member in of], "help": help}


@verb(
    "models",
    json={"action": "store_true", "help": "print a JSON list"},
    excluded={"action": "store_true", "help": "list what is not offered, and why"},
    measured={"action": "store_true", "help": "add the speeds that runs have measured"},
    task=_choice(Task, "only models for this task"),
    method=_choice(Method, "only models that this method uses"),
    model_type=_choice(ModelType, "only models of this type"),
)
def models(args) -> None:
    """Lists the models that a run may use."""
    if args.excluded:
        rows = [{"name": name, "reason": why} for name, why in catalog.excluded().items()]
        shown = ("name", "reason")
    else:
        rows = [
            {**spec.facts, "downloaded": spec.downloaded}
            for spec in catalog.list_models(
                args.task and Task(args.task),
                args.model_type and ModelType(args.model_type),
                args.method and Method(args.method),
            )
        ]
        shown = ("name", "task", "model_type", "license", "downloaded", "speed", "performance")
        if args.measured:
            _add_speeds(rows)
            shown += ("measured",)
    print(json.dumps(rows, indent=2) if args.json else _table(rows, shown))


def _add_speeds(rows) -> None:
    from auto_labeling import labeling  # connects to the database, which listing does not need

    speeds = labeling.measured_speeds()
    for row in rows:
        row["measured"] = [speed.model_dump(mode="json") for speed in speeds.get(row["name"], ())]


def _table(rows, columns) -> str:
    cells = [[column.replace("_", " ") for column in columns]]
    cells += [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in cells]
    return "\n".join(line.rstrip() for line in lines)


def _cell(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(f"{s['rate']:.1f}/s on {s['machine']} ({s['device']})" for s in value)
    return str(value).replace("_", " ") if value in _WORDS else str(value)


_WORDS = {member.value for kind in (Task, Method, ModelType) for member in kind}


@verb(
    "install-plugin",
    force={"action": "store_true", "help": "replace a link that leads to another copy"},
)
def install_plugin(args) -> None:
    """Links this package into FiftyOne's plugins directory."""
    import fiftyone as fo
    import fiftyone.plugins as fop

    folder = Path(__file__).resolve().parent
    link = Path(fo.config.plugins_dir).expanduser().absolute() / LINK
    for plugin in fop.list_plugins(enabled="all", shadowed="all"):
        if plugin.name == PLUGIN and Path(plugin.directory) != link:
            _accept_neighbour(Path(plugin.directory), folder)
            return
    if link.is_symlink() and link.resolve() == folder:
        print(f"Already installed: {link} leads to {folder}")
        return
    _link(link, folder, args.force)
    print(f"Installed: {link} leads to {folder}")
    print("Restart the FiftyOne App to see the Auto Labeling panel in its new-panel menu")


def _accept_neighbour(neighbour: Path, folder: Path) -> None:
    """Another plugin of our name: fine if it is this very folder, else FiftyOne shadows one."""
    if neighbour.resolve() != folder:
        raise AutoLabelingError(
            f"Another copy of {PLUGIN} is in {neighbour}. FiftyOne would show only one of the two; "
            "remove that copy first (`fiftyone plugins delete`, or delete the folder)"
        )
    print(f"Already installed: {neighbour} leads to {folder}")


def _link(link: Path, folder: Path, force: bool) -> None:
    if link.is_symlink():
        if not force:
            raise AutoLabelingError(
                f"{link} leads to {os.readlink(link)}, not to {folder}; --force replaces the link"
            )
        link.unlink()
    elif link.exists():
        raise AutoLabelingError(f"{link} is not a link of ours; move it away first")
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(folder, target_is_directory=True)
    except OSError as error:  # Windows without developer mode
        raise AutoLabelingError(
            f"A link could not be made ({error}). Copy {folder} to {link} instead"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
