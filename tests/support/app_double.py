"""The App's part of a conversation with the panel, without a browser.

:class:`App` keeps the state and the filters that the panel sends, and serializes every answer.
:func:`send` sends one event and leaves the state to the caller.
"""

import json
import re
import uuid

from fiftyone.operators.executor import ExecutionContext, Executor

from auto_labeling.app.form_settings import group_of
from auto_labeling.panels.panel import AutoLabelingPanel

PANEL = AutoLabelingPanel(_builtin=False)

_SELECTIONS = {
    "clear_selected_samples": "selected",
    "clear_selected_labels": "selected_labels",
}


class App:
    """One browser window with the panel open.

    Args:
        dataset: the dataset that is open
        panel_id ("benchmark"): the panel's id
        user (None): who is at the App; open-source FiftyOne does not know
    """

    def __init__(self, dataset, panel_id="benchmark", user=None):
        self._dataset = dataset
        self._user = user
        self._panel = AutoLabelingPanel(_builtin=False)
        self._panel_id = panel_id
        self.window = window_of(panel_id)
        self._page = {}
        self.state = {}
        self.grid = {"view": None, "filters": {}, "selected": [], "selected_labels": []}
        self.notices = []

    def send(self, method, **params) -> str:
        """Sends one event; returns the App's instructions as they go over the wire."""
        own = {"id": self.window, "state": self.state}
        ids = {"panel_id": self._panel_id, "window": own, "__method__": method}
        ctx = ExecutionContext(
            request_params={
                "dataset_name": self._dataset.name,
                "params": {**ids, **params},
                **self.grid,
            },
            executor=Executor(),
            operator_uri=self._panel.uri,
            required_secrets=[],
        )
        ctx.user = self._user
        self._panel.execute(ctx)
        wire = json.dumps([request.to_json() for request in ctx.executor._requests])
        self.state = json.loads(json.dumps(self.state))  # as it comes back over the wire
        self._obey(json.loads(wire))
        return wire

    def _obey(self, instructions):
        self.notices = []
        for told in instructions:
            name, params = told["operator_uri"].rpartition("/")[2], told["params"]
            if name == "set_filters":
                self.grid["filters"] = params
            elif name == "set_view":
                self._set_view(**params)
            elif name in _SELECTIONS:
                self.grid[_SELECTIONS[name]] = []
            elif name == "notify":
                self.notices.append(params["message"])
            elif name == "show_panel_output":
                self._page = params

    def _set_view(self, view=None, name=None):
        self.grid["view_name"] = name
        self.grid["view"] = self._dataset.load_saved_view(name)._serialize() if name else view

    def find(self, name):
        """The property of that name on the page that is shown, or None."""
        return _find(self._page, name)

    def events(self) -> set:
        """The panel's events that the controls on the page would send."""
        page = self._page["output"]["view"].get("page", self._page)  # without the script's own
        return set(re.findall(rf"{re.escape(self._panel.uri)}#(\w+)", json.dumps(page)))

    def names(self) -> list:
        """The names of the runs on the home page, from the top."""
        root = self._page["output"]["view"]["page"]["type"]["properties"]
        cards = (p["type"]["properties"] for name, p in root.items() if name.startswith("run_"))
        heads = (card["head"]["type"]["properties"] for card in cards)
        return [head["name"]["view"]["label"] for head in heads]

    def table(self, name="classes") -> dict:
        """A table on the page: the first cell of each row → the others."""
        return {row[0]: row[1:] for row in self.find(name)["default"]["rows"]}

    def button(self, name) -> dict:
        """A button on the page: ``label``, and the ``params`` that a click sends."""
        return self.find(name)["view"]


def _find(node, name):
    if isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict) and name in properties:
            return properties[name]
        node = node.values()
    elif not isinstance(node, list):
        return None
    return next(filter(None, (_find(child, name) for child in node)), None)


def window_of(panel_id: str) -> str:
    """The name of the browser window of a panel."""
    return f"window of {panel_id}"


def send(dataset, method, state=None, **params):
    """One event as the App sends it. Returns ``(what the App is told to do, the state)``."""
    state = {} if state is None else state
    panel_id = state.setdefault("panel_of_test", uuid.uuid4().hex)
    request = {
        "dataset_name": dataset.name,
        "params": {
            "panel_id": panel_id,
            "window": {"id": window_of(panel_id), "state": state},
            "__method__": method,
            **params,
        },
        "filters": params.pop("sidebar", {}),
        "selected": params.pop("selection", []),
        "group_slice": params.pop("shown_slice", None),
    }
    ctx = ExecutionContext(
        request_params=request, executor=Executor(), operator_uri=PANEL.uri, required_secrets=[]
    )
    PANEL.execute(ctx)
    told = [r.to_json() for r in ctx.executor._requests]
    return told, state


def answer(dataset, state, **answers):
    """Answers on the configure page, one after the other, as its controls do."""
    for name, value in answers.items():
        group = group_of()[name]
        state["form"].setdefault(group, {})[name] = value
        told, state = send(dataset, "edit", state, path=f"form.{group}.{name}", value=value)
    return told, state


def page_of(told):
    (page,) = [t for t in told if t["operator_uri"].endswith("show_panel_output")]
    return str(page["params"])


def notices(told):
    return [t["params"]["message"] for t in told if t["operator_uri"].endswith("notify")]
