"""The problem with a setting of a run, in a sentence for people."""

import difflib

from pydantic_core import ErrorDetails

from auto_labeling.core.settings import Setting, settings

_NEEDED = {
    "label_field": "Name the new field for the approved labels",
    "model": "Choose a model",
    "task": "Choose a task",
}
_SENTENCES = {
    "workers": "The number of workers must be a whole number, at least 1",
    "prompts": "Prompts must be a list of texts for each class, such as {'vehicle': ['car', "
    "'truck']}",
}


def sentence(field: str, detail: ErrorDetails) -> str:
    """A sentence on the problem with a setting.

    Args:
        field: the setting's name
        detail: an entry of ``errors()`` of pydantic's ``ValidationError``
    """
    kind, value = detail["type"], detail.get("input")
    known = {setting.name: setting for setting in settings()}
    if field not in known:
        near = difflib.get_close_matches(field, known, 1)
        return "Unknown setting" + (f"; did you mean '{near[0]}'?" if near else "")
    if field in _NEEDED and (kind == "missing" or value in (None, "")):
        return _NEEDED[field]
    if field in _SENTENCES and (kind != "value_error" or field != "prompts"):
        return _SENTENCES[field]
    return _by_kind(known[field], detail)


def _by_kind(setting: Setting, detail: ErrorDetails) -> str:
    kind = detail["type"]
    if setting.kind in ("number", "whole"):
        return f"{setting.title} must be a {_number_in_words(setting)}"
    if kind == "value_error":
        text = str(detail["ctx"]["error"])
        return text[:1].upper() + text[1:]
    if kind == "string_too_long":
        return f"At most {detail['ctx']['max_length']} characters"
    if kind == "string_unicode":
        return "This contains broken characters, which cannot be stored"
    if setting.kind == "flag":
        return f"{setting.title} must be true or false"
    if setting.kind == "choice":
        *others, last = (choice for choice, _ in setting.choices)
        return f"Choose {', '.join(others)} or {last}"
    if setting.kind == "texts":
        return f"{setting.title} must be a list of texts, such as ['one', 'another']"
    return f"{setting.title} must be text, not {type(detail.get('input')).__name__}"


def _number_in_words(setting: Setting) -> str:
    """The numbers that a setting takes, such as ``"number from 0 to 1"``."""
    words = "whole number" if setting.kind == "whole" else "number"
    if setting.minimum is not None and setting.maximum is not None:
        return f"{words} from {setting.minimum:g} to {setting.maximum:g}"
    if setting.minimum is not None:
        return f"{words}, at least {setting.minimum:g}"
    return words if setting.maximum is None else f"{words}, at most {setting.maximum:g}"
