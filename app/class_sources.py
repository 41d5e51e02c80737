"""Classes that come from elsewhere than the keyboard: a pasted list, a text file, a field."""

import base64
import binascii
from dataclasses import dataclass

from auto_labeling.app import answers
from auto_labeling.core.errors import ConfigError
from auto_labeling.models import class_text
from auto_labeling.models.spec import ModelSpec

#: The largest text file of classes, in bytes.
MOST_BYTES = 256 * 1024

_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@dataclass(frozen=True)
class Added:
    """What came of adding classes to a form.

    Args:
        changes: the answers that change
        number: how many classes are new
        left_out: those that the model does not know
    """

    changes: dict
    number: int = 0
    left_out: tuple[str, ...] = ()


def of_file(file: dict) -> str:
    """The text of a file that the browser has sent.

    Args:
        file: its ``name``, and its ``content`` in base 64

    Raises:
        ConfigError: with a sentence, if it is too large, or not text
    """
    name, content = answers.text(file.get("name")) or "The file", file.get("content")
    if not isinstance(content, str) or len(content) > MOST_BYTES * 4 // 3 + 4:
        raise _refused(f"{name} is too large (maximum 256 KB)")
    try:
        data = base64.b64decode(content, validate=True)
        text = data.decode(_MARKS.get(data[:3]) or _MARKS.get(data[:2]) or "utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _refused(f"{name} is not UTF-8 text. Save it as UTF-8 and try again") from error
    if "\x00" in text:
        raise _refused(f"{name} is not a text file")
    if not text.strip():
        raise _refused(f"{name} is empty")
    return text


def added(form: dict, spec: ModelSpec, known, text: str) -> Added:
    """Adds the classes of a text to those of a form.

    Args:
        form: the answers
        spec: the :class:`auto_labeling.models.spec.ModelSpec` that they name
        known: the classes that can be chosen; None if any can
        text: lines, or names with commas between them

    Raises:
        ConfigError: with a sentence, if the text cannot be read
    """
    if answers.asks_in_words(spec):
        return _in_words(form, spec, text)
    return _chosen(form, known, names(text, known))


def added_names(form: dict, spec: ModelSpec, known, classes) -> Added:
    """Adds classes, whatever is in their names, to those of a form; see :func:`added`."""
    if answers.asks_in_words(spec):
        return _in_words(form, spec, class_text.write(classes, {}))
    return _chosen(form, known, classes)


def _chosen(form: dict, known, classes):
    have = answers.chosen_classes(form)
    named = [name for name in classes if name not in have]
    new = [name for name in named if known is None or name in known]
    left_out = tuple(name for name in named if known is not None and name not in known)
    return Added({"classes": have + new}, len(new), left_out)


def names(text: str, known=None) -> list[str]:
    """The classes in a text: one a line, or several with commas between them.

    A line that is a known class is one, whatever commas are in it.
    """
    vocabulary, found = frozenset(known or ()), []
    for line in text.replace("\r\n", "\n").split("\n"):
        whole = line.strip()
        parts = [whole] if whole in vocabulary else (p.strip() for p in whole.split(","))
        found += [part for part in parts if part]
    return list(dict.fromkeys(found))


def _in_words(form: dict, spec: ModelSpec, text: str):
    before = answers.text(form.get("vocabulary"))
    text = text.replace("\r\n", "\n").strip()
    together = f"{before}\n{text}" if before else text
    try:
        old, _ = class_text.read(before, spec.names_outputs)
    except ValueError:  # what is wrong with it is told already
        old = ()
    try:
        classes, prompts = class_text.read(together, spec.names_outputs)
    except ValueError as error:
        raise _refused(str(error)) from error
    new = len(classes) - len(old)
    return Added({"vocabulary": class_text.write(classes, prompts)}, max(new, 0))


def _refused(sentence: str):
    return ConfigError({"class_file": sentence})
