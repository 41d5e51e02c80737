"""Samples on their way to the model, one batch at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from auto_labeling.core.errors import AutoLabelingError


class Waiting(NamedTuple):
    """A sample that waits for labels.

    Args:
        sample_id: its id
        values: the values that the model's ``get_item`` asks for: ``filepath``, and prompts
        chunk: the index of its chunk
    """

    sample_id: str
    values: dict[str, Any]
    chunk: int = 0


#: A sample that failed, and the text of its error.
Failure = tuple[Waiting, str]


@dataclass
class Loaded:
    """A batch of samples, decoded.

    Args:
        targets: the samples that could be read
        batch: their images, as the model takes them; None if they do not go together
        failures: ``(target, error text)`` of those that could not
        release: to be called when the model is done with ``batch``; None if nothing waits for that
        guessed: ``(target, guess)`` of those whose range of values was guessed; see
            :func:`auto_labeling.models.pixels.take_guess`
    """

    targets: list[Waiting]
    batch: Any
    failures: list[Failure] = field(default_factory=list)
    release: Callable[[], None] | None = None
    guessed: list[tuple[Waiting, str]] = field(default_factory=list)


def describe(error: BaseException) -> str:
    """An error in one line, for the list of failed samples."""
    if isinstance(error, AutoLabelingError):
        return str(error)[:500]
    return f"{type(error).__name__}: {error}"[:500]
