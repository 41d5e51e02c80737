"""How fast a million labels are reviewed: ``make bench-review``.

Every action is what the App would send to the panel, and every answer is compared with a naive
model in numpy. The unit T is one server-side table over the same labels, so that the numbers mean
the same on any machine. The last line of the output is one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import numpy as np

from auto_labeling.demo import database as mongo
from benchmarks import report

CHECKOUT = Path(__file__).resolve().parents[1]
THRESHOLDS = 200

#: Units of T, except those of :data:`_RATIOS`: times as fast, and times as long.
BARS = {
    "slider": 0.25,
    "arbitrary_view": 2.5,
    "open": 1.5,
    "promote_half": 3,
    "promote_vs_tag_labels": 4,
    "promote_arbitrary": 15,
    "reject_half": 3,
    "relabel_class": 1,
    "thresholds_promote": 4,
    "duplicates_find": 6,
    "promote_ten": 0.1,
    "undo_class": 1,
    "undo_all": 3,
    "approve": 4,
    "import_existing": 5,
    "growth": 12,
    "audit_page_s": 1,
    "undo_last": 1.5,
}
_AT_LEAST = {"promote_vs_tag_labels"}

#: Keys that are no seconds in units of T.
_RATIOS = {"promote_vs_tag_labels", "growth", "undo_last"}

#: Seconds, with a tenth of the labels: 100,000.
_SECONDS = {"audit_page_s"}


def main(argv=None) -> int:
    """Runs the benchmark; returns 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=100_000, help="ten labels each")
    parser.add_argument("--no-report", action="store_true", help="leave docs/benchmarks.md alone")
    args = parser.parse_args(argv)
    os.environ.update(
        FIFTYONE_DATABASE_NAME=f"auto_labeling_bench_{uuid.uuid4().hex[:8]}",
        FIFTYONE_DO_NOT_TRACK="true",
    )
    with tempfile.TemporaryDirectory(prefix="auto-labeling-bench-") as folder:
        os.environ.pop(mongo.URI_VARIABLE, None)  # always a database of its own
        with mongo.provide(Path(folder) / "db") as database:
            os.environ[mongo.URI_VARIABLE] = database.uri
            small = Session(args.samples // 10).run()
            large = Session(args.samples).run()
    result = _result(small, large, args.samples)
    missed = [key for key, bar in BARS.items() if not _is_met(key, result[key], bar)]
    for key, bar in BARS.items():
        print(f"{key:24}{result[key]:9.3f}   bar {bar}{'   MISSED' if key in missed else ''}")
    if not args.no_report:
        report.write("review", _markdown(result))
    print(json.dumps(result))
    return 1 if missed else 0


class Session:
    """All actions on one dataset.

    Args:
        samples: the number of samples
    """

    def __init__(self, samples):
        from benchmarks import million

        self._million = million
        self._truth = million.Truth(samples)
        self._random = np.random.default_rng(1)
        self._seconds = {}

    def run(self) -> dict:
        """Returns the seconds of each action, and of T."""
        title = f"bench-{uuid.uuid4().hex[:6]}"
        self._dataset, self._run = self._million.in_review(self._truth, title)
        samples = len(self._truth.sample_ids)
        self._note(f"{samples:,} samples x {self._million.LABELS} labels are made")
        self._rest()
        self._seconds["T"] = min(self._unit() for _ in range(3))
        self._open()
        self._slide()
        self._look_at_an_arbitrary_view()
        self._promote_ten()
        self._tag_half()
        self._promote_half()
        self._undo_class()
        self._undo_all()
        self._reject_and_undo()
        self._relabel_and_undo()
        self._promote_above_thresholds()
        self._find_duplicates()
        self._promote_arbitrary()
        self._audit()
        self._approve()
        self._dataset.delete()
        self._import()
        return self._seconds

    # --- T ------------------------------------------------------------------------------------

    def _unit(self):
        root = self._run.label_root
        pipeline = [
            {"$unwind": f"${root}"},
            {"$match": {f"{root}.review": "unpromoted"}},
            {
                "$group": {
                    "_id": f"${root}.label",
                    "count": {"$sum": 1},
                    "confidence": {"$avg": f"${root}.confidence"},
                }
            },
        ]
        began = time.perf_counter()
        table = list(self._dataset._sample_collection.aggregate(pipeline))
        assert sum(group["count"] for group in table) == self._truth.code.size
        return time.perf_counter() - began

    # --- looking ------------------------------------------------------------------------------

    def _open(self):
        from auto_labeling.review import snapshot
        from tests.support.app_double import App

        snapshot.clear()
        self._app = App(self._dataset)
        self._app.send("on_load")
        self._timed("open", "open_run", run_id=self._run.id)
        self._compare(np.ones_like(self._truth.promoted))

    def _slide(self):
        """Moves the slider to arbitrary thresholds, or clicks a class, while others write."""
        times = []
        with _Stranger(self._dataset, self._run) as stranger:
            for number in range(THRESHOLDS):
                if number % 20 == 19:
                    self._let_change(stranger, tells=number % 40 == 19)
                low, high = sorted(self._random.random(2).tolist())
                if number % 5 == 4:
                    row = int(self._random.integers(len(self._app.table())))
                    label = list(self._app.table())[row]
                    times.append(self._time("toggle_class", row=row))
                    span = self._app.grid["filters"][f"{self._run.label_root}.confidence"]["range"]
                    wanted = self._between(*span) & self._is(label)
                    self._compare(wanted)
                    self._app.send("toggle_class", row=list(self._app.table()).index(label))
                else:
                    value = [low, high]
                    times.append(self._time("slide_confidence", path="filters.x", value=value))
                    self._compare(self._between(low, high))
        self._seconds["slider"] = float(np.percentile(times, 95))
        self._seconds["slider_worst"] = max(times)
        self._app.send("slide_confidence", path="filters.x", value=[0, 1])

    def _let_change(self, stranger, tells):
        """Has another process change the first label of some samples, in this way or that."""
        picked = self._random.integers(0, len(self._truth.sample_ids), 50)
        code, confidence = int(self._random.integers(80)), float(self._random.random())
        stranger.change(
            [str(self._truth.sample_ids[i]) for i in picked],
            {"label": self._million.name(code), "confidence": confidence},
            tells,
        )
        self._truth.code[picked, 0] = code
        self._truth.confidence[picked, 0] = confidence

    def _look_at_an_arbitrary_view(self):
        view = self._dataset.match({"number": {"$mod": [3, 0]}})
        self._app.grid["view"] = view._serialize()
        picked = self._random.permutation(len(self._truth.sample_ids))[
            : min(5000, len(self._truth.sample_ids) // 10)
        ]
        self._app.grid["selected"] = [str(self._truth.sample_ids[i]) for i in picked]
        times = []
        for _ in range(7):
            low, high = sorted(self._random.random(2).tolist())
            times.append(self._time("slide_confidence", path="filters.x", value=[low, high]))
            rows = np.zeros(len(self._truth.sample_ids), dtype=bool)
            rows[picked[picked % 3 == 0]] = True
            self._compare(self._between(low, high) & rows[:, None])
        self._seconds["arbitrary_view"] = float(np.percentile(times, 95))
        self._app.grid.update(view=None, selected=[])
        self._app.send("slide_confidence", path="filters.x", value=[0, 1])

    # --- moving labels ------------------------------------------------------------------------

    def _promote_ten(self):
        chosen = [(i, i % self._million.LABELS) for i in range(100, 110)]
        self._app.grid["selected_labels"] = [
            {
                "label_id": str(self._truth.label_ids[at]),
                "sample_id": str(self._truth.sample_ids[at[0]]),
                "field": self._run.staging_field,
            }
            for at in chosen
        ]
        self._app.send("on_change_selected_labels")
        self._timed("promote_ten", "promote", **self._app.button("promote")["params"])
        for at in chosen:
            self._truth.promoted[at] = True
        self._settle()

    def _tag_half(self):
        from auto_labeling.review.grid import shown

        self._app.send("slide_confidence", path="filters.x", value=[0.5, 1])
        view = shown(self._dataset, self._app.grid).view
        self._rest()
        began = time.perf_counter()
        view.tag_labels("tagged", label_fields=self._run.staging_field)
        self._seconds["tag_labels"] = time.perf_counter() - began
        root = self._run.label_root
        self._dataset._sample_collection.update_many({}, {"$set": {f"{root}.$[].tags": []}})
        self._app.send("refresh")

    def _promote_half(self):
        wanted = self._between(0.5, 1) & ~self._truth.promoted
        self._compare(wanted)
        self._timed("promote_half", "promote", **self._app.button("promote")["params"])
        self._truth.promoted |= wanted
        self._settle()

    def _undo_class(self):
        self._go_to("approval")
        labels = list(self._app.table("promoted"))
        self._timed("undo_class", "undo_class", row=7)
        self._truth.promoted &= ~self._is(labels[7])
        self._settle()

    def _undo_all(self):
        self._timed("undo_all", "undo_all")
        self._truth.promoted[:] = False
        self._settle()

    def _promote_arbitrary(self):
        """Half of the labels: those that begin in the left half of where any begins."""
        import fiftyone as fo

        self._go_to("review")
        view = self._dataset.filter_labels(
            self._run.staging_field, fo.ViewField("bounding_box")[0] < 0.4, only_matches=False
        )
        self._app.grid["view"] = view._serialize()
        self._app.send("on_change_view")
        wanted = self._truth.left < 0.4
        self._compare(wanted)
        self._timed("promote_arbitrary", "promote", **self._app.button("promote")["params"])
        self._truth.promoted |= wanted
        self._settle()
        self._app.grid["view"] = None
        self._app.send("on_change_view")

    # --- the other verbs: as the panel does them, and draws its page ---------------------------

    def _reject_and_undo(self):
        from auto_labeling.review import promotion
        from auto_labeling.review.grid import shown

        self._go_to("review")
        self._app.send("slide_confidence", path="filters.x", value=[0, 0.5])
        chosen = shown(self._dataset, self._app.grid)
        expected = self._app.button("promote")["params"]["expected"]
        self._acted("reject_half", promotion.reject, chosen, expected)
        self._app.send("slide_confidence", path="filters.x", value=[0, 1])
        assert self._undone("undo_reject") == expected
        self._settle()

    def _relabel_and_undo(self):
        from auto_labeling.review.grid import Shown
        from auto_labeling.review.relabeling import relabel

        chosen = Shown(self._dataset.view())
        one = (self._truth.code == 3).sum()
        old, new = self._million.name(3), self._million.name(4)
        self._acted("relabel_class", relabel, chosen, {old: new})
        assert self._undone("undo_relabel") == one
        self._settle()

    def _promote_above_thresholds(self):
        """A threshold for each of the classes."""
        from auto_labeling.review import promotion
        from auto_labeling.review.selection import choose

        classes = self._million.CLASSES
        minimums = {self._million.name(i): 0.2 + 0.6 * i / classes for i in range(classes)}
        least = 0.2 + 0.6 * self._truth.code / classes
        wanted = int((self._truth.confidence >= least).sum())
        chosen = choose(self._dataset, minimums=minimums)
        self._acted("thresholds_promote", promotion.promote, chosen, wanted)
        assert self._undone("undo_thresholds") == wanted
        self._settle()

    def _find_duplicates(self):
        """Boxes of all classes; they differ only in where they begin from the left."""
        from auto_labeling.review import duplicates

        left, order = self._truth.left, np.argsort(-self._truth.confidence, axis=1)
        left = np.take_along_axis(left, order, axis=1)
        shared = np.clip(0.2 - np.abs(left[:, :, None] - left[:, None]), 0, None)
        same = shared / (0.4 - shared) >= duplicates.IOU
        kept = np.ones(left.shape, dtype=bool)
        for place in range(1, left.shape[1]):
            kept[:, place] = ~(same[:, :place, place] & kept[:, :place]).any(axis=1)
        self._rest()
        began = time.perf_counter()
        found = duplicates.find(self._dataset, self._run, across_classes=True)
        self._seconds["duplicates_find"] = time.perf_counter() - began
        self._note(f"duplicates_find: {self._seconds['duplicates_find']:.3f} s")
        assert found.labels == (~kept).sum()

    def _acted(self, key, verb, *arguments):
        self._rest()
        began = time.perf_counter()
        assert verb(self._dataset, self._run.id, *arguments)
        self._app.send("refresh")
        self._seconds[key] = time.perf_counter() - began
        self._note(f"{key}: {self._seconds[key]:.3f} s")

    def _undone(self, key):
        from auto_labeling.review.undoing import undo_last

        self._rest()
        began = time.perf_counter()
        undone = undo_last(self._dataset, self._run.id)
        self._app.send("refresh")
        self._seconds[key] = time.perf_counter() - began
        self._note(f"{key}: {self._seconds[key]:.3f} s")
        return undone.labels

    # --- the ends -----------------------------------------------------------------------------

    def _audit(self):
        """The longest time to answer for a page of 48 labels and to see the next one."""
        from auto_labeling.review import audit_planning, auditing

        began = time.perf_counter()
        audit = audit_planning.freeze(self._dataset, self._run.id)
        self._note(f"audit frozen: {time.perf_counter() - began:.3f} s")
        assert audit.frozen.size == self._truth.promoted.sum()
        page, seconds = auditing.page(self._dataset, self._run.id, 48), []
        while not audit.is_over:
            began = time.perf_counter()
            audit = auditing.answer(self._dataset, self._run.id, page.ids)
            if not audit.is_over:
                page = auditing.page(self._dataset, self._run.id, 48)
            seconds.append(time.perf_counter() - began)
        assert audit.stop == (audit.plan.first, 0)
        self._seconds["audit_page_s"] = max(seconds)

    def _approve(self):
        self._go_to("approval")
        self._app.send("ask_approve")
        params = self._app.button("yes")["params"]
        self._rest()
        began = time.perf_counter()
        self._app.send("approve", **params)
        self._wait_for("approved", self._run.id)
        self._seconds["approve"] = time.perf_counter() - began
        self._dataset.reload()
        assert not self._dataset.has_field(self._run.staging_field)
        approved = self._dataset.count_values("boxes.detections.label")
        assert approved == self._truth.counts(self._truth.promoted)

    def _import(self):
        from tests.support.app_double import App

        self._dataset = self._million.existing(self._truth, f"bench-{uuid.uuid4().hex[:6]}")
        self._app = App(self._dataset)
        self._app.send("on_load")
        self._app.send("import_labels")
        self._app.state["existing"].update(source="ground_truth", label_field="checked")
        self._rest()
        began = time.perf_counter()
        self._app.send("start_import")
        assert not self._app.state.get("problems"), self._app.state["problems"]
        self._wait_for("in_review")
        self._seconds["import_existing"] = time.perf_counter() - began
        (self._run,) = self._runs()
        self._truth.promoted[:] = False
        self._app.send("open_run", run_id=self._run.id)
        self._settle()
        self._dataset.delete()

    # --- checking -----------------------------------------------------------------------------

    def _compare(self, wanted):
        """The page's table, button and totals say what the naive model does."""
        from auto_labeling.panels.review import class_table

        wanted = wanted & ~self._truth.promoted
        table = {label: cells[0] for label, cells in self._app.table().items()}
        totals = self._truth.counts(~self._truth.promoted)
        current = self._truth.counts(wanted)
        assert len(table) == min(class_table.ROWS, len(totals)), "the first page of the table"
        assert table == {
            label: f"{current.get(label, 0):,} of {totals[label]:,}" for label in table
        }
        confidence = self._truth.confidence[wanted]
        codes = self._truth.code[wanted]
        sums = np.bincount(codes, weights=confidence, minlength=self._million.CLASSES)
        for code, total in enumerate(sums):
            label = self._million.name(code)
            if label in current and label in table:
                said = self._app.table()[label][1]
                assert abs(float(said) - total / current[label]) < 0.00051
        params = self._app.button("promote")["params"]
        assert params["expected"] == wanted.sum() == sum(current.values())

    def _settle(self):
        """Nothing went wrong, and the database holds what the naive model does."""
        said = [n for n in self._app.notices if "added" not in n and "back in" not in n]
        assert not said, said
        root = self._run.label_root
        group = {
            "$group": {"_id": {"l": f"${root}.label", "r": f"${root}.review"}, "n": {"$sum": 1}}
        }
        found = self._dataset._sample_collection.aggregate([{"$unwind": f"${root}"}, group])
        counts = {(g["_id"]["l"], g["_id"]["r"]): g["n"] for g in found}
        for state, which in (
            ("promoted", self._truth.promoted),
            ("unpromoted", ~self._truth.promoted),
        ):
            stored = {label: n for (label, r), n in counts.items() if r == state}
            assert stored == self._truth.counts(which), state

    def _between(self, low, high):
        return (self._truth.confidence >= low) & (self._truth.confidence <= high)

    def _is(self, label):
        return self._truth.code == int(label.removeprefix("class "))

    # --- the clock ----------------------------------------------------------------------------

    def _time(self, method, **params):
        began = time.perf_counter()
        self._app.send(method, **params)
        return time.perf_counter() - began

    def _rest(self):
        """Lets the database put on disk what was written before, so that nothing waits for it."""
        self._dataset._sample_collection.database.client.admin.command("fsync")

    def _timed(self, key, method, **params):
        self._rest()
        self._seconds[key] = self._time(method, **params)
        self._note(f"{key}: {self._seconds[key]:.3f} s")

    def _go_to(self, tab):
        self._app.send("select_tab", tab=tab)

    def _runs(self):
        from auto_labeling.lifecycle import labeling

        return labeling.runs(self._dataset)

    def _wait_for(self, state, run_id=None, seconds=300):
        deadline = time.monotonic() + seconds
        while True:
            runs = [run for run in self._runs() if run_id in (None, run.id)]
            if runs and runs[0].state.value == state:
                return
            assert time.monotonic() < deadline and "failed" not in {r.state.value for r in runs}, (
                runs
            )
            time.sleep(0.01)

    def _note(self, text):
        print(f"  {text}", flush=True)


class _Stranger:
    """The other process."""

    def __init__(self, dataset, run):
        collection = dataset._sample_collection
        command = [sys.executable, "-m", "benchmarks.stranger", os.environ[mongo.URI_VARIABLE]]
        command += [collection.database.name, collection.name, run.staging_field]
        self._process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def change(self, sample_ids, values, tells):
        told = {"sample_ids": sample_ids, "set": values, "tells": tells}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        assert int(self._process.stdout.readline()) > 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait(20)


def _result(small, large, samples):
    unit = large["T"]
    result = {key: round(large[key] / unit, 4) for key in BARS if key not in _RATIOS | _SECONDS}
    pairs = (
        ("undo_reject", "reject_half"),
        ("undo_relabel", "relabel_class"),
        ("undo_thresholds", "thresholds_promote"),
    )
    result["undo_last"] = round(max(large[undo] / large[did] for undo, did in pairs), 2)
    result["promote_vs_tag_labels"] = round(large["tag_labels"] / large["promote_half"], 2)
    growth = {
        key: large[key] / small[key]
        for key in result
        if key in large and large[key] > 0.1 and key in small
    }
    worst = max(growth, key=growth.get)
    result["growth"] = round(growth[worst], 2)
    result["worst_growth"] = worst
    result |= {key: round(small[key], 3) for key in _SECONDS}
    result["labels"] = samples * 10
    result["raw"] = {key: round(value, 4) for key, value in large.items()}
    result["raw_tenth"] = {key: round(value, 4) for key, value in small.items()}
    return result


def _is_met(key, value, bar):
    return value >= bar if key in _AT_LEAST else value <= bar


def _markdown(result):
    lines = ["| action | result | limit |", "|---|---|---|"]
    for key, bar in BARS.items():
        unit = "" if key in _RATIOS else " s" if key in _SECONDS else " T"
        least = "at least " if key in _AT_LEAST else ""
        lines.append(f"| `{key}` | {result[key]:.3g}{unit} | {least}{bar}{unit} |")
    raw = result["raw"]
    head = (
        f"{result['labels']:,} labels in review; T = {raw['T']:.2f} s, the time of a table "
        "by class on the server. `growth` is the largest slowdown for ten times the labels "
        f"(`{result['worst_growth']}`). Written by `make bench-review`.\n"
    )
    return "\n".join([head, *lines])


if __name__ == "__main__":
    # mongod ends with the thread that started it, so this is the main thread.
    assert threading.current_thread() is threading.main_thread()
    sys.exit(main())
