"""Panel, SDK, command line and operator: every action stores the same, whichever does it."""

import inspect
import json
import operator
import re
import uuid
from datetime import timedelta

import fiftyone as fo
import fiftyone.core.odm as foo
import fiftyone.operators as operators
import pytest
from bson import json_util

import auto_labeling as al
from auto_labeling import cli, sdk
from auto_labeling.cli import verbs
from auto_labeling.core.names import CHUNKS_STORE, PLUGIN, RUNS_STORE
from auto_labeling.core.run import RunState, iso
from auto_labeling.operators import OPERATORS
from auto_labeling.panels.events import is_event
from auto_labeling.panels.panel import AutoLabelingPanel
from auto_labeling.review import grid
from auto_labeling.storage import clock
from auto_labeling.storage.runs import RunStore
from docs import parity
from tests.support import scripted_model
from tests.support.app_double import send

WAYS = ("panel", "sdk", "cli", "operator")
ANSWERS = {"task": "detection", "model": "scripted", "label_field": "found", "name": "Same"}
FLAGS = [f"--{name.replace('_', '-')}={value}" for name, value in ANSWERS.items()]


# --- the ways ----------------------------------------------------------------------------------


def panel(dataset, event, run=None, page="progress", form=None, sidebar=None, **params):
    state = {"page": page, "run_id": run.id if run else "", **(form or {})}
    if run:
        params["run_id"] = run.id
    told, _ = send(dataset, event, state, sidebar=sidebar or {}, **params)
    wrong = [t for t in told if (t["params"] or {}).get("variant") == "error"]
    assert not wrong, wrong


def command(dataset, verb, *arguments):
    assert cli.main([verb, dataset.name, *map(str, arguments), "--json"]) == verbs.OK


def operate(dataset, operator, /, **params):
    context = {"dataset": dataset.name}
    operators.execute_operator(f"{PLUGIN}/{operator}", context, params=params)


# --- the actions: how each begins, and how each way does it -------------------------------------


FORM = {
    "what": {"target": "all", "task": "detection", "method": "one_stage"},
    "model": {"model": "scripted"},
    "labels": {"label_field": "found", "name": "Same"},
}


def fleeting(dataset):
    dataset.persistent = False


def nothing(dataset):
    return None


def queued(dataset):
    return al.start(dataset, ANSWERS)


def stopped(dataset):
    return al.cancel(queued(dataset))


def bereft(dataset):
    """A run whose staging field was deleted by hand."""
    run = reviewed(dataset)
    dataset.reload()
    dataset.delete_sample_field(run.staging_field)
    return run


def reviewed(dataset):
    return al.generate(al.start(dataset, ANSWERS, queue=False))


def promoted(dataset):
    run = reviewed(dataset)
    al.promote(run)
    return run


def rejected(dataset):
    run = reviewed(dataset)
    al.reject(run)
    return run


def interrupted(dataset):
    """A run whose approval has died."""
    run = promoted(dataset)
    store = RunStore(dataset)
    record = store.move(run.id, RunState.APPROVING, attempt=run.record.attempt + 1)
    long_ago = iso(clock.now() - timedelta(hours=1))
    died = record.model_copy(update={"changed_at": long_ago}).model_dump(mode="json")
    store._store.set(f"run:{run.id}", died)
    return run.reload()


def clicked(dataset, run):
    """Undo in the row of a class, as the panel does: by the row of the table that it drew."""
    panel_state = {"page": "review", "run_id": run.id}
    _, state = send(dataset, "open_run", panel_state, run_id=run.id)
    root = run.record.label_root
    _, state = send(
        dataset, "select_tab", state, tab="approval", sidebar=grid.tab_filters(root, "approval")
    )
    rows = [row.label for row in al.labels(run, "approval").rows]
    tab = grid.tab_filters(root, "approval")
    send(dataset, "undo_class", state, row=rows.index("bee"), sidebar=tab)


def clicked_rejected(dataset, run):
    """Undo in the row of a rejected class."""
    _, state = send(dataset, "open_run", {"page": "review", "run_id": run.id}, run_id=run.id)
    tab = grid.tab_filters(run.record.label_root, "approval")
    _, state = send(dataset, "select_tab", state, tab="approval", sidebar=tab)
    rows = [row.label for row in al.labels(run, "rejected").rows]
    send(dataset, "undo_rejected", state, row=rows.index("bee"), sidebar=tab)


