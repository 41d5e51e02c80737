"""The settings with one control each on the configure page, made from ``RunConfig`` alone.

A new field of ``RunConfig`` appears there by its entry in ``core/settings.py``. The settings in
:data:`GROUPS` depend on each other or have their own controls (``answers.py``).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from auto_labeling.app.values import text
from auto_labeling.core.run import RunConfig
from auto_labeling.core.settings import Setting, settings

#: The controls that add classes to the answers and are then emptied: a list, a file, a field.
CLASS_ENTRIES = ("class_list", "class_file", "class_source")

#: The answer for the default device, since a control cannot hold an empty text.
AUTOMATIC = "automatic"

#: The answers with their own controls, by the group of the form that holds them.
GROUPS = {
    "what": ("target", "ids", "group_slices", "task", "method", "model_type"),
    "model": ("family", "version", "size", "variant", "model"),
    "parts": ("checkpoint", "segmenter", "source_field"),
    "classes": ("classes", "vocabulary"),
    "more_classes": CLASS_ENTRIES,
    "masks": ("masks", "mask_location"),
    "machine": ("device",),
}


@lru_cache
def plain() -> tuple[Setting, ...]:
    """Returns the settings with one control each, in the order of ``RunConfig``."""
    grouped = {name for names in GROUPS.values() for name in names}
    # Prompts, the texts by class, are part of the classes.
    return tuple(s for s in settings() if s.name not in grouped and s.kind != "mapping")


@lru_cache
def group_of() -> Mapping[str, str]:
    """Returns the group of the form that holds each answer."""
    grouped = {name: group for group, names in GROUPS.items() for name in names}
    return {**grouped, **{setting.name: setting.section for setting in plain()}}


def in_section(section: str, form: Mapping[str, Any]) -> list[Setting]:
    """Returns the settings in a section of the form.

    Args:
        section: the name of the section, which is also the name of its group
        form: the answers, of which the task and the method count
    """
    return [setting for setting in plain() if setting.section == section and applies(setting, form)]


def applies(setting: Setting, form: Mapping[str, Any]) -> bool:
    """Whether a setting applies to the task and the method of a form.

    Args:
        setting: the setting
        form: the answers; the values may be anything
    """
    fits_task = not setting.tasks or form.get("task") in setting.tasks
    return fits_task and (not setting.methods or form.get("method") in setting.methods)


def blank() -> dict[str, Any]:
    """Returns the answers of an empty form, as the controls hold them."""
    return {setting.name: _shown(setting.default) for setting in plain()}


def given(form: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the answers of a form as fields of ``RunConfig``, unchecked."""
    return {
        setting.name: _value(setting, form.get(setting.name))
        for setting in plain()
        if applies(setting, form)
    }


def of_config(config: RunConfig) -> dict[str, Any]:
    """Returns the answers that lead to a configuration."""
    return {setting.name: _shown(getattr(config, setting.name)) for setting in plain()}


def _shown(value: object) -> object:
    """Returns a setting's value as its control holds it."""
    if value is None:
        return ""
    value = getattr(value, "value", value)  # of a choice
    return list(value) if isinstance(value, tuple) else value


def _value(setting: Setting, answer: object) -> object:
    if setting.kind == "text":
        return text(answer)
    if setting.kind == "texts":
        return answer or ()
    return setting.default if answer in ("", None) else answer
