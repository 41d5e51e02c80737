"""``auto-labeling launch`` in processes of its own, beside FiftyOne's worker, and killed."""

import collections
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import fiftyone as fo
import psutil
import pytest
from bson import ObjectId
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.operators.executor import ExecutionContext

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.core.errors import FailureReason
from auto_labeling.core.run import RunConfig, RunState
from auto_labeling.demo.services import StockWorker
from auto_labeling.lifecycle import labeling
from auto_labeling.storage import live_workers
from auto_labeling.storage import operations as storage
from tests.support import red_rectangles
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

SAMPLES = 48
#: Operations in a queue; ``make soak``: 30.
OPERATIONS = int(os.environ.get("SERVING_OPERATIONS", "6"))

#: Another plugin, which writes down who executed what.
#: Workers that start side by side load every library before they are ready.
pytestmark = pytest.mark.timeout(240)

PROBE = "@tests/probe"
PROBE_CODE = """
import os
import time
import fiftyone.operators as foo

class Probe(foo.Operator):
    @property
    def config(self):
        return foo.OperatorConfig(name="probe", allow_delegated_execution=True)

    def execute(self, ctx):
        with open(ctx.params["file"], "a") as file:
            file.write(f"{ctx.params['number']} {os.getpid()}\\n")
        print("probing")
        time.sleep(ctx.params["seconds"])

def register(plugin):
    plugin.register(Probe)
"""


@pytest.fixture(autouse=True)
def nothing_queued():
    """No operation that another test has left: a worker would take it before this test's own."""
    service = DelegatedOperationService()
    for left in service.list_operations(run_state="queued"):
        service.delete_operation(left.id)


@pytest.fixture(scope="module")
def environment(database, tmp_path_factory):
    """The environment of workers that know our plugin and the probe."""
    plugins = tmp_path_factory.mktemp("plugins")
    (plugins / "auto-labeling").symlink_to(CHECKOUT, target_is_directory=True)
    (plugins / "probe").mkdir()
    (plugins / "probe" / "fiftyone.yml").write_text(f'name: "{PROBE}"\noperators: [probe]\n')
    (plugins / "probe" / "__init__.py").write_text(PROBE_CODE)
    return {
        **os.environ,
        "FIFTYONE_PLUGINS_DIR": str(plugins),
        "FIFTYONE_AUTO_LABELING_TRUSTED": "tests.support.red_rectangles",
        red_rectangles.DELAY: "0.05",  # so that it can be killed in the middle
    }