CASES = {
    "start": (
        nothing,
        {
            "panel": lambda d, r: panel(
                d,
                "start",
                page="configure",
                form={"form": FORM},
            ),
            "sdk": lambda d, r: al.start(d, ANSWERS),
            "cli": lambda d, r: command(d, "run", *FLAGS),
            "operator": lambda d, r: operate(d, "start_run", **ANSWERS),
        },
    ),
    "make_persistent": (
        fleeting,
        {
            "panel": lambda d, r: (
                panel(d, "make_persistent", page="configure"),
                panel(d, "start", page="configure", form={"form": FORM}),
            ),
            "sdk": lambda d, r: al.start(d, ANSWERS, persist=True),
            "cli": lambda d, r: command(d, "run", "--persist", *FLAGS),
            "operator": lambda d, r: operate(d, "start_run", persist=True, **ANSWERS),
        },
    ),
    "start_import": (
        nothing,
        {
            "panel": lambda d, r: (
                panel(
                    d,
                    "start_import",
                    page="existing",
                    form={"existing": {"source": "mine", "label_field": "kept", "goes_to": "new"}},
                ),
                al.get(d, "latest").wait(30),
            ),
            "sdk": lambda d, r: al.import_labels(d, "mine", "kept"),
            "cli": lambda d, r: command(d, "import", "--source", "mine", "--label-field", "kept"),
            "operator": lambda d, r: operate(d, "import_labels", source="mine", label_field="kept"),
        },
    ),
    "cancel": (
        queued,
        {
            "panel": lambda d, r: panel(d, "cancel", r),
            "sdk": lambda d, r: al.cancel(r),
            "cli": lambda d, r: command(d, "cancel", r.id),
            "operator": lambda d, r: operate(d, "cancel_run", run_id=r.id),
        },
    ),
    "resume": (
        stopped,
        {
            "panel": lambda d, r: panel(d, "resume", r),
            "sdk": lambda d, r: al.resume(r),
            "cli": lambda d, r: command(d, "resume", r.id),
            "operator": lambda d, r: operate(d, "resume_run", run_id=r.id),
        },
    ),
    "label_again": (
        bereft,
        {
            "panel": lambda d, r: panel(d, "label_again", r),
            "sdk": lambda d, r: al.resume(r, again=True),
            "cli": lambda d, r: command(d, "resume", r.id, "--again"),
            "operator": lambda d, r: operate(d, "resume_run", run_id=r.id, again=True),
        },
    ),
    "skip": (
        stopped,
        {
            "panel": lambda d, r: panel(d, "skip", r),
            "sdk": lambda d, r: al.skip(r),
            "cli": lambda d, r: command(d, "skip", r.id),
        },
    ),
    "promote": (
        reviewed,
        {
            "panel": lambda d, r: panel(
                d,
                "promote",
                r,
                page="review",
                sidebar=grid.tab_filters(r.record.label_root, "review"),
                expected=r.generated,
            ),
            "sdk": lambda d, r: al.promote(r, expected=r.generated),
            "cli": lambda d, r: command(d, "promote", r.id, "--expected", r.generated),
            "operator": lambda d, r: operate(
                d, "promote_labels", run_id=r.id, expected=r.generated
            ),
        },
    ),
    "undo_class": (
        promoted,
        {
            "panel": clicked,
            "sdk": lambda d, r: al.undo(r, classes=["bee"]),
            "cli": lambda d, r: command(d, "undo", r.id, "--classes", "bee"),
            "operator": lambda d, r: operate(d, "undo_promotion", run_id=r.id, classes=["bee"]),
        },
    ),
    "undo_all": (
        promoted,
        {
            "panel": lambda d, r: panel(d, "undo_all", r, page="review"),
            "sdk": lambda d, r: al.undo(r),
            "cli": lambda d, r: command(d, "undo", r.id),
            "operator": lambda d, r: operate(d, "undo_promotion", run_id=r.id),
        },
    ),
    "reject": (
        reviewed,
        {
            "panel": lambda d, r: panel(
                d,
                "reject",
                r,
                page="review",
                sidebar=grid.tab_filters(r.record.label_root, "review"),
                expected=r.generated,
            ),
            "sdk": lambda d, r: al.reject(r, expected=r.generated),
            "cli": lambda d, r: command(d, "reject", r.id, "--expected", r.generated),
            "operator": lambda d, r: operate(d, "reject_labels", run_id=r.id, expected=r.generated),
        },
    ),
    "undo_rejected": (
        rejected,
        {
            "panel": clicked_rejected,
            "sdk": lambda d, r: al.undo(r, "rejected", classes=["bee"]),
            "cli": lambda d, r: command(d, "undo", r.id, "--tab", "rejected", "--classes", "bee"),
            "operator": lambda d, r: operate(
                d, "undo_promotion", run_id=r.id, tab="rejected", classes=["bee"]
            ),
        },
    ),
    "undo_all_rejected": (
        rejected,
        {
            "panel": lambda d, r: panel(d, "undo_all_rejected", r, page="review"),
            "sdk": lambda d, r: al.undo(r, "rejected"),
            "cli": lambda d, r: command(d, "undo", r.id, "--tab", "rejected"),
            "operator": lambda d, r: operate(d, "undo_promotion", run_id=r.id, tab="rejected"),
        },
    ),
    "undo_last": (
        rejected,
        {
            "panel": lambda d, r: panel(d, "undo_last", r, page="review"),
            "sdk": lambda d, r: al.undo_last(r),
            "cli": lambda d, r: command(d, "undo", r.id, "--last"),
            "operator": lambda d, r: operate(d, "undo_last_action", run_id=r.id),
        },
    ),
    "approve": (
        promoted,
        {
            "panel": lambda d, r: panel(d, "approve", r, page="review", expected=r.generated),
            "sdk": lambda d, r: al.approve(r, expected=r.generated),
            "cli": lambda d, r: command(d, "approve", r.id, "--yes", "--expected", r.generated),
            "operator": lambda d, r: operate(d, "approve_run", run_id=r.id, expected=r.generated),
        },
    ),
    "finish_approval": (
        interrupted,
        {
            "panel": lambda d, r: panel(d, "finish_approval", r, page="review"),
            "sdk": lambda d, r: al.approve(r),
            "cli": lambda d, r: command(d, "approve", r.id, "--yes"),
            "operator": lambda d, r: operate(d, "approve_run", run_id=r.id),
        },
    ),
    "rename": (
        queued,
        {
            "panel": lambda d, r: panel(
                d, "rename", r, page="home", form={f"run_{r.id}": {"rename": {"new_name": "Other"}}}
            ),
            "sdk": lambda d, r: al.rename(r, "Other"),
            "cli": lambda d, r: command(d, "rename", r.id, "Other"),
        },
    ),
    "delete": (
        promoted,
        {
            "panel": lambda d, r: panel(d, "delete", r),
            "sdk": lambda d, r: al.delete(r),
            "cli": lambda d, r: command(d, "delete", r.id, "--yes"),
            "operator": lambda d, r: operate(d, "delete_run", run_id=r.id),
        },
    ),
}
#: Actions that store nothing by themselves, and where they are tested.
ELSEWHERE = {"duplicate": "test_cli.test_the_configuration_of_a_run_is_run_again"}


