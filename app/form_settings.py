"""The settings that are one control each on the configure page: made from ``RunConfig`` alone.

A new field of ``RunConfig`` appears there by its entry in ``core/settings.py``. The settings named
in :data:`GROUPS` depend on each other or are asked in a way of their own (``answers.py``).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from auto_labeling.app.values import text
from auto_labeling.core.run import RunConfig
from auto_labeling.core.settings import Setting, settings

#: What adds classes to the answers, and is then empty again: a list, a file, a field.
CLASS_ENTRIES = ("class_list", "class_file", "class_source")

#: The device that a run gets by default. (A control cannot hold the empty text.)
AUTOMATIC = "automatic"

#: The answers that are asked in a way of their own, by the group of the form in which they stand.
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
    """The settings that are one control each, in the order of ``RunConfig``."""
    grouped = {name for names in GROUPS.values() for name in names}
    # Texts by class are written with the classes.
    return tuple(s for s in settings() if s.name not in grouped and s.kind != "mapping")


@lru_cache
def group_of() -> Mapping[str, str]:
    """The group of the form in which each answer stands."""
    grouped = {name: group for group, names in GROUPS.items() for name in names}
    return {**grouped, **{setting.name: setting.section for setting in plain()}}


def in_section(section: str, task: str) -> list[Setting]:
    """The settings that a section of the form asks for.

    Args:
        section: the section's name, which is also that of its group
        task: the value of the task that is chosen
    """
    return [setting for setting in plain() if setting.section == section and applies(setting, task)]


def applies(setting: Setting, task: object) -> bool:
    """Whether a run of that task has a setting."""
    return not setting.tasks or task in setting.tasks


def blank() -> dict[str, Any]:
    """The answers before any is given, as the controls hold them."""
    return {setting.name: _shown(setting.default) for setting in plain()}


def given(form: Mapping[str, Any]) -> dict[str, Any]:
    """The answers of a form as values of ``RunConfig``, which judges them."""
    return {
        setting.name: _value(setting, form.get(setting.name))
        for setting in plain()
        if applies(setting, form.get("task"))
    }


def of_config(config: RunConfig) -> dict[str, Any]:
    """The answers that give a configuration."""
    return {setting.name: _shown(getattr(config, setting.name)) for setting in plain()}


def _shown(value: object) -> object:
    """A setting's value as its control holds it."""
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
