"""From a task to one model, step by step: each choice narrows the next.

Each choice is remembered under the choices that led to it, so that going back and forth keeps
them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auto_labeling.core.run import Method, ModelType, Task
from auto_labeling.models import catalog
from auto_labeling.models.spec import ModelSpec

#: The choices after the task, in this order. The last is only made between models that are the
#: same in all others.
LEVELS = ("method", "model_type", "family", "version", "size", "variant")

#: The version or size of a model that names none, beside others that do.
UNNAMED = "unnamed"

_BEGIN_WITH = {
    "method": Method.ONE_STAGE.value,
    "model_type": ModelType.FIXED_VOCABULARY.value,
}
_ATTRIBUTES = {"variant": "name"}
_SIZES = ("nano", "tiny", "small", "medium", "base", "base-plus", "large", "xlarge", "2xlarge")


@dataclass(frozen=True)
class Level:
    """One of the choices.

    Args:
        options: the options now; empty if there is no choice, or not yet
        value: the chosen option; empty if there is none
    """

    options: tuple[str, ...] = ()
    value: str = ""


@dataclass(frozen=True)
class Choices:
    """All choices so far, and the model that they mean.

    Args:
        levels: a :class:`Level` for each of :data:`LEVELS`
        spec: the model, or None as long as a choice is missing
    """

    levels: dict[str, Level]
    spec: ModelSpec | None = None


def narrow(
    task: Task, remembered: Mapping[str, Any], answers: Mapping[str, Any] | None = None
) -> Choices:
    """Lists the options at each level, and the chosen ones.

    Where one option remains it is chosen; so is the usual method and model type.

    Args:
        task: the task
        remembered: the result of :func:`remember`; other keys are ignored
        answers (None): the choices of now, by level; values that are no option are ignored

    Returns:
        the :class:`Choices`: a level for each question, and the model that is left
    """
    levels: dict[str, Level] = {}
    path, answers = task.value, answers or {}
    by_method = {method.value: catalog.choices(task, method) for method in Method}
    left = {method: specs for method, specs in by_method.items() if specs}
    for name in LEVELS:
        value = _chosen(name, tuple(left), answers.get(name), remembered.get(f"{path}/{name}"))
        is_asked = len(left) > 1 or (UNNAMED not in left and name != "variant")
        levels[name] = Level(_ordered(name, left), value) if is_asked else Level()
        if not value:
            break
        path = f"{path}/{value}"
        below = LEVELS[LEVELS.index(name) + 1 :]
        if below:
            left = _grouped(left[value], below[0])
    missing = {name: Level() for name in LEVELS if name not in levels}
    return Choices(levels | missing, None if missing or not value else left[value][0])


def remember(task: Task, remembered: Mapping[str, Any], level: str, value: str) -> dict[str, Any]:
    """Returns ``remembered`` with one more choice.

    Args:
        task: the task
        remembered: the earlier choices
        level: one of :data:`LEVELS`
        value: one of the level's options
    """
    path = _path(task, narrow(task, remembered), level)
    return {**remembered, f"{path}/{level}": value}


def leading_to(spec: ModelSpec, task: Task, method: Method) -> dict[str, Any]:
    """Returns the choices that lead to a model, in the form of :func:`remember`.

    Args:
        spec: the model
        task: the task
        method: the method
    """
    remembered: dict[str, Any] = {}
    for level in LEVELS:
        value = method.value if level == "method" else _value(spec, level)
        remembered = remember(task, remembered, level, value)
    return remembered


def in_order(specs: list[ModelSpec]) -> list[ModelSpec]:
    """Models of one family as people expect them: the newest version first, then by size."""
    smallest_first = sorted(specs, key=lambda spec: _by_size(spec.size))
    return sorted(smallest_first, key=lambda spec: _natural(spec.version), reverse=True)


def _path(task: Task, choices: Choices, level: str) -> str:
    values = [choices.levels[above].value for above in LEVELS[: LEVELS.index(level)]]
    # A level that is not asked has one option, UNNAMED or the model itself.
    return "/".join([task.value, *(value or UNNAMED for value in values)])


def _chosen(level: str, options: Sequence[str], *preferred: Any) -> str:
    if len(options) == 1:
        return options[0]
    return next((v for v in (*preferred, _BEGIN_WITH.get(level)) if v in options), "")


def _grouped(specs: Iterable[ModelSpec], level: str) -> dict[str, list[ModelSpec]]:
    groups: dict[str, list[ModelSpec]] = {}
    for spec in specs:
        groups.setdefault(_value(spec, level), []).append(spec)
    return groups


def _value(spec: ModelSpec, level: str) -> str:
    value = getattr(spec, _ATTRIBUTES.get(level, level))
    return getattr(value, "value", value) or UNNAMED


def _ordered(level: str, options: Mapping[str, list[ModelSpec]]) -> tuple[str, ...]:
    if level == "family":  # those for which a person brings the weights come last
        return tuple(sorted(options, key=lambda family: options[family][0].needs_checkpoint))
    if level == "version":  # the newest first
        return tuple(sorted(options, key=_natural, reverse=True))
    if level == "size":
        return tuple(sorted(options, key=_by_size))
    return tuple(options)


def _by_size(size: str) -> tuple[int, tuple[tuple[int, ...], str]]:
    rank = _SIZES.index(size) if size in _SIZES else len(_SIZES)
    return (rank, _natural(size))


def _natural(text: str) -> tuple[tuple[int, ...], str]:
    """Sorts by the numbers in a text, as people do: v9 before v10, and both before 11."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", text))
    return (numbers, text)
