"""The target samples that the App's grid and the configure page's answers mean together."""

from fiftyone.core.dataset import Dataset

from auto_labeling.app import pasted_ids
from auto_labeling.app.answers import text
from auto_labeling.core.run import Target
from auto_labeling.lifecycle import media
from auto_labeling.review import grid

#: What a request says of its grid where it does not show the whole dataset.
NARROWING = ("view", "view_name", "filters", "extended")

#: Pasted ids up to which those of no sample are found with each change of the page.
FEW_IDS = 20_000


def counts(dataset: Dataset, asked: dict, form: dict) -> dict:
    """The number of samples that each :class:`auto_labeling.core.run.Target` means now.

    Args:
        dataset: the :class:`fiftyone.core.dataset.Dataset`
        asked: what the App says about its grid
        form: the answers of the configure page
    """
    slices, shown = slices_of(form), grid.shown(dataset, asked)
    everything = media.count(dataset, slices)
    narrowed = any(asked.get(key) for key in NARROWING)
    return {
        Target.ALL: everything,
        Target.VIEW: media.target_count(dataset, shown.view, slices) if narrowed else everything,
        Target.SELECTION: len(_selected_ids(dataset, shown, slices)),
        Target.IDS: _count_pasted(dataset, form),
    }


def ids(dataset: Dataset, asked: dict, target: Target, form: dict) -> list | None:
    """The ids of the target samples; None means all, in the slices that are chosen."""
    if target is Target.ALL:
        return None
    if target is Target.IDS:
        return _pasted_ids(form)
    of_target = _selected_ids if target is Target.SELECTION else _shown_ids
    return of_target(dataset, grid.shown(dataset, asked), slices_of(form))


def view(dataset: Dataset, asked: dict, target: Target):
    """The view that the target samples are of; None for all, or for ids.

    Args:
        dataset: the :class:`fiftyone.core.dataset.Dataset`
        asked: what the App says about its grid
        target: the target samples
    """
    if target not in (Target.VIEW, Target.SELECTION):
        return None
    shown = grid.shown(dataset, asked)
    if target is Target.VIEW:
        narrowed = any(asked.get(key) for key in NARROWING)
        return shown.view if narrowed else None
    return shown.view.select(list(shown.sample_ids)) if shown.sample_ids else None


def some_ids(dataset: Dataset, asked: dict, target: Target, form: dict, most: int) -> list:
    """The ids of a few target samples: of those that are selected in the grid, or else the first.

    Args:
        dataset: the :class:`fiftyone.core.dataset.Dataset`
        asked: what the App says about its grid
        target: the target samples
        form: the answers of the configure page
        most: how many
    """
    if target is Target.IDS:
        return _pasted_ids(form)[:most]
    slices, shown = slices_of(form), grid.shown(dataset, asked)
    found = _selected_ids(dataset, shown, slices)
    if not found and target is not Target.SELECTION:
        found = _shown_ids(dataset, shown, slices, most)
    return found[:most]


def slices_of(form: dict) -> list:
    """The names of slices that a form chooses."""
    names = form.get("group_slices")
    return [n for n in names if isinstance(n, str)] if isinstance(names, (list, tuple)) else []


def _pasted_ids(form: dict):
    return list(pasted_ids.read(text(form.get("ids"))).ids)


def _count_pasted(dataset: Dataset, form: dict):
    given = _pasted_ids(form)
    return media.count_known(dataset, given) if len(given) <= FEW_IDS else len(given)


def _shown_ids(dataset: Dataset, shown: grid.Shown, slices, most=None):
    return media.target_ids(dataset, shown.view, slices, most)


def _selected_ids(dataset: Dataset, shown: grid.Shown, slices):
    if not shown.sample_ids:
        return []
    return media.target_ids(dataset, shown.view.select(list(shown.sample_ids)), slices)
