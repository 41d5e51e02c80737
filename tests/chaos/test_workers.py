"""A run with several workers on a cluster whose actors and node are killed: nothing is lost.

``SCALEOUT_KILLS`` says how many actors are killed before a node is (none in ``make test``, 10 in
``make soak``).
"""

import importlib.util
import os
import time

import pytest

from auto_labeling.core.run import RunConfig, RunState
from auto_labeling.engine.ray import limits
from auto_labeling.lifecycle import labeling
from tests import red

# Not imported here: Ray reads some of its settings only then.
pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason=f"needs Ray: {limits.install_command()}"
    ),
    pytest.mark.usefixtures("environment"),
]

KILLS = int(os.environ.get("SCALEOUT_KILLS", "0"))
SAMPLES = 320 + 160 * KILLS


def config(**more):
    return RunConfig(
        task="detection",
        model="custom-python-detection",
        checkpoint="tests.red:detector",
        label_field="found",
        **more,
    )


def labels(dataset, run):
    """What a run has staged: ``{number: [(class, confidence, box)]}``."""
    dataset.reload()
    found = zip(*dataset.values(["number", f"{run.staging_field}.detections"]), strict=True)
    return {n: [(d.label, d.confidence, d.bounding_box) for d in made] for n, made in found}


@pytest.mark.timeout(240 + 60 * KILLS)
def test_actors_and_a_node_are_killed_and_the_labels_are_those_of_a_clean_run(
    cluster, red_things, monkeypatch
):
    dataset = red_things(SAMPLES)
    with monkeypatch.context() as quick:
        quick.setenv(red.DELAY, "0")
        clean = labeling.generate(dataset, labeling.start(dataset, config()).id)
        expected = labels(dataset, clean)
        labeling.delete(dataset, clean.id)
    assert len(expected) == SAMPLES and all(len(found) == 1 for found in expected.values())

    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    run, killed, workers = labeling.start(dataset, config(workers=2)), [], set()
    _, second = cluster.nodes

    def disturb(fraction, _):
        now = labeling.progress(dataset, labeling.get(dataset, run.id))
        workers.add(now.workers if now else 0)
        if 2 not in workers or fraction < (len(killed) + 1) * 0.8 / (KILLS + 2):
            return
        if len(killed) < KILLS:
            for victim in cluster.actors(cluster.nodes[len(killed) % 2]):
                victim.kill()
                killed.append(victim)
        elif second in cluster.nodes:
            cluster.kill(second)
            killed.append(second)

    began = time.monotonic()
    run = labeling.generate(dataset, run.id, disturb)
    print(f"{SAMPLES} samples, {KILLS} actors and a node killed: {time.monotonic() - began:.0f} s")
    cluster.add()
    assert len(killed) == KILLS + 1 and 2 in workers
    assert run.state is RunState.IN_REVIEW and run.labels == SAMPLES
    assert not run.failed, labeling.failures(dataset, run)
    assert labels(dataset, run) == expected
    ids = dataset.values(f"{run.staging_field}.detections.id", unwind=True)
    assert len(set(ids)) == SAMPLES
