"""The nouns and the pure functions: no database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auto_labeling.core.errors import IllegalTransition
from auto_labeling.core.run import TRANSITIONS, Run, RunConfig, RunState, Task
from auto_labeling.core.settings import MAX_CLASS_LENGTH

CONFIG = RunConfig(task="detection", model="m", label_field="boxes")
RUN = Run(id="r", config=CONFIG, created_at="2026-01-01T00:00:00.000+00:00")
ENDS = {RunState.APPROVED, RunState.DELETING}


@pytest.mark.parametrize("start", RunState)
@pytest.mark.parametrize("end", RunState)
def test_a_run_changes_state_only_as_the_table_says(start, end):
    run = RUN.model_copy(update={"state": start})
    if end in TRANSITIONS[start]:
        assert run.to(end, labels=3) == run.model_copy(update={"state": end, "labels": 3})
    else:
        with pytest.raises(IllegalTransition):
            run.to(end)


def test_every_state_has_a_row_a_status_and_a_way_to_an_end():
    assert set(TRANSITIONS) == set(RunState)
    for state in RunState:
        assert RUN.model_copy(update={"state": state}).status
        reached, fresh = {state}, {state}
        while fresh:
            fresh = {n for s in fresh for n in TRANSITIONS[s]} - reached
            reached |= fresh
        assert reached & ENDS


def test_an_approving_run_is_finished_or_goes_back_since_what_was_shown_has_changed():
    assert TRANSITIONS[RunState.APPROVING] == {RunState.APPROVED, RunState.IN_REVIEW}


PRINTABLE = st.characters(exclude_categories=["Cc", "Cs"])


@given(
    classes=st.lists(
        st.text(PRINTABLE, min_size=1, max_size=MAX_CLASS_LENGTH).filter(str.strip), max_size=20
    ),
    confidence=st.none() | st.floats(0, 1),
    name=st.text(max_size=50).map(str.strip),
)
def test_a_configuration_survives_being_stored(classes, confidence, name):
    config = RunConfig(
        task=Task.DETECTION,
        model="m",
        label_field="f",
        classes=classes,
        confidence=confidence,
        name=name,
    )
    run = RUN.model_copy(update={"config": config})
    assert Run.model_validate(run.model_dump(mode="json")) == run
    assert len(set(config.classes)) == len(config.classes)


def test_a_record_of_a_later_version_can_still_be_read():
    stored = {**RUN.model_dump(mode="json"), "something_new": 1}
    assert Run.model_validate(stored) == RUN


def test_labels_of_each_task_have_their_place():
    assert RUN.staging_field == "boxes_in_review"
    assert RUN.label_root == "boxes_in_review.detections"
    single = RUN.model_copy(
        update={"config": CONFIG.model_copy(update={"task": Task.CLASSIFICATION})}
    )
    assert single.label_root == "boxes_in_review"


def test_the_package_forwards_exactly_the_names_of_the_sdk():
    import ast
    from pathlib import Path

    import auto_labeling

    tree = ast.parse((Path(auto_labeling.__file__).parent / "sdk/__init__.py").read_text("utf-8"))
    listed = next(n.value for n in tree.body if isinstance(n, ast.Assign))
    assert set(ast.literal_eval(listed)) == auto_labeling._SDK
