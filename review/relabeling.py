"""Relabel: labels of a class become another class; several may become the same one."""

from collections.abc import Mapping
from dataclasses import replace

from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import ConfigError
from auto_labeling.core.history import STEPS_PER_ACTION, Step
from auto_labeling.core.run import Run
from auto_labeling.review.acting import Change, act, expect, in_review
from auto_labeling.review.grid import Shown
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import MODEL_LABEL, PERSON, sources

#: Classes that one action can relabel: two steps each.
MAX_CLASSES = STEPS_PER_ACTION // 2

#: Classes that the history names.
_NAMED = 5


def relabel(
    dataset: Dataset,
    run_id: str,
    shown: Shown,
    names: str | Mapping[str, str],
    tab: str | None = None,
    expected: int | None = None,
    by: str = "",
) -> int:
    """Gives labels another class. They keep what the model said as ``model_label``.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        shown: which labels
        names: the class that all of them get, or a dict from class to class
        tab (None): only labels in this tab
        expected (None): the number of labels that the person saw; None if no one saw any
        by (""): who relabels

    Returns:
        the number of labels that have another class now

    Raises:
        ConfigError: if a name is not a class
        LabelsChanged: if it is not ``expected`` labels; nothing is relabeled then
        IllegalTransition: if the run is not in review
    """
    run = in_review(dataset, run_id)
    _check(names)
    criteria = shown.criteria(run)
    known = None if criteria is None else criteria.labels
    if isinstance(names, str):
        known = _classes(run, shown, tab) if known is None else known
        mapping = dict.fromkeys(known, names)
    else:
        mapping = {old: new for old, new in names.items() if known is None or old in known}
    mapping = {old: new for old, new in mapping.items() if old != new}
    if len(mapping) > MAX_CLASSES:
        raise ConfigError({"to": f"At most {MAX_CLASSES:,} classes can be relabeled at once"})
    if not mapping:
        if expected:
            expect(0, expected, "relabel")
        return 0
    chosen = shown if criteria is None else replace(criteria, labels=tuple(mapping))
    return act(dataset, run, chosen, _change(run, mapping, tab), expected, by)


def _check(names: str | Mapping[str, str]) -> None:
    """Refuses names that no class can have."""
    mapping = {"": names} if isinstance(names, str) else names
    if not isinstance(mapping, Mapping) or not all(
        isinstance(name, str) for name in (*mapping, *mapping.values())
    ):
        raise ConfigError({"to": "Must be a class, or a mapping from class to class"})
    if not all(name.strip() for name in mapping.values()):
        raise ConfigError({"to": "The name of a class cannot be empty"})


def _classes(run: Run, shown: Shown, tab: str | None) -> tuple[str, ...]:
    """The classes of the labels that are shown."""
    groups = shown.aggregate(run, tab, [{"$group": {"_id": "$label.label"}}])
    return tuple(group["_id"] for group in groups if isinstance(group["_id"], str))


def _change(run: Run, mapping: Mapping[str, str], tab: str | None) -> Change:
    steps, conditions = [], []
    # The model has named the class of labels that no one has relabeled or added.
    of_person: list[Document] = [{name: PERSON} for name in sources(run)]
    for old, new in mapping.items():
        was = {"label": old, MODEL_LABEL: None}
        steps.append(Step(was=was, becomes={"label": new, MODEL_LABEL: old}))
        conditions.append({"$nor": of_person})
        steps.append(Step(was={"label": old}, becomes={"label": new}))
        conditions.append({"$or": [{MODEL_LABEL: {"$ne": None}}, *of_person]})
    pairs = [f"{old} to {new}" for old, new in list(mapping.items())[:_NAMED]]
    about = ", ".join(pairs) + (f" and {len(mapping) - _NAMED:,} others" * (len(mapping) > _NAMED))
    return Change(
        verb="relabel",
        doing="relabel",
        tab=tab,
        steps=tuple(steps),
        conditions=tuple(conditions),
        classes=dict(mapping),
        about=about,
    )