class Launched:
    """``auto-labeling launch``, and what it tells."""

    def __init__(self, environment, folder, *words):
        self.logs = folder
        command = [sys.executable, "-m", "auto_labeling.cli", "launch", "--json"]
        self.process = subprocess.Popen(
            [*command, "--log-dir", str(folder), "--poll", "0.1", *words],
            cwd=CHECKOUT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.events = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def told(self, event, **facts):
        """Waits until it has told of an event."""

        def there():
            return next(
                (e for e in self.events if {"event": event, **facts}.items() <= e.items()), None
            )

        return wait_until(there, f"{event} {facts} in {self.events}", seconds=150)

    @property
    def id(self):
        return self.told("ready")["worker"]

    def presence(self):
        mine = self.id
        return next((w for w in labeling.workers() if w.id == mine), None)

    def child(self):
        (child,) = psutil.Process(self.process.pid).children()
        return child

    def end(self):
        """Waits until it has ended by itself. Returns its exit status."""
        status = self.process.wait(60)
        self._reader.join()
        return status


@pytest.fixture(scope="module")
def launch(environment, tmp_path_factory):
    """Starts a worker of ours with some more options."""
    started = []

    def start(*words):
        started.append(Launched(environment, tmp_path_factory.mktemp("logs"), *words))
        return started[-1]

    yield start
    for launched in started:
        launched.process.kill()


@pytest.fixture
def dataset(tmp_path):
    dataset = fo.Dataset(persistent=True)
    paths = red_rectangles.write(tmp_path / "images", SAMPLES)
    dataset.add_samples([fo.Sample(path, number=n) for n, path in enumerate(paths)], progress=False)
    yield dataset
    dataset.delete()


@pytest.fixture
def config(monkeypatch):
    # The workers trust the model; the process that submits the run need not.
    monkeypatch.delenv("FIFTYONE_AUTO_LABELING_TRUSTED", raising=False)
    return RunConfig(
        task="detection",
        model="custom-python-detection",
        checkpoint="tests.support.red_rectangles:detector",
        label_field="found",
        name="Red things",
    )


def queue_probe(dataset, file, number, seconds=0.0):
    """Queues an operation of the other plugin."""
    params = {"number": number, "file": str(file), "seconds": seconds}
    request = {"dataset_id": str(dataset._doc.id), "dataset_name": dataset.name, "params": params}
    context = ExecutionContext(request_params=request, operator_uri=f"{PROBE}/probe")
    operation = DelegatedOperationService().queue_operation(
        operator=f"{PROBE}/probe", context=context.serialize()
    )
    return operation.id


def states(operations):
    service = DelegatedOperationService()
    return [service.get(operation).run_state for operation in operations]


def all_over(operations):
    return all(map(over, operations))


def over(operation):
    return states([operation])[0] in ("completed", "failed")


def link_of(worker):
    """What a worker of ours leaves in the operations that it takes."""
    return storage.link(worker.id)


def state_of(run):
    return DelegatedOperationService().get(ObjectId(run.operation_id)).run_state


def assert_all_labeled(dataset, run):
    """The labels are those of a clean run: one box for each picture, at the right place."""
    assert (run.state, run.labels, run.failed) == (RunState.IN_REVIEW, SAMPLES, 0)
    boxes = dataset.values([f"{run.staging_field}.detections.bounding_box", "number"])
    for (box,), number in zip(*boxes, strict=True):
        assert box == pytest.approx(red_rectangles.box(number), abs=1e-6)


@pytest.fixture(scope="module")
def workers(launch):
    """Two that serve everything, and one that serves our plugin; they start side by side."""
    return [launch("--all"), launch("--all"), launch()]


@pytest.fixture
def pair(workers):
    """The two that serve everything."""
    return workers[:2]


def test_what_waits_longest_is_executed_first_and_by_one_worker_only(pair, dataset, tmp_path):
    assert [worker.presence().state for worker in pair] == ["idle", "idle"]
    file = tmp_path / "probed"
    operations = [queue_probe(dataset, file, number) for number in range(OPERATIONS)]
    wait_until(lambda: all_over(operations), f"{OPERATIONS} operations are over")
    assert set(states(operations)) == {"completed"}
    lines = [line.split() for line in file.read_text().splitlines()]
    numbers = [int(number) for number, _ in lines]
    assert sorted(numbers) == list(range(OPERATIONS)), "each exactly once"
    service = DelegatedOperationService()
    started = [service.get(operation).started_at for operation in operations]
    assert started == sorted(started), "nothing waits while newer ones are taken"
    assert len({pid for _, pid in lines}) == 2, "both have worked"
    assert all(worker.presence().operation_id == "" for worker in pair)


def test_a_run_is_generated_and_its_worker_and_log_are_seen_from_afar(
    workers, dataset, config, capsys
):
    run = labeling.start(dataset, config)
    working = wait_until(
        lambda: next((w for w in al.workers() if w.run_id == run.id), None), "it is taken"
    )
    assert working.state == "working" and working.device == "cpu"
    assert (working.dataset, working.run_name) == (dataset.name, "Red things")
    assert working.operation_id == run.operation_id and Path(working.log_path).exists()
    wait_until(lambda: labeling.log_tail(dataset, run), "its log is seen")
    wait_until(lambda: state_of(run) == "completed", "the operation is over")
    run = labeling.get(dataset, run.id)
    assert_all_labeled(dataset, run)
    worker = next(w for w in workers if w.id == working.id)
    told = worker.told("completed", run=run.id)
    log = al.log_tail(al.get(dataset, run.id))
    assert f"{SAMPLES} labels, 0 samples failed" in " ".join(log)
    assert Path(told["log"]).read_text().count("attempt 1") == 1
    assert worker.presence().state == "idle" and worker.presence().run_id == ""
    capsys.readouterr()
    assert cli.main(["workers", "--json"]) == cli.main(["workers"]) == 0
    assert cli.main(["show", dataset.name, run.id, "--log"]) == 0
    printed = capsys.readouterr().out
    assert all(f'"id": "{one.id}"' in printed for one in workers)
    assert f"{SAMPLES} labels, 0 samples failed" in printed


def test_a_run_whose_process_is_killed_says_so_at_once_and_resumes(workers, dataset, config):
    run = labeling.start(dataset, config)
    worker = taken_by(workers, run)
    wait_until(lambda: labeled(dataset, run) > 8, "some are labeled")
    family = [worker.child(), *worker.child().children(recursive=True)]
    worker.child().kill()
    worker.told("failed", run=run.id, reason="killed")
    assert not psutil.wait_procs(family, timeout=10)[1], "a loader process outlived its worker"
    run = labeling.get(dataset, run.id)
    assert (run.status, run.reason) == ("Error", "worker lost")
    assert run.failure_reason is FailureReason.KILLED
    assert "was killed" in run.error and "resume to label the rest" in run.error
    assert state_of(run) == "failed"
    run = labeling.resume(dataset, run.id)
    taken_by(workers, run)
    wait_until(lambda: state_of(run) == "completed", "the resumed run is over")
    assert_all_labeled(dataset, labeling.get(dataset, run.id))


def test_a_run_that_is_cancelled_frees_its_worker(workers, dataset, config, tmp_path):
    """Also where the process is too busy to notice."""
    run = labeling.start(dataset, config)
    worker = taken_by(workers, run)
    child = worker.child()
    child.suspend()
    labeling.cancel(dataset, run.id, by="somebody")
    worker.told("failed", run=run.id, reason="unwanted")
    assert not child.is_running()
    run = labeling.get(dataset, run.id)
    assert (run.reason, run.error) == ("cancelled", "Canceled by somebody")
    operations = [queue_probe(dataset, tmp_path / "probed", number) for number in range(2)]
    wait_until(lambda: all_over(operations), "the next operations are executed")


def taken_by(workers, run):
    def who():
        ids = {w.id for w in labeling.workers() if w.operation_id == run.operation_id}
        return next((w for w in workers if w.process.poll() is None and w.id in ids), None)

    return wait_until(who, "a worker has taken the run")


def taken_by_one_of(few, dataset, config):
    """Starts one run after another until one of a few workers has it."""
    runs = []

    def who():
        if all_over(ObjectId(run.operation_id) for run in runs):
            field = {"label_field": f"found_{len(runs)}"}
            runs.append(labeling.start(dataset, config.model_copy(update=field)))
        working = {w.id: w.operation_id for w in labeling.workers()}
        return next(
            (
                (worker, runs[-1])
                for worker in few
                if worker.process.poll() is None and working.get(worker.id) == runs[-1].operation_id
            ),
            None,
        )

    return wait_until(who, "one of them has taken a run", seconds=120)


def end_all(workers):
    """For tests that must know who executes an operation."""
    for worker in workers:
        worker.process.kill()
        worker.process.wait()


def labeled(dataset, run):
    return dataset._sample_collection.count_documents({run.staging_field: {"$type": "object"}})


def test_a_killed_service_takes_its_process_along_and_another_tidies_up(
    workers, pair, dataset, config
):
    killed, run = taken_by_one_of(pair, dataset, config)
    others = [worker for worker in workers if worker is not killed]
    wait_until(lambda: labeled(dataset, run) > 8, "some are labeled")
    family = [killed.child(), *killed.child().children(recursive=True)]
    killed.process.kill()
    assert not psutil.wait_procs(family, timeout=10)[1], "something outlived its service"
    wait_until(lambda: state_of(run) == "failed", "another service has marked it")
    run = labeling.get(dataset, run.id)
    assert (run.status, run.reason) == ("Error", "worker lost")
    assert {w.id for w in labeling.workers()} == {w.id for w in others}
    wait_until(lambda: killed.id not in {w.id for w in live_workers.expired()}, "it is forgotten")


def test_a_worker_that_is_asked_to_stop_finishes_its_run_first(pair, dataset, config):
    worker, run = taken_by_one_of(pair, dataset, config)
    worker.process.send_signal(signal.SIGTERM)
    worker.told("draining")
    assert worker.presence().state == "draining"
    assert worker.end() == 0
    assert worker.events[-1]["event"] == "stopped"
    assert_all_labeled(dataset, labeling.get(dataset, run.id))
    assert worker.id not in {w.id for w in labeling.workers()}


def test_a_second_signal_stops_the_run(workers, pair, dataset, config, tmp_path):
    """Our worker leaves other plugins alone by default."""
    end_all(pair)
    run = labeling.start(dataset, config)
    worker = taken_by(workers, run)
    probe = queue_probe(dataset, tmp_path / "probed", 1)
    wait_until(lambda: labeled(dataset, run) > 8, "some are labeled")
    worker.process.send_signal(signal.SIGINT)
    worker.told("draining")
    worker.process.send_signal(signal.SIGINT)
    assert worker.end() == 0
    run = labeling.get(dataset, run.id)
    assert (run.status, run.reason) == ("Error", "worker lost")
    assert "was stopped" in run.error
    assert states([probe]) == ["queued"]
    DelegatedOperationService().delete_operation(probe)


@pytest.mark.soak
def test_ours_and_fiftyones_worker_share_a_queue_and_nothing_is_done_twice(
    launch, workers, dataset, config, environment, tmp_path, monkeypatch
):
    """Three at once: one of ours, one of ours that ends after one operation, and FiftyOne's."""
    end_all(workers)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    file, operations = tmp_path / "probed", []
    file.touch()

    def by_whom():
        links = [DelegatedOperationService().get(o).run_link for o in operations if over(o)]
        return collections.Counter(link or "FiftyOne's" for link in links)

    def all_have_worked():
        if all_over(operations):
            first = len(operations)
            for number in range(first, first + 9):
                operations.append(queue_probe(dataset, file, number, 0.1))
        return len(by_whom()) == 3

    ours, once = launch("--all", "--grace", "0.3"), launch("--all", "--once")
    with StockWorker(tmp_path / "stock.log"):
        wait_until(all_have_worked, "all three have worked", seconds=150)
        assert once.end() == 0
        others = config.model_copy(update={"label_field": "others"})
        runs = [labeling.start(dataset, c) for c in (config, others)]
        operations += [ObjectId(run.operation_id) for run in runs]
        wait_until(lambda: all_over(operations), "all is over", seconds=100)
        stopped = stopped_by_the_grace(ours, dataset, config)
        # FiftyOne's continues with what ours has left.
        resumed = labeling.resume(dataset, stopped.id)
        wait_until(lambda: over(ObjectId(resumed.operation_id)), "the resumed run is over")
    assert set(states(operations)) == {"completed"}
    numbers = sorted(int(line.split()[0]) for line in file.read_text().splitlines())
    assert numbers == list(range(len(operations) - 2)), "each exactly once"
    shares = by_whom()
    assert set(shares) == {link_of(ours), link_of(once), "FiftyOne's"}
    assert shares[link_of(once)] == 1
    for run in runs:
        run = labeling.get(dataset, run.id)
        assert run.attempt == 1
        assert_all_labeled(dataset, run)
    assert_all_labeled(dataset, labeling.get(dataset, resumed.id))
    assert labeling.log_tail(dataset, resumed) == []


def stopped_by_the_grace(ours, dataset, config):
    """What is not done a while after the signal is stopped, and can be resumed."""
    while True:  # until it is ours that has taken it
        run = labeling.start(dataset, config.model_copy(update={"label_field": "third"}))
        who = wait_until(lambda run=run: taken(run), "somebody has taken the run")
        if who == link_of(ours):
            break
        wait_until(lambda run=run: over(ObjectId(run.operation_id)), "it is done")
        labeling.delete(dataset, run.id)
    wait_until(lambda: labeled(dataset, run) > 2, "some are labeled")
    ours.process.send_signal(signal.SIGTERM)
    ours.told("draining")
    ours.told("stopping")
    assert ours.end() == 0
    run = labeling.get(dataset, run.id)
    assert (run.status, run.reason) == ("Error", "worker lost")
    assert "was stopped" in run.error and labeled(dataset, run) < SAMPLES
    assert state_of(run) == "failed"
    return run


def taken(run):
    """Who has taken a run; None while no one has."""
    operation = DelegatedOperationService().get(ObjectId(run.operation_id))
    if operation.run_state == "queued":
        return None
    return operation.run_link or "FiftyOne's"
