"""The history of a run's review: one key for each action, in a store of its own.

An action is recorded before it changes any label, and its labels carry its marks
(``storage/label_changes.py``). So the history holds every action, finished or not.
"""

from collections.abc import Callable, Iterable

from auto_labeling.core.errors import IllegalTransition
from auto_labeling.core.history import Action, ActionState
from auto_labeling.core.names import HISTORY_STORE
from auto_labeling.core.run import Run
from auto_labeling.storage import clock
from auto_labeling.storage.key_store import Keys
from auto_labeling.storage.mongo import Document

_RETRIES = 16


class HistoryStore(Keys):
    """The actions on the runs of one dataset.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
    """

    NAME = HISTORY_STORE

    def begin(self, run: Run, action: Action) -> Action:
        """Records an action that is about to change labels, and numbers it.

        Args:
            run: the run
            action: the action, without a number

        Returns:
            the action as stored
        """
        last = self._last(run)
        number = last.number if last else 0
        while True:  # until no other process has taken the number
            number += 1
            numbered = action.model_copy(update={"number": number})
            if self._store.set_if_absent(_key(run, number), _stored(numbered)):
                return numbered

    def finish(self, run: Run, action: Action, labels: int) -> bool:
        """Records that an action has changed all of its labels.

        Args:
            run: the run
            action: the action
            labels: how many labels it changed

        Returns:
            False if it was undone before it was finished
        """
        facts = {"state": ActionState.DONE, "labels": labels, "is_finished": True}
        done = action.model_copy(update=facts)
        return self._store.compare_and_set(_key(run, action.number), _stored(action), _stored(done))

    def undone(self, run: Run, action: Action, by: str) -> None:
        """Records that an action was undone.

        Args:
            run: the run
            action: the action
            by: who did it
        """

        def undo(stored: Action) -> Action:
            if stored.state is ActionState.UNDONE:
                return stored
            facts = {"state": ActionState.UNDONE, "undone_by": by, "undone_at": clock.stamp()}
            return stored.model_copy(update=facts)

        self._change(run, action, undo)

    def settle(self, run: Run, action: Action, remains: bool) -> None:
        """Records that an action has ended that was undone before it ended.

        Args:
            run: the run
            action: the action
            remains: whether some of its changes are still there, below those of later actions; then
                it is to be undone once more, after those
        """
        facts = {"is_finished": True} | ({"state": ActionState.DONE} if remains else {})
        self._change(run, action, lambda stored: stored.model_copy(update=facts))

    def _change(self, run: Run, action: Action, change: Callable[[Action], Action]) -> None:
        key = _key(run, action.number)
        for _ in range(_RETRIES):
            value = self._store.get(key)
            if value is None:
                return
            changed = _stored(change(Action.model_validate(value)))
            if changed == value or self._store.compare_and_set(key, value, changed):
                return
        raise IllegalTransition("The history is being changed by other processes; try again")

    def newest(self, run: Run) -> int:
        """The number of the newest action on a run, undone or not; 0 without any."""
        last = self._last(run)
        return last.number if last else 0

    def list(self, run: Run) -> list[Action]:
        """Returns all actions on a run, newest first."""
        found = self._documents.find(self._where(f"{run.id}:")).sort("key", -1)
        return [Action.model_validate(document["value"]) for document in found]

    def last(self, run: Run) -> Action | None:
        """Returns the last action on a run that is not undone, if there is one."""
        query = {**self._where(f"{run.id}:"), "value.state": {"$ne": ActionState.UNDONE.value}}
        return _newest(self._documents.find(query).sort("key", -1).limit(1))

    def may_follow(self, run: Run, action: Action) -> bool:
        """Whether labels may carry marks of a later action than one.

        Args:
            run: the run
            action: the earlier action

        Returns:
            False if all later actions have ended, and are undone
        """
        later = {"key": {"$gt": _key(run, action.number), "$lt": f"{run.id};"}}
        open_ = [{"value.state": {"$ne": ActionState.UNDONE.value}}, {"value.is_finished": False}]
        query = {**self._scope, **later, "$or": open_}
        return self._documents.find_one(query, {"_id": 1}) is not None

    def _last(self, run: Run) -> Action | None:
        return _newest(self._documents.find(self._where(f"{run.id}:")).sort("key", -1).limit(1))

    def remove(self, run: Run) -> None:
        """Forgets all actions on a run."""
        self._documents.delete_many(self._where(f"{run.id}:"))


def _newest(documents: Iterable[Document]) -> Action | None:
    return next((Action.model_validate(document["value"]) for document in documents), None)


def _stored(action: Action) -> Document:
    return action.model_dump(mode="json")


def _key(run: Run, number: int) -> str:
    return f"{run.id}:{number:010d}"
