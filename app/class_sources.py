"""Adds classes to a form from a pasted list, a text file or a field."""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from auto_labeling.app import answers, values
from auto_labeling.core.errors import ConfigError
from auto_labeling.models import class_text
from auto_labeling.models.spec import ModelSpec

#: The largest text file of classes, in bytes.
MAX_BYTES = 256 * 1024

#: Encodings by the bytes with which a file begins.
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@dataclass(frozen=True)
class Added:
    """The result of adding classes to a form.

    Args:
        changes: the answers that change
        number: the number of new classes
        left_out: the classes that the model does not know
    """

    changes: dict[str, Any]
    number: int = 0
    left_out: tuple[str, ...] = ()


def of_file(file: Mapping[str, Any]) -> str:
    """Reads the text of a file that the browser has sent.

    Args:
        file: its ``name``, and its ``content`` in base 64

    Raises:
        ConfigError: if it is too large, empty, or not text
    """
    name, content = values.text(file.get("name")) or "The file", file.get("content")
    if not isinstance(content, str) or len(content) > MAX_BYTES * 4 // 3 + 4:
        raise _refused(f"{name} is too large (maximum 256 KB)")
    try:
        data = base64.b64decode(content, validate=True)
        text = data.decode(
            _BYTE_ORDER_MARKS.get(data[:3]) or _BYTE_ORDER_MARKS.get(data[:2]) or "utf-8"
        )
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _refused(f"{name} is not UTF-8 text. Save it as UTF-8 and try again") from error
    if "\x00" in text:
        raise _refused(f"{name} is not a text file")
    if not text.strip():
        raise _refused(f"{name} is empty")
    return text


def added(
    form: answers.Form, spec: ModelSpec | None, known: Iterable[str] | None, text: str
) -> Added:
    """Adds the classes in a text to those of a form.

    Args:
        form: the answers
        spec: the model that they name
        known: the classes that people can choose; None for any
        text: classes, separated by lines or commas

    Returns:
        the :class:`Added`: the new answer, and what was left out

    Raises:
        ConfigError: if the text cannot be read
    """
    if spec is not None and answers.asks_in_words(spec):
        return _in_words(form, spec, text)
    return _chosen(form, known, names(text, known))


def added_names(
    form: answers.Form,
    spec: ModelSpec | None,
    known: Iterable[str] | None,
    classes: Iterable[str],
) -> Added:
    """Adds classes to those of a form. Unlike :func:`added`, names may contain commas.

    Args:
        form: the answers
        spec: the model that they name
        known: the classes that people can choose; None for any
        classes: the names of the classes

    Returns:
        the :class:`Added`
    """
    if spec is not None and answers.asks_in_words(spec):
        return _in_words(form, spec, class_text.write(classes, {}))
    return _chosen(form, known, classes)


def _chosen(form: answers.Form, known: Iterable[str] | None, classes: Iterable[str]) -> Added:
    chosen = answers.chosen_classes(form)
    allowed = None if known is None else frozenset(known)
    others = [name for name in classes if name not in chosen]
    new = [name for name in others if allowed is None or name in allowed]
    left_out = tuple(name for name in others if allowed is not None and name not in allowed)
    return Added({"classes": chosen + new}, len(new), left_out)


def names(text: str, known: Iterable[str] | None = None) -> list[str]:
    """Reads the classes in a text, separated by lines or commas.

    Args:
        text: the text
        known (None): classes that may contain commas, where they have a line of their own

    Returns:
        the classes in the order of the text, each once
    """
    vocabulary = frozenset(known or ())
    classes: list[str] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        whole = line.strip()
        parts = [whole] if whole in vocabulary else [p.strip() for p in whole.split(",")]
        classes += [part for part in parts if part]
    return list(dict.fromkeys(classes))


def _in_words(form: answers.Form, spec: ModelSpec, text: str) -> Added:
    before = values.text(form.get("vocabulary"))
    text = text.replace("\r\n", "\n").strip()
    together = f"{before}\n{text}" if before else text
    old: tuple[str, ...]
    try:
        old, _ = class_text.read(before, spec.names_outputs)
    except ValueError:  # the page shows this error already
        old = ()
    try:
        classes, prompts = class_text.read(together, spec.names_outputs)
    except ValueError as error:
        raise _refused(str(error)) from error
    new = len(classes) - len(old)
    return Added({"vocabulary": class_text.write(classes, prompts)}, max(new, 0))


def _refused(sentence: str) -> ConfigError:
    return ConfigError({"class_file": sentence})
