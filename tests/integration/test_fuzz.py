"""A browser may send anything, in any order: no traceback, nothing without permission, no harm.

``FUZZ_CALLS`` says how many calls (500; ``make soak``: 10,000), ``FUZZ_SEED`` plays them again.
"""

import contextlib
import copy
import hashlib
import os
import random
import string
import uuid
from types import SimpleNamespace

import fiftyone as fo
import pytest
from bson import json_util
from fiftyone import ViewField as F
from fiftyone.operators.executor import ExecutionContext, Executor

from auto_labeling import operators
from auto_labeling.app import window
from auto_labeling.app.form_settings import group_of
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import RunConfig, RunState
from auto_labeling.lifecycle import importing, labeling
from auto_labeling.panels.events import is_event
from auto_labeling.panels.panel import AutoLabelingPanel
from auto_labeling.panels.state import PAGES
from auto_labeling.review import promotion
from auto_labeling.review.grid import shown
from auto_labeling.storage.runs import RunStore

CALLS = int(os.environ.get("FUZZ_CALLS", "500"))
BLOCK = 25  #: Calls after which the datasets are compared with what they were.
#: The short version is the same each time: a change that it fails after is the change's fault.
SEED = int(os.environ.get("FUZZ_SEED", 449843 if CALLS <= 500 else random.randrange(10**6)))

PANEL = AutoLabelingPanel(_builtin=False)
OPERATORS = [cls(_builtin=False) for cls in operators.OPERATORS]

#: What a user had before there was any run.
MINE = ("filepath", "tags", "metadata", "number", "mine", "note", "created_at")

SCALARS = [None, True, False, -1, 0, 1, 3, 10**12, 0.5, -0.0, 1e308, "", " ", "nothing", "\x00"]
TEXTS = ["x" * 100_000, "$where", "a.b", "../../etc", "{}", "<img src=x onerror=alert(1)>"]
TEXTS += ["\ud800", "\N{PACKAGE}", "\N{RIGHT-TO-LEFT OVERRIDE}", "\N{ZERO WIDTH JOINER}"]
OBJECTS = [[], {}, ["x"], [[]], {"$ne": 1}, {"$gt": ""}, {"__class__": 1}, [None] * 9, [{}]]
OBJECTS += [{"a": {}}, {"range": [None, "x"]}, {"_cls": "fiftyone.core.stages.Limit"}]
PERMISSIONS = ["VIEW", "TAG", "NO_ACCESS", None, 7]
STATE = ["page", "run_id", "form", "remembered", "problems", "question", "staging_field", "moves"]
STATE += ["dataset", "users_fields", "existing", "runs_search", "runs_status", "runs_part"]
STATE += ["run_", "unfolded", "lit_fields", "window"]
PARAMS = ["run_id", "row", "idx", "step", "tab", "status", "kind", "expected", "path", "value"]
REQUEST = ["view", "view_name", "filters", "extended", "selected", "selected_labels", "group_slice"]
REQUEST += ["active_fields", "query_performance", "spaces", "workspace_name"]


@pytest.fixture
def task():
    return "detection"


@pytest.fixture
def worlds(numbered, dataset, model):
    """Two datasets with runs in many states; the second's ids are strangers to the first."""
    numbered.add_sample_field("note", fo.StringField)
    numbered.set_values("note", ["keep me"] * len(numbered))
    numbered.compute_metadata(progress=False)
    for target in (numbered, dataset):
        _populate(target)
    return numbered, dataset


def _populate(dataset):
    def start(name):
        config = RunConfig(task="detection", model="scripted", label_field=name, name=name)
        return labeling.start(dataset, config)

    reviewed = labeling.generate(dataset, start("reviewed").id)
    half = labeling.generate(dataset, start("half").id)
    asked = {"selected": dataset.values("id")[:3]}
    number = sum(n or 0 for n in dataset.values(F("half_in_review.detections").length())[:3])
    promotion.promote(dataset, half.id, shown(dataset, asked), expected=number)
    labeling.cancel(dataset, start("cancelled").id)
    start("queued")
    if dataset.has_field("mine"):
        importing.import_labels(dataset, "mine", "imported")
    assert reviewed.state is RunState.IN_REVIEW