# --- what is stored ---------------------------------------------------------------------------


def stored(dataset) -> dict:
    """All that the database holds of a dataset and its runs, without what differs by chance."""
    dataset.reload()
    documents = foo.get_db_conn()["execution_store"].find({"dataset_id": dataset._doc.id})
    keys = {d["store_name"] + " " + d["key"]: d["value"] for d in documents if d.get("key")}
    everything = {
        "samples": list(dataset._sample_collection.find({}, {"_rand": 0}).sort("number", 1)),
        "schema": {n: str(f) for n, f in dataset.get_field_schema(flat=True).items()},
        "runs": {
            key: value
            for key, value in keys.items()
            if key.partition(" ")[0] in (RUNS_STORE, CHUNKS_STORE)
            if not key.startswith(f"{RUNS_STORE} progress:")
        },
        "custom runs": [
            dataset.get_run_info(key).config.serialize() for key in dataset.list_runs()
        ],
        "operations": sorted(
            (d["operator"], str(d["context"]["request_params"]["params"]))
            for d in foo.get_db_conn().delegated_ops.find({"dataset_id": dataset._doc.id})
        ),
    }
    return _normal(everything, dataset)


def _normal(document, dataset):
    """Ids become what they are of, in the order in which they appear; moments become one word."""
    text = json_util.dumps(document, sort_keys=True)
    for number, sample in enumerate(dataset._sample_collection.find().sort("number", 1)):
        text = text.replace(str(sample["_id"]), f"sample {number}")
    text = text.replace(str(dataset._doc.id), "dataset").replace(dataset.name, "name")
    runs = re.findall(r'"auto_labeling (?:run|field):[^"]*"|"run": "([0-9a-f]{12})"', text)
    for number, run in enumerate(dict.fromkeys(filter(None, runs))):
        text = text.replace(run, f"run {number}")
    text = re.sub(r'"auto_labeling run:[0-9a-f]{12}"', '"auto_labeling run:0"', text)
    text = re.sub(r'"id": "[0-9a-f]{12}"', '"id": "run 0"', text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)", "moment", text)
    text = re.sub(r'"operation_id": "[0-9a-f]+"', '"operation_id": "one"', text)
    text = re.sub(r'"[0-9a-f]{16}"', '"token"', text)
    seen = {}
    text = re.sub(
        r"\b[0-9a-f]{24}\b", lambda found: seen.setdefault(found[0], f"label {len(seen)}"), text
    )
    return json.loads(text)


