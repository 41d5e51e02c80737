"""Random actions on a run in review, and a naive model in Python that must agree after each.

``ORACLE_ACTIONS`` says how many actions there are in all (500; ``make soak`` does 10,000).
"""

import os
import random
import uuid
from dataclasses import dataclass

import fiftyone as fo
import pytest
from bson import ObjectId
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from auto_labeling.core.account import Decision
from auto_labeling.core.errors import AutoLabelingError, IllegalTransition, LabelsChanged
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import importing, labeling
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import TABS, merged, shown, tab_filters
from auto_labeling.review.grid_stages import is_filterable, only_class, view_with
from auto_labeling.review.promotion import promote, reject, undo
from auto_labeling.review.relabeling import relabel
from auto_labeling.review.selection import choose
from auto_labeling.review.summary import BINS, decision, histogram, spreads, summarize
from auto_labeling.review.undoing import undo_last
from auto_labeling.storage import approval_counts as storage_decision

ACTIONS = int(os.environ.get("ORACLE_ACTIONS", "500"))
ROUND = 12
SAMPLES = 12
CLASSES = ("ant", "bee", "cat.x", "dög 🐕", "$egg", "", "a" * 150, "None")
CONFIDENCES = (None, 0.0, 0.25, 0.5, 0.5, 1.0, 0.1 + 0.2)


@dataclass
class Label:
    """What the naive model knows of a label."""

    id: str
    sample: str
    name: str
    confidence: float | None
    tab: str = "review"  # that it is in
    added: bool = False  # by a person
    model_name: str | None = None  # what the model said, if it was relabeled


