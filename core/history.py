"""What people did with the labels of a run in review: an action, with who and when.

An action changes attributes of labels in one or more steps. Each label that a step changes keeps
the step's mark, a number, in the same write. So what an action changed can always be told and
undone, also after a crash in the middle of it.
"""

from collections.abc import Iterator
from enum import Enum

from pydantic import BaseModel, ConfigDict

from auto_labeling.core import text

#: Marks are the action's number times this, plus the number of the step.
STEPS_PER_ACTION = 2**14


class ActionState(str, Enum):
    """The state of an action."""

    BEGUN = "begun"  # recorded; its labels are being changed, or its process died
    DONE = "done"
    UNDONE = "undone"


class Step(BaseModel):
    """A change of labels. None stands for an attribute that a label does not have.

    Args:
        was: the attributes that change, with the values that the labels had
        becomes: the same attributes, with the values that they have afterwards
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    was: dict[str, str | None]
    becomes: dict[str, str | None]


class Action(BaseModel):
    """An action on the labels of a run, as stored.

    Args:
        number: its number; actions are numbered in their order
        verb: what was done: ``"promote"``, ``"reject"``, ``"undo"``, ``"relabel"``
        by: who did it; empty if not known
        at: when, in ISO format
        about: which labels, in words; may be empty
        steps: the changes
        labels: the number of labels that were changed
        sample_ids: the samples with these labels, if they are few
        state: an :class:`ActionState`
        is_finished: whether it changed all of its labels before it was undone, if it was
        undone_by: who undid it
        undone_at: when, in ISO format
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    number: int = 0
    verb: str
    by: str = ""
    at: str
    about: str = ""
    steps: tuple[Step, ...]
    labels: int = 0
    sample_ids: tuple[str, ...] | None = None
    state: ActionState = ActionState.BEGUN
    is_finished: bool = False
    undone_by: str = ""
    undone_at: str = ""

    @property
    def first_mark(self) -> int:
        """The mark of the first step; no mark of an earlier action is as large."""
        return self.number * STEPS_PER_ACTION

    @property
    def last_mark(self) -> int:
        """The largest mark that the action could have."""
        return self.first_mark + STEPS_PER_ACTION - 1

    def marked_steps(self) -> Iterator[tuple[int, Step]]:
        """The steps, each with its mark."""
        return enumerate(self.steps, self.first_mark)

    @property
    def sentence(self) -> str:
        """What was done, such as "promoted 12 labels"."""
        about = f" ({self.about})" if self.about else ""
        return f"{_PAST.get(self.verb, self.verb)} {text.count(self.labels, 'label')}{about}"


_PAST = {
    "promote": "promoted",
    "reject": "rejected",
    "undo": "moved back to review",
    "relabel": "relabeled",
}


def number_of(mark: int) -> int:
    """The number of the action that a mark belongs to."""
    return mark // STEPS_PER_ACTION
