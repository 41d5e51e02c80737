"""The explanation of a worker's death: one sentence of ours for each of Ray's messages."""

import pytest

from auto_labeling.engine.ray import actor_deaths

exceptions = pytest.importorskip("ray.exceptions")

PARAGRAPH = """The actor died unexpectedly before finishing this task.
	class_name: Worker
	actor_id: 5f3a
	pid: 4711
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit \
detail: Worker unexpectedly exits with a connection error code 2. End of file. There are some \
root causes. (1) The process is killed by SIGKILL by OOM killer due to high memory use."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (exceptions.ActorDiedError(), "killed or crashed"),
        (exceptions.RayActorError(error_msg=PARAGRAPH), "killed or crashed"),
        (exceptions.OutOfMemoryError("Task was killed"), "ran out of memory"),
        (exceptions.RayActorError(error_msg="The actor died because its node has died."), "away"),
        (exceptions.RayActorError(error_msg="x", preempted=True), "reclaimed its machine"),
        (exceptions.ActorUnavailableError("rpc", b"1" * 16), "be reached"),
        (
            exceptions.RayActorError(error_msg="a\nKeyError: 3\n", actor_init_failed=True),
            "KeyError: 3",
        ),
    ],
)
def test_a_death_is_told_in_one_line(error, said):
    why = actor_deaths.cause(error)
    assert said in why and "\n" not in why and len(why) < 100
