"""Who decided what about a run's labels, counted before an approval removes their marks."""

from collections.abc import Iterable, Sequence

from fiftyone.core.dataset import Dataset

from auto_labeling.core.account import Decision
from auto_labeling.core.history import Action, ActionState, number_of
from auto_labeling.core.run import Run
from auto_labeling.storage.mongo import Document
from auto_labeling.storage.review_states import ACTIONS, MODEL_LABEL, PROMOTED, REJECTED, REVIEW

#: Numbers of labels by name.
Counts = dict[str, dict[str, int]]


def people(dataset: Dataset, run: Run, decision: Decision, actions: Sequence[Action]) -> Counts:
    """Counts the promoted and the rejected labels by the person who decided that.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        decision: its labels by review state
        actions: the actions on it

    Returns:
        a dict from name, which is empty for people not known, to a dict from state to number
    """
    deciding = {a.number: a.by for a in actions if any(REVIEW in step.was for step in a.steps)}
    if len(set(deciding.values())) < 2:
        numbers = {PROMOTED: decision.promoted, REJECTED: decision.rejected}
        found = {state: number for state, number in numbers.items() if number}
        return {next(iter(deciding.values()), ""): found} if found else {}
    counts: Counts = {}
    for group in _groups(dataset, run, {REVIEW: {"$in": [PROMOTED, REJECTED]}}, REVIEW, ACTIONS):
        marks = group["_id"].get(ACTIONS) or []
        numbers_of = [n for n in map(number_of, reversed(marks)) if n in deciding]
        of_person = counts.setdefault(deciding[numbers_of[0]] if numbers_of else "", {})
        state = group["_id"][REVIEW]
        of_person[state] = of_person.get(state, 0) + group["n"]
    return counts


def relabeled(dataset: Dataset, run: Run, actions: Iterable[Action]) -> Counts:
    """Counts the promoted labels that were relabeled, by the class that the model gave.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run
        actions: the actions on it

    Returns:
        a dict from class to a dict from the class that it became to the number of labels
    """
    if not any(a.verb == "relabel" and a.state is not ActionState.UNDONE for a in actions):
        return {}
    counts: Counts = {}
    conditions = {REVIEW: PROMOTED, MODEL_LABEL: {"$type": "string"}}
    for group in _groups(dataset, run, conditions, MODEL_LABEL, "label"):
        old, new = str(group["_id"][MODEL_LABEL]), str(group["_id"].get("label"))
        if old != new:
            counts.setdefault(old, {})[new] = group["n"]
    return counts


def _groups(dataset: Dataset, run: Run, conditions: Document, *names: str) -> Iterable[Document]:
    """The labels that meet the conditions, counted by the values of attributes."""
    root = run.label_root
    stages: list[Document] = [{"$match": {run.staging_field: {"$type": "object"}}}]
    stages += [{"$unwind": f"${root}"}] if run.many else []
    stages += [
        {"$match": {f"{root}.{name}": value for name, value in conditions.items()}},
        {"$group": {"_id": {name: f"${root}.{name}" for name in names}, "n": {"$sum": 1}}},
    ]
    return dataset._sample_collection.aggregate(stages)
