"""Undo the last action on a run, and the history of its actions."""

from dataclasses import dataclass

from fiftyone.core.dataset import Dataset

from auto_labeling.core import text
from auto_labeling.core.errors import IllegalTransition
from auto_labeling.core.history import Action, ActionState
from auto_labeling.core.run import Run
from auto_labeling.review import snapshot
from auto_labeling.review.acting import in_review
from auto_labeling.storage import added_labels, label_changes
from auto_labeling.storage.history import HistoryStore
from auto_labeling.storage.review_states import PROMOTED, REVIEW


@dataclass(frozen=True)
class Undone:
    """The effect of undoing an action.

    Args:
        action: the :class:`auto_labeling.core.history.Action`
        labels: the number of labels that are again as they were before it
        edited: the number of labels that people have edited since; they keep their edits
        deleted: the number of labels that were deleted since
    """

    action: Action
    labels: int
    edited: int = 0
    deleted: int = 0

    @property
    def promoted(self) -> int:
        """The change in the number of promoted labels."""
        steps = self.action.steps
        was = any(step.was.get(REVIEW) == PROMOTED for step in steps)
        became = any(step.becomes.get(REVIEW) == PROMOTED for step in steps)
        return self.labels * (was - became)

    @property
    def sentence(self) -> str:
        """What was undone, for people."""
        by = f" by {self.action.by}" if self.action.by else ""
        sentence = f"Undone: {self.action.sentence}{by}"
        kept = [
            f"{text.count(self.edited, 'label')} edited since" if self.edited else "",
            f"{text.count(self.deleted, 'label')} deleted since" if self.deleted else "",
        ]
        unchanged = ", ".join(filter(None, kept))
        return f"{sentence}; left unchanged: {unchanged}" if unchanged else sentence


def history(dataset: Dataset, run: Run) -> list[Action]:
    """Lists the actions on a run's labels.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        the actions, newest first, undone ones too
    """
    return HistoryStore(dataset).list(run)


def last_action(dataset: Dataset, run: Run) -> Action | None:
    """Finds the action that :func:`undo_last` would undo.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run

    Returns:
        the action; None if there is none
    """
    return HistoryStore(dataset).last(run)


def undo_last(dataset: Dataset, run_id: str, by: str = "", expected: int | None = None) -> Undone:
    """Undoes the last action on a run that is not undone, by any person.

    It can be repeated, after a crash too: labels that are restored already stay so.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_id: the run's id
        by (""): who undoes it
        expected (None): the number of the action that the person saw as the last one

    Returns:
        what was :class:`Undone`

    Raises:
        IllegalTransition: if the run is not in review, there is nothing to undo, or another
            action is the last one by now
    """
    run = in_review(dataset, run_id)
    store = HistoryStore(dataset)
    while True:
        action = store.last(run)
        if action is None:
            raise IllegalTransition(f"No action on the labels of '{run.name}' is left to undo")
        if expected is not None and action.number != expected:
            raise IllegalTransition(
                f"Another action is the last one now: {action.sentence}. Nothing was undone"
            )
        newest, others = store.newest(run), store.may_follow(run, action)
        undone = _undo(dataset, run, action, others)
        # Where a later action has changed labels since, this one is undone after that.
        others = others or store.newest(run) != newest
        if not (others and label_changes.is_marked(dataset, run, action)):
            store.undone(run, action, by)
        if undone.labels or undone.edited or action.state is ActionState.DONE:
            return undone
        # It died before it had changed anything: the one before it is meant.


def _undo(dataset: Dataset, run: Run, action: Action, others: bool) -> Undone:
    """Undoes an action; ``others`` says whether labels may carry marks of later ones."""
    with snapshot.of(dataset, run) as kept:
        if kept is not None and not kept.catch_up(dataset):
            kept = None
        if kept is not None and others:
            kept.forget()
        known = kept.remembers(action.number) if kept is not None else None
        if known is None:
            added_labels.settle(dataset, run)
            labels, edited = label_changes.count(dataset, run, action)
        else:
            labels, edited = known, 0
        modified = label_changes.revert(dataset, run, action)
        in_review(dataset, run.id)
        if kept is not None and not kept.undone(dataset, action.number, modified):
            kept.forget()
    gone = max(0, action.labels - labels - edited)
    if action.state is ActionState.BEGUN:
        action = action.model_copy(update={"labels": labels + edited})
    return Undone(action, labels, edited, gone)
