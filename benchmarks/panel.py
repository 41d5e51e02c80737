"""How long the panel's handlers take to answer: ``make bench-panel``.

Each event is sent as the App would send it, on a dataset of 100,000 samples with a million labels
in review and many other runs; its answer is serialized, as the App has to. The bar is what feels
immediate. What writes for each of a million labels, or reads what was written, is told
apart: the App turns the wheel in the panel's tab. The last line is one JSON object.
"""

import argparse
import json
import os
import statistics
import sys
import time
import uuid

from benchmarks import report, rig

#: Seconds in which a handler answers.
BAR = 0.2

_RUNS = 60
_ROUNDS = 5
#: Seconds in which the App draws a page and sends an event of it; measured in Chromium.
_DRAWN = 0.1
_CONFIG = {"task": "detection", "model": "yolo11n-coco-torch"}


def main(argv=None) -> int:
    """Runs the benchmark; returns 1 if a handler is slower than it may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=100_000, help="ten labels each")
    parser.add_argument("--no-report", action="store_true", help="leave docs/benchmarks.md alone")
    args = parser.parse_args(argv)
    os.environ["FIFTYONE_SERVER"] = "1"  # as the App's server: each request loads the dataset
    with rig.place():
        session = Session(args.samples)
        times = session.run()
    seconds = {name: round(statistics.median(took), 4) for name, took in times.items()}
    long = {name: seconds.pop(name) for name in session.LONG}
    slow = [name for name, took in seconds.items() if took > BAR]
    for name, took in {**seconds, **long}.items():
        print(f"{name:28}{took:8.3f} s{'   MISSED' if name in slow else ''}")
    slowest = max(seconds.values())
    result = {"samples": args.samples, "bar": BAR, "seconds": seconds, "long": long}
    result |= {"handler_slowest_s": slowest}
    if not args.no_report:
        report.write("panel", _markdown(result))
    print(json.dumps(result))
    return 1 if slow else 0


class Session:
    """One browser window, which goes from page to page.

    Args:
        samples: the number of samples
    """

    #: What writes for each label, or reads those that were written since.
    LONG = ("open_run (in review)", "promote", "undo_all")

    def __init__(self, samples):
        from benchmarks import million
        from tests.support.app_double import App

        self._seconds = {}
        title = f"bench-{uuid.uuid4().hex[:6]}"
        self._dataset, self._run = million.in_review(million.Truth(samples), title)
        self._runs = self._make_runs()
        self._app = App(self._dataset)

    def _make_runs(self):
        """Runs in several states, of few samples each: a card costs the same."""
        from auto_labeling.core.run import RunConfig
        from auto_labeling.lifecycle import labeling

        ids = self._dataset.limit(8).values("id")
        made = []
        for number in range(_RUNS):
            config = RunConfig(label_field=f"field_{number}", name=f"Run {number}", **_CONFIG)
            run = labeling.start(self._dataset, config, ids, author="Ada Lovelace")
            made.append(labeling.cancel(self._dataset, run.id) if number % 3 else run)
        return made

    def run(self) -> dict:
        """Returns the seconds that each event took, by its name, each time."""
        # The App opens the panel before our script speaks for a window of it.
        self._send("on_load", name="on_load (before the script)", window=None)
        time.sleep(_DRAWN)
        self._send("on_load", name="on_load (first)")
        for _ in range(_ROUNDS):
            self._home()
            self._one_run()
            self._configure()
            self._existing()
            self._review()
        return self._seconds

    def _home(self):
        self._send("go_home")
        self._send("refresh", name="refresh (home)")
        self._send("edit_search", path="runs_search", value="Run 1")
        self._send("turn_runs", step=1)
        self._send("turn_runs", step=-1)
        self._send("list_status", status="Error")
        self._send("list_status", status="")
        stopped = self._runs[1].id
        self._send("ask_rename", run_id=stopped)
        self._send("dismiss")
        self._send("ask_delete", run_id=stopped)
        self._send("dismiss")

    def _one_run(self):
        for run in self._runs[:2]:
            self._send("open_run", name=f"open_run ({run.state.value})", run_id=run.id)
            self._send("refresh", name="refresh (run)")
        self._send("unfold")
        self._send("unfold")
        self._send("duplicate", run_id=self._runs[1].id)

    def _configure(self):
        self._send("go_home")
        self._send("new_run")
        for group, answers in {
            "what": {"task": "classification"},
            "model": {"family": "yolo"},
        }.items():
            for key, value in answers.items():
                self._answer(group, key, value)
        self._answer("what", "task", "detection")
        for key, value in {"family": "yolo", "version": "v8-shapes"}.items():
            self._answer("model", key, value)
        self._answer("more_classes", "class_source", "")
        ids = self._dataset.limit(400).values("id")
        self._answer("what", "target", "ids")
        self._answer("what", "ids", "\n".join(ids))
        self._answer("what", "target", "all")
        self._send("on_change_view", name="on_change_view (configure)")
        self._answer("labels", "label_field", f"new_{uuid.uuid4().hex[:6]}")
        self._send("start")
        while self._app.state["page"] == "working":
            self._send("refresh", name="refresh (working)")
        assert self._app.state["page"] == "progress", self._app.state.get("problems")
        self._send("cancel", run_id=self._app.state["run_id"])
        self._send("go_home")

    def _answer(self, group, key, value):
        self._app.state.setdefault("form", {}).setdefault(group, {})[key] = value
        self._send("edit", name=f"edit ({key})", path=f"form.{group}.{key}", value=value)

    def _existing(self):
        self._send("import_labels")
        self._send("edit_existing", path="existing.label_field", value="x")
        self._send("start_import", name="start_import (refused)")

    def _review(self):
        self._send("go_home")
        self._send("open_run", name="open_run (in review)", run_id=self._run.id)
        for low in (0.3, 0.5, 0.7):
            self._send("slide_confidence", path="confidence", value=[low, 1])
        self._send("click_bar", idx=9)
        self._send("toggle_class", row=0)
        self._send("clear_filters")
        self._send("on_change_view", name="on_change_view (review)")
        self._send("search", path="search", value="1")
        self._send("search", path="search", value="")
        self._send("select_tab", tab="approval")
        self._send("select_tab", tab="review")
        self._send("slide_confidence", path="confidence", value=[0.5, 1])
        self._send("promote", **self._app.button("promote")["params"])
        self._send("select_tab", tab="approval")
        self._send("ask_approve")
        self._send("dismiss")
        self._send("undo_all")
        self._send("go_home")

    def _send(self, method, name="", **params):
        began = time.perf_counter()
        self._app.send(method, **params)
        self._seconds.setdefault(name or method, []).append(time.perf_counter() - began)


def _markdown(result):
    head = (
        f"{result['samples']:,} samples with ten labels each in review, and {_RUNS} other runs. "
        f"Times are medians of {_ROUNDS} rounds. The limit is {result['bar']} s. The last rows "
        "have no limit: they read or write each label. Written by `make bench-panel`.\n"
    )
    lines = ["| event | seconds |", "|---|---|"]
    slowest = sorted(result["seconds"].items(), key=lambda item: -item[1])
    lines += [f"| `{name}` | {took:.3f} |" for name, took in [*slowest, *result["long"].items()]]
    return "\n".join([head, *lines])


if __name__ == "__main__":
    sys.exit(main())
