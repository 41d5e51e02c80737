"""``install-plugin``: makes FiftyOne find this package."""

import argparse
import os
from pathlib import Path

from auto_labeling.cli import output
from auto_labeling.cli.verbs import argument, verb
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.names import PLUGIN

LINK = "auto-labeling"


@verb(
    "install-plugin",
    argument("--force", action="store_true", help="replace a link to another copy"),
    examples=("install-plugin", "install-plugin --force"),
)
def install_plugin(args: argparse.Namespace) -> None:
    """Link this package into FiftyOne's plugins directory."""
    import fiftyone as fo
    import fiftyone.plugins as fop

    folder = Path(__file__).resolve().parents[1]
    link = Path(fo.config.plugins_dir).expanduser().absolute() / LINK
    for plugin in fop.list_plugins(enabled="all", shadowed="all"):
        if plugin.name == PLUGIN and Path(plugin.directory) != link:
            _accept_neighbor(Path(plugin.directory), folder)
            return _say(args, "Already installed", Path(plugin.directory), folder)
    if link.is_symlink() and link.resolve() == folder:
        return _say(args, "Already installed", link, folder)
    _link(link, folder, args.force)
    _say(args, "Installed", link, folder)
    output.say("Restart the FiftyOne App to see the Auto Labeling panel in its new-panel menu")
    return None


def _say(args: argparse.Namespace, outcome: str, link: Path, folder: Path) -> None:
    if args.json:
        output.show_json({"link": str(link), "folder": str(folder), "new": outcome == "Installed"})
    else:
        output.show(f"{outcome}: {link} links to {folder}")


def _accept_neighbor(neighbor: Path, folder: Path) -> None:
    """Refuses another plugin of our name, unless it is this folder: FiftyOne would shadow one."""
    if neighbor.resolve() != folder:
        raise AutoLabelingError(
            f"Another copy of {PLUGIN} is in {neighbor}. FiftyOne can show only one of them; "
            "remove that copy first (`fiftyone plugins delete`, or delete the folder)"
        )


def _link(link: Path, folder: Path, force: bool) -> None:
    if link.is_symlink():
        if not force:
            raise AutoLabelingError(
                f"{link} links to {os.readlink(link)}, not to {folder}; use --force to replace "
                "the link"
            )
        link.unlink()
    elif link.exists():
        raise AutoLabelingError(
            f"{link} exists and is not a link to this package; move it away first"
        )
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to(folder, target_is_directory=True)
    except OSError as error:  # Windows without developer mode
        raise AutoLabelingError(
            f"Could not create a link ({error}). Copy {folder} to {link} instead"
        ) from error
