"""A run with several workers on a cluster whose actors and node are killed: nothing is lost.

``SCALEOUT_KILLS`` says how many actors are killed before a node is (none in ``make test``, 10 in
``make soak``).
"""

import os
import time

import pytest

from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from tests.support import red_rectangles
from tests.support.scaleout_runs import NEEDS_RAY, config, labels

pytestmark = NEEDS_RAY

KILLS = int(os.environ.get("SCALEOUT_KILLS", "0"))
SAMPLES = 320 + 160 * KILLS


@pytest.mark.timeout(240 + 60 * KILLS)
def test_actors_and_a_node_are_killed_and_the_labels_are_those_of_a_clean_run(
    cluster, red_things, monkeypatch
):
    dataset = red_things(SAMPLES)
    with monkeypatch.context() as quick:
        quick.setenv(red_rectangles.DELAY, "0")
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
