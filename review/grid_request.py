"""Validates what the App says about its grid before it reaches the database."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bson import ObjectId
from pymongo.errors import ConnectionFailure

from auto_labeling.core.errors import Unreadable

logger = logging.getLogger(__name__)


def check(parameters: Mapping[str, Any]) -> None:
    """Refuses a request that speaks of the grid as no App would.

    Args:
        parameters: the request's parameters, as the App sends them

    Raises:
        Unreadable: naming what cannot be read
    """
    for key, is_sound in _SOUND.items():
        if parameters.get(key) is not None and not is_sound(parameters[key]):
            raise _unreadable(key)


@contextlib.contextmanager
def reading(key: str) -> Iterator[None]:
    """Takes what goes wrong while FiftyOne makes a view of a request for a fault of the request.

    Args:
        key: the name of what is read

    Raises:
        Unreadable: naming what cannot be read
    """
    try:
        yield
    except ConnectionFailure:
        raise
    except Exception as error:
        logger.warning("FiftyOne cannot read the %s of a request", key, exc_info=error)
        raise _unreadable(key) from error


def _unreadable(key: str) -> Unreadable:
    return Unreadable(
        f"The grid's {key.replace('_', ' ')} cannot be read; nothing was changed. Reload the page"
    )


def _is_list_of(is_sound: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(is_sound, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and ObjectId.is_valid(value)


def _is_stage(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("_cls"), str):
        return False
    return value.get("kwargs") is None or _is_list_of(_is_pair)(value["kwargs"])


def _is_pair(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) == 2 and isinstance(value[0], str)


def _is_label(value: Any) -> bool:
    if not isinstance(value, dict) or not _is_id(value.get("label_id")):
        return False
    return value.get("sample_id") is None or _is_id(value["sample_id"])


def _are_filters(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_filter, value.values()))


def _is_filter(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    values, span = value.get("values"), value.get("range")
    if values is not None and not isinstance(values, list):
        return False
    return span is None or (isinstance(span, (list, tuple)) and len(span) == 2)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_SOUND: dict[str, Callable[[Any], bool]] = {
    "view": _is_list_of(_is_stage),
    "view_name": _is_text,
    "filters": _are_filters,
    "extended": _is_object,
    "selected": _is_list_of(_is_id),
    "selected_labels": _is_list_of(_is_label),
    "group_slice": _is_text,
}