@pytest.fixture
def copies(tmp_path):
    """Makes equal datasets of six numbered images."""
    uninstall = scripted_model.install("detection")
    paths = scripted_model.write_images(tmp_path / "images", 6)
    made = []

    def make():
        dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
        made.append(dataset)
        for number, path in enumerate(paths):
            mine = fo.Detections(
                detections=[fo.Detection(label="mine", bounding_box=[0, 0, 1, 1], confidence=0.5)]
            )
            dataset.add_sample(fo.Sample(filepath=path, number=number, mine=mine))
        return dataset

    yield make
    uninstall()
    for dataset in made:
        dataset.delete()


@pytest.mark.parametrize("event", CASES)
def test_every_way_stores_the_same(event, copies):
    prepare, ways = CASES[event]
    results = {}
    for way, act in ways.items():
        dataset = copies()
        run = prepare(dataset)
        before = stored(dataset)
        act(dataset, run)
        results[way] = stored(dataset)
        assert results[way] != before, f"{way} has done nothing"
    for way in ways:
        assert results[way] == results["panel"], way


# --- no hole ------------------------------------------------------------------------------------


def test_each_event_of_the_panel_is_navigation_or_has_its_equals():
    members = inspect.getmembers(AutoLabelingPanel, inspect.isfunction)
    events = {function.__name__ for _, function in members if is_event(function)}
    actions = {event for a in (*parity.ACTIONS, *parity.VIEWS) for event in a.events}
    assert not actions & parity.NAVIGATION
    assert not events - actions - parity.NAVIGATION, "docs/parity.py has a hole"
    assert actions <= events, "docs/parity.py names events that are gone"


def test_each_equal_is_there_and_is_tried():
    named = {cls().config.name for cls in OPERATORS}
    for action in (*parity.ACTIONS, *parity.VIEWS):
        name, *options = action.verb.split()
        verb = verbs.all_verbs()[name]
        first = action.sdk.partition(".")[0]
        assert first in sdk.__all__ and operator.attrgetter(action.sdk)(sdk)
        assert set(options) <= {word for given in verb.arguments for word in given.names}
        assert not action.operator or action.operator in named
    tried = {event: set(ways) for event, (_, ways) in CASES.items()}
    for action in parity.ACTIONS:
        ways = set(WAYS) if action.operator else {*WAYS} - {"operator"}
        for event in action.events:
            assert event in ELSEWHERE or tried.pop(event) == ways, event
    assert tried == {}
