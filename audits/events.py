"""What happens in the audits of a run, as its ledger keeps it: JSON only, and never removed."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Verdict(str, Enum):
    """What was found about a label; all but "right" count as wrong."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSURE = "unsure"
    CHANGED = "changed"  # since the set was frozen, before the answer
    DELETED = "deleted"  # since then, too


class Entry(NamedTuple):
    """A label of a frozen set.

    Args:
        label: the label's id
        sample: the id of its sample
        content: what :func:`content_hash` gave when the set was frozen
        name: its class
    """

    label: str
    sample: str
    content: str
    name: str


class _Event(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str  # of the write, to recognize one whose answer was lost
    at: str
    by: str = ""


class PilotDrawn(_Event):
    """Labels were drawn to get an impression, without a promise."""

    kind: Literal["pilot drawn"] = "pilot drawn"
    labels: tuple[Entry, ...]


class PilotAnswered(_Event):
    """Labels of the pilot were looked at; later answers replace earlier ones."""

    kind: Literal["pilot answered"] = "pilot answered"
    verdicts: dict[str, Verdict]


class Frozen(_Event):
    """The set of an audit, its order and its plan were fixed."""

    kind: Literal["frozen"] = "frozen"
    audit: int  # counts from 1
    target: int
    attempts: int
    size: int
    risk: float
    looks: tuple[tuple[int, int], ...]  # (labels, errors allowed)
    seed: str
    digest: str  # of all entries in their order
    scope: str = ""  # in words
    right: str = ""  # when a label is right, in a sentence
    outside: int = 0  # labels that Approve would keep by then, out of its scope


class Shown(_Event):
    """The next labels were shown for the first time."""

    kind: Literal["shown"] = "shown"
    audit: int
    first: int  # the position of the first of them, from 0
    labels: tuple[Entry, ...]


class Answered(_Event):
    """Labels were looked at, in their order."""

    kind: Literal["answered"] = "answered"
    audit: int
    first: int
    labels: tuple[str, ...]
    verdicts: tuple[Verdict, ...]


class Undone(_Event):
    """Answers from a position on were withdrawn."""

    kind: Literal["undone"] = "undone"
    audit: int
    first: int


class Abandoned(_Event):
    """An audit was given up; it has used its share of the risk if it had shown a label."""

    kind: Literal["abandoned"] = "abandoned"
    audit: int


class Settled(_Event):
    """What follows from an audit's end was done with the labels."""

    kind: Literal["settled"] = "settled"
    audit: int
    rejected: int
    promoted: int


Event = PilotDrawn | PilotAnswered | Frozen | Shown | Answered | Undone | Abandoned | Settled

_ADAPTER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])

#: The attributes that make a label right or wrong. Tags, confidence, evaluations and the review
#: state do not: who adds them does not change the label.
CONTENT = (
    *("label", "bounding_box", "mask", "mask_path"),
    *("location", "dimensions", "rotation"),
)


def read(document: Mapping[str, Any]) -> Event:
    """Reads an event as stored.

    Raises:
        pydantic.ValidationError: if it is none
    """
    return _ADAPTER.validate_python(document)


def content_hash(label: Mapping[str, Any]) -> str:
    """The hash of a label's document, of what makes it right or wrong: 16 hexadecimal digits."""
    kept = {name: _plain(label[name]) for name in CONTENT if label.get(name) is not None}
    text = json.dumps(kept, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return float(value) if isinstance(value, int) else value


def order_key(run_id: str, seed: str, label_id: str) -> str:
    """What the labels of a frozen set are sorted by.

    Args:
        run_id: the run's id
        seed: the audit's seed, drawn when the set is frozen
        label_id: the label's id

    Returns:
        a hash: no one can foresee or choose the order, and anyone can repeat it
    """
    return hashlib.sha256(f"{run_id}:{seed}:{label_id}".encode()).hexdigest()


def digest(entries: Iterable[Entry]) -> str:
    """The hash of a frozen set: of the ids and contents of its labels, in their order."""
    whole = hashlib.sha256()
    for entry in entries:
        whole.update(f"{entry.label} {entry.content}\n".encode())
    return whole.hexdigest()