def fingerprint(dataset):
    """A hash of every sample's fields that a user had, and their schema."""
    dataset.reload()
    digest = hashlib.sha256()
    for document in dataset._sample_collection.find({}).sort("_id", 1):
        kept = {name: document.get(name) for name in ("_id", *MINE)}
        digest.update(json_util.dumps(kept, sort_keys=True).encode())
    schema = {n: str(f) for n, f in dataset.get_field_schema(flat=True).items()}
    kept = {n: f for n, f in schema.items() if n.split(".")[0] in MINE}
    return digest.hexdigest(), kept, len(dataset)


def everything(dataset):
    """All that a viewer may not change: samples, schema and runs."""
    dataset.reload()
    runs = [run.model_dump(mode="json") for run in RunStore(dataset).list()]
    samples = list(dataset._sample_collection.find({}).sort("_id", 1))
    return runs, samples, sorted(dataset.get_field_schema(flat=True))


class Fuzzer:
    """Sends what no App would."""

    def __init__(self, worlds, seed):
        self.chance = random.Random(seed)
        self.worlds = worlds
        self.events = sorted(n for n in dir(AutoLabelingPanel) if is_event(getattr(PANEL, n)))
        # Inherited, private and magic names too, and attributes that are no methods.
        self.names = [*dir(AutoLabelingPanel), "__method__", "nothing", "a.b", "", *SCALARS]
        self.states = [{}]
        self.ids = {world.name: world.values("id") for world in worlds}
        self.views = {world.name: world.limit(3)._serialize() for world in worlds}
        self.runs = {}

    def look_again(self):
        """Learns which runs there are by now."""
        self.runs = {w.name: [run.id for run in RunStore(w).list()] for w in self.worlds}

    def call(self, viewer):
        """One call of the panel or of an operator. Returns ``(what was called, what it told)``."""
        dataset = self.chance.choice((self.worlds[0], self.worlds[0], self.worlds[1]))
        user = SimpleNamespace(
            id="u", name=self.something(), dataset_permission=self.chance.choice(PERMISSIONS)
        )
        if self.chance.random() < 0.1:
            return self._operate(dataset, user if viewer else None)
        return self._send(dataset, user if viewer else None)

    def _send(self, dataset, user):
        often = self.chance.random() < 0.8
        method = self.chance.choice(self.events if often else self.names)
        params = self._params(dataset)
        params["panel_id"] = self.chance.choice(["one", "two", uuid.uuid4().hex])
        state = self._state(dataset)
        if self.chance.random() < 0.8:
            params["window"] = {"id": self.chance.choice(["one", self.something()]), "state": state}
        else:  # an App that has not loaded our script
            params["panel_state"] = state
        params["__method__"] = method
        if self.chance.random() < 0.02:
            params.pop(self.chance.choice(["panel_id", "__method__"]), None)
        ctx = self._context(dataset, params, user, PANEL.uri)
        PANEL.execute(ctx)
        told = [request.to_json() for request in ctx.executor._requests]
        json_util.dumps(told)  # or the App's server fails to send it
        if window.of(ctx):  # the App would save it with the workspace, and empty its filters
            assert not [one for one in told if one["operator_uri"].endswith("_panel_state")]
        if self.chance.random() < 0.5 and ctx.panel_id:
            self.states = [*self.states[-20:], copy.deepcopy(state)]
        return method, told

    def _operate(self, dataset, user):
        operator = self.chance.choice(OPERATORS)
        ctx = self._context(dataset, self._params(dataset), user, operator.uri)
        for method in ("resolve_input", "resolve_execution_options", "execute"):
            with contextlib.suppress(AutoLabelingError):  # FiftyOne shows its sentence
                getattr(operator, method)(ctx)
        return operator.name, []

    def _context(self, dataset, params, user, uri):
        request = {"dataset_name": dataset.name, "params": params}
        for name in REQUEST:
            if self.chance.random() < 0.15:
                request[name] = self._about_grid(dataset, name)
        ctx = ExecutionContext(
            request_params=request, executor=Executor(), operator_uri=uri, required_secrets=[]
        )
        ctx.user = user
        return ctx

    def _about_grid(self, dataset, name):
        ids = self.ids[self.chance.choice(self.worlds).name]
        known = {
            "selected": self.chance.sample(ids, 2),
            "selected_labels": [{"label_id": ids[0], "sample_id": ids[1], "field": "x"}],
            "filters": {"half_in_review.detections.review": {"values": ["unpromoted"]}},
            "view": copy.deepcopy(self.views[dataset.name]),
        }
        return known[name] if name in known and self.chance.random() < 0.6 else self.something()

    def _state(self, dataset):
        state = copy.deepcopy(self.chance.choice(self.states))
        if self.chance.random() < 0.5:
            state["page"] = self.chance.choice(PAGES)
            state["run_id"] = self._run_id(dataset)
        for name in STATE:
            if self.chance.random() < 0.08:
                state[name] = self.something()
        if self.chance.random() < 0.2:
            state["form"] = {
                group: {n: self.something() for n, g in group_of().items() if g == group}
                for group in set(group_of().values())
            }
        return state

    def _params(self, dataset):
        params = {n: self.something() for n in PARAMS if self.chance.random() < 0.4}
        if self.chance.random() < 0.7:
            params["run_id"] = self._run_id(dataset)
        if self.chance.random() < 0.3:
            params["row"] = params["idx"] = self.chance.randrange(4)
        if self.chance.random() < 0.1:
            params[self.something_short()] = self.something()
        return params

    def _run_id(self, dataset):
        world = self.chance.choice((dataset, dataset, *self.worlds))
        return self.chance.choice([*self.runs[world.name], self.something()])

    def something(self):
        kind = self.chance.random()
        if kind < 0.4:
            return self.chance.choice(SCALARS)
        if kind < 0.6:
            return self.chance.choice(TEXTS)
        return copy.deepcopy(self.chance.choice(OBJECTS)) if kind < 0.8 else self.something_short()

    def something_short(self):
        return "".join(self.chance.choices(string.printable, k=self.chance.randrange(1, 12)))


