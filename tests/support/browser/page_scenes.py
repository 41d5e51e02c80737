"""The pages of the panel, each with all that can stand on it, for tests of their controls."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import fiftyone as fo
import numpy as np

from auto_labeling.core.run import Run, RunConfig, RunState
from auto_labeling.demo import shapes
from auto_labeling.lifecycle import importing, labeling
from auto_labeling.review import approval, promotion, summary
from auto_labeling.review.grid import merged, shown, tab_filters
from auto_labeling.storage.runs import RunStore
from tests.support.browser import scenes
from tests.support.browser.app import App
from tests.support.browser.window import Person

SAMPLES = 24
#: The saved view of a person, and the slice that they look at.
VIEW, SLICE = "mine", "right"
#: Runs of before, so many that the home page has pages.
_PAST = 21
_UNREADABLE = "UnidentifiedImageError: cannot identify image file '/data/northern/2019/0012.jpg'"


@dataclass
class World:
    """A dataset, and what a person has set in the App that shows it.

    Args:
        dataset: the dataset
        person: what they have set
        run: the run whose page it is; None for pages without one
    """

    dataset: fo.Dataset
    person: Person
    run: Run | None = None

    def facts(self) -> list[tuple]:
        """What there is of each run, to see whether a control has changed it."""
        return [
            (run.id, run.name, run.state, run.labels, _promoted(self.dataset, run))
            for run in labeling.runs(self.dataset, confirm=False)
        ]


def _promoted(dataset: fo.Dataset, run: Run) -> int:
    is_open = run.state is RunState.IN_REVIEW and dataset.has_field(run.staging_field)
    if not is_open:
        return 0
    return summary.summarize(dataset, run, shown(dataset, {}), "approval").total


def write_images(folder: Path) -> list[str]:
    """Writes the images of a dataset of :func:`images`, and returns their paths."""
    return [str(path) for path, *_ in shapes.write(folder, SAMPLES, 7)]


def images_in_review(filepaths: list[str], grouped: bool = False) -> World:
    """A dataset of :func:`images` whose boxes are in review.

    Args:
        filepaths: of at least :data:`SAMPLES` images
        grouped: whether two of them each are the slices of a group
    """
    world = images(filepaths, grouped)
    world.run = _in_review(world.dataset)
    return world


def images(filepaths: list[str], grouped: bool = False) -> World:
    """A dataset with boxes and two more fields, and what a person has set on it.

    Args:
        filepaths: of at least :data:`SAMPLES` images
        grouped: whether two of them each are the slices of a group
    """
    dataset = fo.Dataset(f"browser-{uuid.uuid4().hex[:8]}", persistent=True)
    if grouped:
        dataset.add_group_field("group", default="left")
    chance = np.random.default_rng(4)
    samples = []
    for number, path in enumerate(filepaths[:SAMPLES]):
        sample = fo.Sample(path, tags=["even"] if number % 4 < 2 else [])
        sample["number"] = number
        sample["weather"] = fo.Classification(label=("sunny", "rainy")[number // 2 % 3 == 2])
        boxes = [
            fo.Detection(
                label=("car", "dog", "tree")[int(chance.integers(3))],
                confidence=None if (number + index) % 9 == 8 else float(chance.uniform(0.1, 0.9)),
                bounding_box=[*chance.uniform(0, 0.5, 2), *chance.uniform(0.1, 0.4, 2)],
            )
            for index in range(3 if number % 12 else 0)
        ]
        sample["boxes"] = fo.Detections(detections=boxes)
        if grouped:
            group = samples[-1].group if number % 2 else fo.Group()
            sample["group"] = group.element(("left", SLICE)[number % 2])
        samples.append(sample)
    dataset.add_samples(samples, progress=False)
    dataset.save_view(VIEW, dataset.match(fo.ViewField("number") >= 2))
    view = dataset.select_group_slices(SLICE) if grouped else dataset
    ids = view.match(fo.ViewField("number") >= 2).values("id")
    filters = {
        "number": {"range": [2, 20], "exclude": False, "isMatching": True},
        "weather.label": {"values": ["sunny"], "exclude": False, "isMatching": True},
    }
    lasso = tuple(ids[: len(ids) * 3 // 4])
    person = Person(filters, lasso, lasso[:2], VIEW, SLICE if grouped else "")
    return World(dataset, person)


# --- the pages: each makes what it needs, and opens it ------------------------------------------


@dataclass(frozen=True)
class PageScene:
    """A page with all that can stand on it.

    Args:
        prepare: makes the runs that it needs; returns the one whose page it is
        enter: opens the page from the home page
        text: what can be read on this page alone
        grouped: whether the dataset is a grouped one
    """

    prepare: Callable[[fo.Dataset], Run | None]
    enter: Callable[[App, Run | None], None]
    text: str | re.Pattern
    grouped: bool = False

    def is_shown(self, ui: App) -> bool:
        """Whether the panel shows this page."""
        return ui.panel.get_by_text(self.text).count() > 0


def _some_runs(dataset: fo.Dataset) -> None:
    for number in range(_PAST):
        config = RunConfig(
            task="detection", model="old", label_field=f"old_{number}", name=f"Old {number}"
        )
        stamp = f"2025-01-01T00:{number:02}:00.000+00:00"
        past = Run(id=f"{number:012x}", config=config, state=RunState.APPROVED, created_at=stamp)
        RunStore(dataset).create(past)
    scenes.failed(dataset, scenes.start(dataset, "broken", "Broken"), "RuntimeError: no memory")
    scenes.start(dataset, "waiting", "Waiting")
    _in_review(dataset)


def _failed(dataset: fo.Dataset) -> Run:
    run = scenes.start(dataset, "everything", "Everything")
    return scenes.failed(dataset, run, "RuntimeError: out of memory\nin a second line, more")


def _queued(dataset: fo.Dataset) -> Run:
    return scenes.start(dataset, "people", "People", ago=scenes.HOUR)


def _partly(dataset: fo.Dataset) -> Run:
    run = scenes.start(dataset, "partly", "Partly")
    return scenes.partly_failed(dataset, run, [_UNREADABLE] * 3)


def _in_review(dataset: fo.Dataset) -> Run:
    return importing.import_labels(dataset, "boxes", "checked", name="Boxes")


def _half_promoted(dataset: fo.Dataset) -> Run:
    run = _in_review(dataset)
    filters = merged(None, run, tab_filters(run.label_root, "review", confidence=(0.4, 1.0)))
    promotion.promote(dataset, run.id, shown(dataset, {"filters": filters}), expected=None)
    return run


def _approved(dataset: fo.Dataset) -> Run:
    run = _half_promoted(dataset)
    return approval.approve(dataset, run.id, by="Grace Hopper")


def _press(*names: str) -> Callable[[App, Run | None], None]:
    def enter(ui: App, run: Run | None) -> None:
        for name in names:
            ui.press(name, exact=name == "Review")

    return enter


def _review(ui: App, run: Run | None) -> None:
    ui.press("Review", exact=True)
    ui.sees("for approval")


def _approval(ui: App, run: Run | None) -> None:
    _review(ui, run)
    ui.tab("Approval")


#: Before and after the question.
_APPROVAL = re.compile("These labels are written when you approve|This cannot be undone")

PAGE_SCENES = {
    "home": PageScene(_some_runs, _press(), "Runs"),
    "configure": PageScene(lambda dataset: None, _press("Auto Label"), "Target samples"),
    "configure-groups": PageScene(
        lambda dataset: None, _press("Auto Label"), "Target samples", grouped=True
    ),
    "existing": PageScene(
        lambda dataset: None, _press("Analyze existing labels"), "Approved labels go to"
    ),
    "queued": PageScene(_queued, _press("View progress"), "Waiting for a worker"),
    "failed": PageScene(_failed, _press("Details"), re.compile("(Show|Hide) the details")),
    "failed-samples": PageScene(_partly, _press("Review"), "3 samples failed"),
    "review": PageScene(_in_review, _review, "for approval"),
    "review-groups": PageScene(_in_review, _review, "for approval", grouped=True),
    "approval": PageScene(_half_promoted, _approval, _APPROVAL),
    "approved": PageScene(_approved, _press("View"), "labels are in checked"),
}
