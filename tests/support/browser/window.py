"""A window of the App, read from outside: its own state, and the boxes in the tiles of its grid."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.server.view as fosv
from playwright.sync_api import Page

from auto_labeling.review import grid_stages
from tests.support.browser import console
from tests.support.browser.app import QUIET_MS, rest, wait_for

#: A throttled network: milliseconds, and bytes per second.
SLOW_3G = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 400_000 / 8,
    "uploadThroughput": 400_000 / 8,
}

#: Digits to which the corners of a drawn box agree with the database, and what keeps a corner from
#: lying between two of them.
_DIGITS, _ASIDE = 3, 0.000137


@dataclass(frozen=True)
class Person:
    """What a person has set in the App, and finds again unless they change it.

    Args:
        filters: the sidebar's filters, by path
        lasso: the ids of the samples that a lasso in another panel holds
        selected: the ids of the samples that are ticked in the grid
        view: the name of the saved view
        slice: the slice of a grouped dataset
    """

    filters: dict[str, dict] = field(default_factory=dict)
    lasso: tuple[str, ...] = ()
    selected: tuple[str, ...] = ()
    view: str = ""
    slice: str = ""


class Window:
    """One window of the App.

    Args:
        page: the browser's window; its context was given ``app_probe.js``
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        console.listen(page, lambda text: self.errors.append(text[:400]))

    # --- what a person does ---------------------------------------------------------------------

    def set(self, person: Person) -> None:
        """Sets what a person sets, through the App's own operators."""
        if person.slice:
            self.tell("set_group_slice", slice=person.slice)
            self.settle()
        if person.view and self.state()["viewName"] != person.view:
            self.tell("set_view", name=person.view)
            self.settle()  # another view empties the rest
        self.tell("set_filters", **{**self.state()["filters"], **person.filters})
        self.settle()
        if person.lasso:
            self.tell("set_extended_selection", selection=list(person.lasso), scope="embeddings")
            self.settle()
        if person.selected:
            self.tell("set_selected_samples", samples=list(person.selected))
        self.settle()

    def tell(self, operator: str, **params: Any) -> None:
        """Executes an operator of the App's own."""
        self.page.evaluate(
            "([name, params]) => void appProbe.tell(name, params)", [operator, params]
        )

    def slow_down(self) -> None:
        """Lets the network be as slow as 3G from now on."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW_3G)

    # --- what the App shows ---------------------------------------------------------------------

    def settle(self, quiet_ms: int = QUIET_MS, seconds: float = 30) -> None:
        """Waits until the App asks for nothing and draws nothing."""
        rest(self.page, quiet_ms, seconds)

    def state(self) -> dict[str, Any]:
        """Filters, lasso, selected samples, view and the rest, as the App holds them."""
        return self.page.evaluate("appProbe.state()")

    def tiles(self) -> list[dict | None]:
        """The tiles that can be seen; None for one that is not drawn."""
        return self.page.evaluate("appProbe.tiles()")

    def losses(self, person: Person, ours: str = "") -> list[str]:
        """What a person has set and no longer finds.

        Args:
            person: what they have set
            ours: the field on which the panel may filter
        """
        said = self.state()
        filters = {
            path: value
            for path, value in said["filters"].items()
            if not ours or path.partition(".")[0] != ours
        }
        stages = _users_stages(said["view"])
        is_narrowed = len(stages) < len(said["view"])
        held = {
            "filters": (_plain(person.filters), _plain(filters)),
            "lasso": (sorted(person.lasso), sorted(said["lasso"].get("selection") or ())),
            "selection": (sorted(person.selected), sorted(said["selected"])),
            "slice": (person.slice, said["slice"] or ""),
        }
        if any(stage["_cls"].endswith(".ToPatches") for stage in said["view"]):
            del held["lasso"], held["selection"]  # they hold samples; patches have other ids
        if not is_narrowed:  # else the view that is shown is a saved one and more
            held["saved view"] = (person.view, said["viewName"] or "")
        lost = [
            f"{what}: {_short(was)} → {_short(now)}"
            for what, (was, now) in held.items()
            if was != now
        ]
        if bool(person.view) != bool(stages):
            lost.append(f"view: {person.view!r} → {stages!r:.200}")
        return lost

    def wrong_tiles(self, dataset: fo.Dataset) -> list[str]:
        """What is wrong with the tiles: they show what the database does not hold, or nothing.

        Args:
            dataset: the dataset that is open
        """
        tiles = self.tiles()
        answer = boxes_in_database(dataset, self.state(), [t["filepath"] for t in tiles if t])
        wrong = (
            [f"{tiles.count(None)} of {len(tiles)} tiles are not drawn"] if None in tiles else []
        )
        shown = Counter(
            (tile["filepath"], _boxes(b["box"] for b in tile["boxes"])) for tile in tiles if tile
        )
        for (filepath, boxes), number in (shown - answer.boxes).items():
            held = [list(b) for path, b in answer.boxes if path == filepath]
            name = Path(filepath).name
            wrong.append(
                f"{number} x {name}: {len(boxes)} boxes are drawn, not {[len(b) for b in held]}"
            )
        if not tiles and answer.number:
            wrong.append(f"no tiles are shown of {answer.number:,} samples")
        if len(tiles) > answer.number:
            wrong.append(f"{len(tiles)} tiles are shown of {answer.number:,} samples")
        return wrong

    def wait_for_tiles(self, dataset: fo.Dataset, seconds: float = 10) -> float:
        """Waits until the tiles show what the database holds; returns the seconds."""
        began = time.monotonic()
        return (
            wait_for(
                self.page,
                lambda: not self.wrong_tiles(dataset),
                lambda: self.wrong_tiles(dataset),
                seconds,
            )
            - began
        )

    # --- the console ----------------------------------------------------------------------------

    def assert_no_errors(self) -> None:
        """Fails with the errors in the console since the last call."""
        errors, self.errors = self.errors, []
        assert not errors, "\n".join(["the console says:", *dict.fromkeys(errors)])


@dataclass(frozen=True)
class Answer:
    """What the database holds of what the grid shows.

    Args:
        number: the number of samples in the view
        boxes: how often there is a file with these boxes
    """

    number: int
    boxes: Counter


def boxes_in_database(
    dataset: fo.Dataset, said: dict[str, Any], filepaths: Iterable[str]
) -> Answer:
    """Asks the database for what the tiles are to show.

    Args:
        dataset: the dataset that is open
        said: the App's state
        filepaths: the files of the tiles

    Returns:
        the number of samples in the view, and the boxes by file
    """
    dataset.reload()
    view = fosv.get_view(
        dataset,
        stages=said["view"],
        filters=said["filters"],
        extended_stages={name: kwargs for name, kwargs in said["stages"].items() if kwargs},
    )
    if said["slice"]:
        view.group_slice = said["slice"]
    shown = [name for name in said["fields"] if _holds_boxes(view, name)]
    held = view.match(fo.ViewField("filepath").is_in(list(set(filepaths))))
    boxes: Counter = Counter()
    for sample in held:
        found = [
            label.bounding_box
            for name in shown
            if sample[name] is not None
            for label in getattr(sample[name], "detections", [sample[name]])
        ]
        boxes[sample.filepath, _boxes(found)] += 1
    return Answer(len(view), boxes)


def _holds_boxes(view: fo.DatasetView, name: str) -> bool:
    kind = getattr(view.get_field(name), "document_type", None)
    return kind in (fo.Detections, fo.Detection)


def _boxes(boxes: Iterable[Iterable[float]]) -> frozenset:
    """Boxes that can be compared: a selected label is drawn twice, and corners are rounded."""
    return frozenset(tuple(round(float(v) + _ASIDE, _DIGITS) for v in box) for box in boxes)


def _short(value: Any) -> str:
    return f"{len(value)} samples" if isinstance(value, list) else f"{value!r:.200}"


def _users_stages(view: list[dict]) -> list[dict]:
    return view[: len(view) - len(grid_stages.of({"view": view}))]


def _plain(filters: dict[str, dict]) -> dict[str, dict]:
    """Filters by what they keep: the App writes some with more of its own words."""
    kept = {
        path: {k: v for k, v in f.items() if k in ("values", "range", "exclude")}
        for path, f in filters.items()
    }
    return {path: {k: v for k, v in f.items() if v is not False} for path, f in kept.items()}
