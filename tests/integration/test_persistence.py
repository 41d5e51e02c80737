"""A dataset that FiftyOne deletes with its session gets no run that waits for a worker."""

import fiftyone as fo
import pytest

import auto_labeling as al
from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import RunState

pytestmark = pytest.mark.parametrize("task", ["detection"])


def test_a_dataset_that_is_not_persistent_is_refused_or_made_persistent(numbered, config):
    numbered.persistent = False
    with pytest.raises(ConfigError, match=r"not persistent.*persistent = True") as told:
        al.start(numbered, config)
    assert set(told.value.problems) == {"target"}
    assert al.runs(numbered) == [] and not numbered.has_field("predictions_in_review")
    # In this very process it may go on, but not wait for a worker afterwards.
    run = al.start(numbered, config, queue=False)
    al.cancel(run)
    with pytest.raises(ConfigError, match="not persistent"):
        al.resume(run)
    assert run.reload().state is RunState.FAILED
    assert al.generate(al.resume(run, queue=False)).state is RunState.IN_REVIEW
    assert not numbered.persistent
    other = al.start(numbered, config.model_copy(update={"label_field": "b"}), persist=True)
    assert other.state is RunState.QUEUED
    assert fo.load_dataset(numbered.name, reload=True).persistent