class Model:
    """A dataset in review, and a naive model of it.

    Args:
        seed: of everything random in it
        single: whether a sample holds one label rather than a list
    """

    def __init__(self, seed, single):
        self.random = random.Random(seed)
        self.single = single
        self.dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
        samples = [fo.Sample(filepath=f"/{n}.png", number=n) for n in range(SAMPLES)]
        for sample in samples:
            sample["truth"] = self._labels()
        self.dataset.add_samples(samples, progress=False)
        self.run = importing.import_labels(self.dataset, "truth", "checked")
        self.numbers = {str(s.id): s.number for s in samples}
        self.labels = {}
        for sample in self.dataset._sample_collection.find():
            for label in self._stored(sample):
                found = Label(
                    str(label["_id"]), str(sample["_id"]), label["label"], label.get("confidence")
                )
                self.labels[found.id] = found
        self.tab, self.span, self.name = "review", None, None
        self.least = None  # of the samples' numbers, by a filter of the user's
        self.view_most = None  # of the samples' numbers, by a view stage
        self.picked_samples, self.picked_labels = [], []
        self.acts = []  # that are not undone: for each label changed, how it was and has become

    def _stored(self, sample):
        """The staged labels in a sample's document."""
        value = sample.get(self.run.staging_field)
        return [] if value is None else [value] if self.single else value.get("detections", [])

    def _labels(self):
        random = self.random
        if self.single:
            if random.random() < 0.2:
                return None
            return fo.Classification(
                label=random.choice(CLASSES), confidence=random.choice(CONFIDENCES)
            )
        return fo.Detections(
            detections=[
                fo.Detection(
                    label=random.choice(CLASSES),
                    confidence=random.choice([*CONFIDENCES, random.random()]),
                    bounding_box=[0.1, 0.1, 0.2, 0.2],
                )
                for _ in range(random.randrange(5))
            ]
        )

    # --- what the grid shows ------------------------------------------------------------------

    def request(self):
        root = self.run.label_root
        by_filter = self.name if self.name and is_filterable(self.name) else None
        wanted = tab_filters(root, self.tab, confidence=self.span, label=by_filter)
        user = {}
        if self.least is not None:
            user["number"] = {"range": [self.least, 999], "exclude": False, "isMatching": True}
        stages = None
        if self.view_most is not None:
            stages = self.dataset.match({"number": {"$lte": self.view_most}})._serialize()
        if self.name is not None and by_filter is None:
            which = [only_class(self.name)]
            stages = view_with(self.dataset, {"view": stages}, self.run, which)._serialize()
        return {
            "filters": merged(user, self.run, wanted),
            "view": stages,
            "selected": list(self.picked_samples),
            "selected_labels": [
                {"label_id": i, "sample_id": self.labels[i].sample, "field": self.run.staging_field}
                for i in self.picked_labels
                if i in self.labels
            ],
        }

    def expected(self, with_span=True):
        """The labels that are current, by a loop over all."""
        picked = [i for i in self.picked_labels if i in self.labels]
        return [
            label
            for label in self.labels.values()
            if label.tab == self.tab
            and (not with_span or self._in_span(label.confidence))
            and (self.name is None or label.name == self.name)
            and (self.least is None or self.numbers[label.sample] >= self.least)
            and (self.view_most is None or self.numbers[label.sample] <= self.view_most)
            and (not picked or label.id in picked)
            and (picked or not self.picked_samples or label.sample in self.picked_samples)
        ]

    def _in_span(self, confidence):
        if self.span is None:
            return True
        return confidence is not None and self.span[0] <= confidence <= self.span[1]

    # --- actions ------------------------------------------------------------------------------

    def filter(self):
        self.picked_labels, self.picked_samples = [], []
        self.tab = self.random.choice(tuple(TABS))
        ends = sorted(self.random.choice([0.0, 0.25, 0.3, 0.5, 0.77, 1.0]) for _ in range(2))
        self.span = self.random.choice([None, tuple(ends)])
        self.name = self.random.choice([None, *CLASSES])
        self.least = self.random.choice([None, None, self.random.randrange(SAMPLES)])
        self.view_most = self.random.choice([None, None, self.random.randrange(SAMPLES)])

    def widen(self):
        self.span = self.name = self.least = self.view_most = None
        self.picked_labels, self.picked_samples, self.tab = [], [], "review"

    def select_samples(self):
        self.picked_samples = self._some(list(self.numbers))
        self.picked_labels = []

    def select_labels(self):
        self.picked_labels = self._some([label.id for label in self.expected()])

    def promote(self):
        self.tab = "review"
        chosen = self.expected()
        view = shown(self.dataset, self.request())
        with pytest.raises(LabelsChanged):
            promote(self.dataset, self.run.id, view, len(chosen) + 1)
        assert promote(self.dataset, self.run.id, view, len(chosen)) == len(chosen)
        self._did([(label, {"tab": "approval"}) for label in chosen])
        self.picked_labels = []

    def promote_above(self):
        """All labels above the threshold of their class, of all samples or of some."""
        names = self.random.sample(CLASSES, 4)
        minimums = {name: self.random.choice([0.0, 0.25, 0.3, 0.5, 1.0]) for name in names}
        some = self.random.choice([None, self._some(list(self.numbers))])
        found = [
            v
            for v in self.labels.values()
            if v.tab == "review"
            and v.confidence is not None
            and v.confidence >= minimums.get(v.name, 2)
            and (some is None or v.sample in some)
        ]
        which = choose(self.dataset, minimums=minimums, sample_ids=some)
        assert promote(self.dataset, self.run.id, which, len(found)) == len(found)
        self._did([(label, {"tab": "approval"}) for label in found])

    def reject(self):
        self.tab = "review"
        chosen = self.expected()
        view = shown(self.dataset, self.request())
        with pytest.raises(LabelsChanged):
            reject(self.dataset, self.run.id, view, len(chosen) + 1)
        assert reject(self.dataset, self.run.id, view, len(chosen)) == len(chosen)
        self._did([(label, {"tab": "rejected"}) for label in chosen])
        self.picked_labels = []

    def undo_chosen(self):
        """Labels as they are shown in Approval, or among the rejected ones."""
        self.tab = self.random.choice(["approval", "rejected"])
        chosen = self.expected()
        view = shown(self.dataset, self.request())
        assert undo(self.dataset, self.run.id, chosen=view, tab=self.tab) == len(chosen)
        self._did([(label, {"tab": "review"}) for label in chosen])

    def relabel(self):
        """The current labels of some classes, of one tab or all."""
        old = self.random.sample(CLASSES, 3)
        names = {name: self.random.choice([*CLASSES, "new"]) for name in old}
        names = {name: new or "new" for name, new in names.items()}
        chosen = [v for v in self.expected() if names.get(v.name, v.name) != v.name]
        view = shown(self.dataset, self.request())
        number = relabel(self.dataset, self.run.id, view, names, self.tab, len(chosen))
        assert number == len(chosen)
        changes = []
        for label in chosen:
            fresh = label.model_name is None and not label.added
            model = label.name if fresh else label.model_name
            changes.append((label, {"name": names[label.name], "model_name": model}))
        self._did(changes)
        self.picked_labels = []

    def _did(self, changes):
        """Notes an action: which labels changed, and to what."""
        noted = []
        for label, values in changes:
            was = {name: getattr(label, name) for name in values}
            noted.append((label.id, was, values))
            for name, value in values.items():
                setattr(label, name, value)
        if noted:
            self.acts.append(noted)

    def undo_last(self):
        if not self.acts:
            with pytest.raises(IllegalTransition, match="left to undo"):
                undo_last(self.dataset, self.run.id)
            return
        restored = edited = deleted = 0
        acted = self.acts.pop()
        for label_id, was, values in acted:
            label = self.labels.get(label_id)
            if label is None:
                deleted += 1
            elif all(getattr(label, name) == value for name, value in values.items()):
                restored += 1
                for name, value in was.items():
                    setattr(label, name, value)
            else:
                edited += 1
        undone = undo_last(self.dataset, self.run.id)
        assert (undone.labels, undone.edited, undone.deleted) == (restored, edited, deleted)

    def undo_class(self):
        name, tab = self.random.choice(CLASSES), self.random.choice(["approval", "rejected"])
        chosen = [v for v in self.labels.values() if v.tab == tab and v.name == name]
        assert undo(self.dataset, self.run.id, name, tab=tab) == len(chosen)
        self._did([(label, {"tab": "review"}) for label in chosen])

    def undo_all(self):
        tab = self.random.choice(["approval", "rejected"])
        chosen = [v for v in self.labels.values() if v.tab == tab]
        assert undo(self.dataset, self.run.id, tab=tab) == len(chosen)
        self._did([(label, {"tab": "review"}) for label in chosen])

    def edit(self):
        """A person gives a label another class and confidence, telling the time or not."""
        if not self.labels:
            return
        label = self.random.choice(list(self.labels.values()))
        label.name = self.random.choice(CLASSES)
        label.confidence = self.random.choice(CONFIDENCES)
        root = self.run.staging_field if self.single else f"{self.run.label_root}.$[label]"
        update = {"$set": {f"{root}.label": label.name, f"{root}.confidence": label.confidence}}
        if self.random.random() < 0.6:
            update["$currentDate"] = {"last_modified_at": True}
        self.dataset._sample_collection.update_one(
            {"_id": ObjectId(label.sample)},
            update,
            array_filters=None if self.single else [{"label._id": ObjectId(label.id)}],
        )

    def delete_label(self):
        """As in the App's annotate mode: through the SDK, sample by sample."""
        if not self.labels or self.single:
            return
        label = self.labels.pop(self.random.choice(list(self.labels)))
        sample = self.dataset[label.sample]
        detections = sample[self.run.staging_field].detections
        detections[:] = [d for d in detections if d.id != label.id]
        sample.save()

    def add_label(self):
        """A person adds a label through the SDK, or sets one where there was none."""
        sample = self.dataset[self.random.choice(list(self.numbers))]
        field = self.run.staging_field
        theirs = self.random.choice([{}, {}, {"source": "annotator"}, {"review": "draft"}])
        if self.single:
            self._forget_labels_of(sample)
            sample[field] = fo.Classification(label=self.random.choice(CLASSES), **theirs)
            label = sample[field]
        else:
            label = fo.Detection(
                label=self.random.choice(CLASSES), bounding_box=[0.5, 0.5, 0.1, 0.1], **theirs
            )
            if sample[field] is None or self.random.random() < 0.2:
                self._forget_labels_of(sample)
                sample[field] = fo.Detections(detections=[label])
            else:
                sample[field].detections.append(label)
        sample.save()
        self.labels[label.id] = Label(label.id, sample.id, label.label, None, added=True)

    def _forget_labels_of(self, sample):
        self.labels = {i: v for i, v in self.labels.items() if v.sample != sample.id}

    def move_label(self):
        """A person draws a box elsewhere, or gives it another class, through the SDK."""
        if not self.labels:
            return
        label = self.random.choice(list(self.labels.values()))
        sample = self.dataset[label.sample]
        stored = sample[self.run.staging_field]
        if not self.single:
            stored = next(d for d in stored.detections if d.id == label.id)
            stored.bounding_box = [0.3, 0.3, 0.3, 0.3]
        stored.label = label.name = self.random.choice(CLASSES)
        sample.save()

    def delete_sample(self):
        if len(self.numbers) < 3:
            return
        gone = self.random.choice(list(self.numbers))
        del self.numbers[gone]
        self.labels = {i: v for i, v in self.labels.items() if v.sample != gone}
        self.picked_samples = [i for i in self.picked_samples if i != gone]
        self.dataset.delete_samples([gone])

    def _some(self, things):
        return self.random.sample(things, min(len(things), self.random.randrange(1, 4)))

    # --- agreement ----------------------------------------------------------------------------

    def check(self):
        view = shown(self.dataset, self.request())
        numbers = summarize(self.dataset, self.run, view, self.tab)
        current = self.expected()
        assert (numbers.current, numbers.total) == (len(current), self._in(self.tab))
        assert numbers.totals == {tab: self._in(tab) for tab in TABS}
        assert {row.label: row.current for row in numbers.rows if row.current} == _count(current)
        for row in numbers.rows:
            by_tab = [
                sum(v.name == row.label and v.tab == tab for v in self.labels.values())
                for tab in TABS
            ]
            assert [row.not_looked_at, row.promoted, row.rejected] == by_tab
        known = [v.confidence for v in current if v.confidence is not None]
        mean = sum(known) / len(known) if known else None
        assert numbers.confidence == (None if mean is None else pytest.approx(mean))
        assert numbers.without_confidence == len(current) - len(known)
        assert numbers.without_labels == self._empty()
        self._check_decision()
        spread = spreads(self.dataset, self.run, view, self.tab)
        bars = histogram(spread)
        counted = [v for v in self.expected(with_span=False) if v.confidence is not None]
        assert sum(bars) == len(counted)
        for label in counted:
            assert bars[min(BINS - 1, int(label.confidence * BINS + 1e-9))] > 0
        assert {name: sum(row) for name, row in spread.items()} == _count(counted)
        self._check_grid(view, current)
        self._check_stored()

    def _check_decision(self):
        """What an approval would do, as it is known in memory and as the database counts it."""
        kept = self._kept()
        full = {label.sample for label in self.labels.values()}
        wanted = Decision(
            promoted=self._in("approval"),
            added=len(kept) - self._in("approval"),
            left=len(self.labels) - len(kept),
            rejected=self._in("rejected"),
            empty=self._empty(),
            bare=len(full - {self.labels[i].sample for i in kept}),
        )
        assert decision(self.dataset, self.run) == wanted
        assert storage_decision.count(self.dataset, self.run) == wanted

    def _kept(self):
        return {
            i
            for i, label in self.labels.items()
            if label.tab == "approval" or (label.added and label.tab == "review")
        }

    def _check_grid(self, view, current):
        """What the grid shows, narrowed to what is selected, is what is counted."""
        path = self.run.label_root + ".id"
        ids = {i for i in view.view.values(path, unwind=not self.single) if i is not None}
        picked = set(self.picked_labels) & set(self.labels)
        if picked:
            ids &= picked
        elif self.picked_samples:
            ids = {i for i in ids if self.labels[i].sample in self.picked_samples}
        assert ids == {label.id for label in current}

    def _check_stored(self):
        found = {}
        for document in self.dataset._sample_collection.find():
            for label in self._stored(document):
                added = "person" in (label.get("source"), label.get("review_source"))
                known = (label["label"], label.get("model_label"))
                found[str(label["_id"])] = (label["review"], added, *known)
        wanted = {
            i: (TABS[label.tab], label.added, label.name, label.model_name)
            for i, label in self.labels.items()
        }
        assert found == wanted

    def _empty(self):
        """Of samples with lists of labels, those whose list is empty."""
        full = {label.sample for label in self.labels.values()}
        return 0 if self.single else len(self.numbers.keys() - full)

    def _in(self, tab):
        return sum(label.tab == tab for label in self.labels.values())

    def approve(self):
        kept = self._kept()
        if self._in("review") and not kept:
            with pytest.raises(IllegalTransition, match="nothing to approve"):
                approve(self.dataset, self.run.id)
            return
        assert approve(self.dataset, self.run.id).approved == len(kept)
        self.dataset.reload()
        root = "checked" if self.single else "checked.detections"
        assert set(self.dataset.values(f"{root}.id", unwind=not self.single)) - {None} == kept
        if not self.single:
            full = {label.sample for label in self.labels.values()}
            empty = {d.id for d in self.dataset if d["checked"] and not d["checked"].detections}
            assert empty == self.numbers.keys() - full, "where nothing was found"
        assert not self.dataset.has_field(self.run.staging_field)
        with pytest.raises(AutoLabelingError):
            promote(self.dataset, self.run.id, shown(self.dataset, {}), 0)
        assert labeling.get(self.dataset, self.run.id).state is RunState.APPROVED


NAMES = [
    *("filter", "filter", "widen", "select_samples", "select_labels", "promote", "promote"),
    *("reject", "reject", "undo_chosen", "relabel", "relabel", "undo_last", "undo_last"),
    "promote_above",
    *("undo_class", "undo_all", "edit", "delete_label", "delete_sample"),
    *("add_label", "add_label", "move_label"),
]


def _count(labels):
    counts = {}
    for label in labels:
        counts[label.name] = counts.get(label.name, 0) + 1
    return counts


@pytest.mark.timeout(0 if ACTIONS > 500 else 300)
@pytest.mark.slow
@settings(
    max_examples=-(-ACTIONS // ROUND),
    derandomize=ACTIONS <= 500,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(
    seed=st.integers(0, 2**32),
    single=st.booleans(),
    actions=st.lists(st.sampled_from(NAMES), min_size=ROUND, max_size=ROUND),
)
def test_panel_grid_and_database_agree_with_a_naive_model(seed, single, actions):
    model = Model(seed, single)
    try:
        model.check()
        for action in actions:
            getattr(model, action)()
            model.check()
        model.approve()
    finally:
        model.dataset.delete()
