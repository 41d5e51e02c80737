"""The settings of a run, as flags, forms and the reference see them."""

from auto_labeling.settings import RunConfig, settings

BY_NAME = {setting.name: setting for setting in settings()}


def test_there_is_one_for_each_field_in_its_order():
    assert list(BY_NAME) == list(RunConfig.model_fields)


def test_each_says_what_it_means_in_one_line():
    for setting in settings():
        assert setting.title and setting.description, setting.name
        assert "\n" not in setting.description and not setting.description.endswith(".")


def test_kinds_limits_and_choices_come_from_the_configuration():
    assert BY_NAME["confidence"].kind == "number"
    assert (BY_NAME["confidence"].minimum, BY_NAME["confidence"].maximum) == (0, 1)
    assert (BY_NAME["max_labels"].kind, BY_NAME["max_labels"].minimum) == ("whole", 1)
    assert BY_NAME["classes"].kind == "texts"
    assert BY_NAME["prompts"].kind == "mapping"
    assert BY_NAME["half"].kind == "flag"
    assert ("two_stage", "Two-stage model") in BY_NAME["method"].choices


def test_what_must_be_said_and_what_is_assumed():
    assert [s.name for s in settings() if s.required] == ["task", "model", "label_field"]
    assert BY_NAME["method"].default == "one_stage"
    assert BY_NAME["confidence"].default is None