@pytest.mark.timeout(60 + CALLS)
def test_no_call_of_any_kind_does_harm(worlds, monkeypatch):
    print(f"\n{CALLS} calls, FUZZ_SEED={SEED}")
    fuzzer = Fuzzer(worlds, SEED)
    before = [fingerprint(world) for world in worlds]
    bugs = []
    monkeypatch.setattr(
        "auto_labeling.panels.events.logger.error",
        lambda *a, exc_info=None, **k: bugs.append(exc_info),
    )
    called = []
    for first in range(0, CALLS, BLOCK):
        fuzzer.look_again()
        viewer = fuzzer.chance.random() < 0.3
        seen = [everything(world) for world in worlds] if viewer else None
        for number in range(first, min(first + BLOCK, CALLS)):
            what, told = fuzzer.call(viewer)
            called.append(what)
            where = f"call {number} of seed {SEED}, {what!r:.100}"
            assert not bugs, f"{where}, met a bug: {bugs[0]!r:.500}"
            assert "Traceback" not in str(told), where
        block = f"calls {first} to {number} of seed {SEED}, {called[-BLOCK:]!r:.1000}"
        if viewer:
            assert [everything(world) for world in worlds] == seen, f"{block}, by a viewer"
        assert [fingerprint(world) for world in worlds] == before, block
    assert set(fuzzer.events) <= set(map(str, called)) or CALLS < 500
    for world in worlds:
        assert labeling.runs(world) is not None
