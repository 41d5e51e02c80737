"""The target samples of a run, from the App's grid and the answers of the configure page."""

from typing import Any

from fiftyone.core.dataset import Dataset
from fiftyone.core.view import DatasetView

from auto_labeling.app import answers, pasted_ids
from auto_labeling.app.answers import Form
from auto_labeling.app.values import text
from auto_labeling.core.run import Target
from auto_labeling.lifecycle import media
from auto_labeling.review import grid

#: The parts of a request that make the grid show less than the whole dataset.
NARROWING = ("view", "view_name", "filters", "extended")

#: The most pasted IDs that are looked up in the dataset with each change of the page.
MAX_LOOKED_UP = 20_000


def counts(dataset: Dataset, request: dict[str, Any], form: Form) -> dict[Target, int]:
    """Counts the samples of each :class:`auto_labeling.core.run.Target`.

    Args:
        dataset: the :class:`fiftyone.core.dataset.Dataset`
        request: what the App sends about its grid
        form: the answers of the configure page

    Returns:
        the number of samples of each target
    """
    slices, shown, task = slices_of(form), grid.shown(dataset, request), answers.task_of(form)
    everything = media.count(dataset, slices, task)
    narrowed = any(request.get(key) for key in NARROWING)
    return {
        Target.ALL: everything,
        Target.VIEW: media.target_count(dataset, shown.view, slices, task)
        if narrowed
        else everything,
        Target.SELECTION: len(_selected_ids(dataset, shown, form)),
        Target.IDS: _count_pasted(dataset, form),
    }


def ids(dataset: Dataset, request: dict[str, Any], target: Target, form: Form) -> list[str] | None:
    """Returns the IDs of the target samples; None for all samples in the chosen slices.

    Args:
        dataset: the :class:`fiftyone.core.dataset.Dataset`
        request: what the App sends about its grid
        target: the target samples
        form: the answers of the configure page
    """
    if target is Target.ALL:
        return None
    if target is Target.IDS:
        return _pasted_ids(form)
    shown = grid.shown(dataset, request)
    if target is Target.SELECTION:
        return _selected_ids(dataset, shown, form)
    return _shown_ids(dataset, shown, form)


def view(dataset: Dataset, request: dict[str, Any], target: Target) -> DatasetView | None:
    """Returns the view of the target samples; None for all samples, or for sample IDs.

    Args:
        dataset: the :class:`fiftyone.core.dataset.Dataset`
        request: what the App sends about its grid
        target: the target samples
    """
    if target not in (Target.VIEW, Target.SELECTION):
        return None
    shown = grid.shown(dataset, request)
    if target is Target.VIEW:
        narrowed = any(request.get(key) for key in NARROWING)
        return shown.view if narrowed else None
    return shown.view.select(list(shown.sample_ids)) if shown.sample_ids else None


def some_ids(
    dataset: Dataset, request: dict[str, Any], target: Target, form: Form, limit: int
) -> list[str]:
    """Returns the IDs of a few target samples: the selected ones, or the first.

    Args:
        dataset: the :class:`fiftyone.core.dataset.Dataset`
        request: what the App sends about its grid
        target: the target samples
        form: the answers of the configure page
        limit: the most IDs to return
    """
    if target is Target.IDS:
        return _pasted_ids(form)[:limit]
    shown = grid.shown(dataset, request)
    sample_ids = _selected_ids(dataset, shown, form)
    if not sample_ids and target is not Target.SELECTION:
        sample_ids = _shown_ids(dataset, shown, form, limit)
    return sample_ids[:limit]


def slices_of(form: Form) -> list[str]:
    """Returns the names of the chosen slices."""
    names = form.get("group_slices")
    return [n for n in names if isinstance(n, str)] if isinstance(names, (list, tuple)) else []


def _pasted_ids(form: Form) -> list[str]:
    return list(pasted_ids.read(text(form.get("ids"))).ids)


def _count_pasted(dataset: Dataset, form: Form) -> int:
    pasted = _pasted_ids(form)
    return media.count_known(dataset, pasted) if len(pasted) <= MAX_LOOKED_UP else len(pasted)


def _shown_ids(
    dataset: Dataset, shown: grid.Shown, form: Form, limit: int | None = None
) -> list[str]:
    task = answers.task_of(form)
    return media.target_ids(dataset, shown.view, slices_of(form), limit, task)


def _selected_ids(dataset: Dataset, shown: grid.Shown, form: Form) -> list[str]:
    if not shown.sample_ids:
        return []
    selected, task = shown.view.select(list(shown.sample_ids)), answers.task_of(form)
    return media.target_ids(dataset, selected, slices_of(form), task=task)
