"""A week in the life of a dataset: hours pass, workers come and go, people continue their work.

Each step is something that a person, a worker or the clock does, drawn by a seed. After each, the
dataset can be read by another process as it is, and what people own is as they left it. At the end
every run is brought to its end, and the doctor finds nothing.

``WEEK_STEPS`` says how many steps (`make soak` takes hundreds), ``WEEK_SEED`` which.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import fiftyone as fo
import pytest
from bson import ObjectId

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import RunConfig, RunState
from auto_labeling.lifecycle import doctor, importing, labeling
from auto_labeling.review import approval, promotion
from auto_labeling.review.selection import choose
from auto_labeling.review.summary import summarize
from auto_labeling.storage import clock
from tests.support import red_rectangles
from tests.support.paths import CHECKOUT
from tests.support.waiting import wait_until

STEPS = int(os.environ.get("WEEK_STEPS", "30"))
SEED = int(os.environ.get("WEEK_SEED", "20")) or random.randrange(1, 10**6)
SAMPLES = 24
HOUR = 3600

KINDS = {
    "boxes": {"task": "detection", "checkpoint": "tests.support.red_rectangles:detector"},
    "classes": {"task": "classification", "checkpoint": "tests.support.red_rectangles:classifier"},
    "masks": {
        "task": "instance_segmentation",
        "checkpoint": "tests.support.red_rectangles:segmenter",
    },
}
OPEN = (RunState.QUEUED, RunState.GENERATING, RunState.FAILED, RunState.IN_REVIEW)


class Week:
    """A dataset, what people have done to it, and what may happen next."""

    def __init__(self, folder: Path, ahead: Path, chance: random.Random):
        self.folder, self.ahead, self.chance = folder, ahead, chance
        self.dataset = fo.Dataset(f"week-{chance.random()}", persistent=True)
        self.pictures = iter(red_rectangles.write(folder / "images", 10 * SAMPLES))
        self.fields = self.hours = 0
        self.by_hand: dict[str, str] = {}  # label id -> id of the run it was added to
        self.clones: list[str] = []
        self.add_samples(SAMPLES)

    # --- what people own --------------------------------------------------------------------

    def add_samples(self, count=3):
        samples = [fo.Sample(next(self.pictures)) for _ in range(count)]
        for number, sample in enumerate(samples):
            box = fo.Detection(label="mine", bounding_box=[0.1, 0.1, 0.1 + number / 100, 0.2])
            sample["truth"] = fo.Detections(detections=[box])
        self.dataset.add_samples(samples, progress=False)
        self.remember()

    def remember(self):
        self.truth = self.owned()

    def owned(self) -> dict:
        """What the person's own field holds, as the database has it."""
        found = self.dataset._sample_collection.find({}, {"truth": 1})
        return {document["_id"]: document.get("truth") for document in found}

    def edit_truth(self):
        sample = self.theirs().take(1, seed=self.chance.randrange(10**6)).first()
        box = fo.Detection(label="new", bounding_box=[0.5, 0.5, self.chance.random() / 3, 0.1])
        sample["truth"].detections.append(box)
        sample["truth"].detections[0].label = f"edited {self.chance.randrange(100)}"
        sample.save()
        self.remember()

    def delete_sample(self):
        if len(self.truth) > SAMPLES // 2:
            gone = self.chance.choice(sorted(self.truth))
            self.theirs().delete_samples([str(gone)])
            gone_labels = {i for i in self.by_hand if not self.is_anywhere(i)}
            self.by_hand = {i: r for i, r in self.by_hand.items() if i not in gone_labels}
            self.remember()

    # --- runs -------------------------------------------------------------------------------

    def start(self):
        self.fields += 1
        kind = dict(self.chance.choice(list(KINDS.values())))
        if kind["task"] == "instance_segmentation" and self.chance.random() < 0.5:
            kind["mask_location"] = str(self.folder / "masks")
        model = f"custom-python-{kind['task'].replace('_', '-')}"
        config = RunConfig(model=model, label_field=f"found_{self.fields}", **kind)
        labeling.start(self.dataset, config)

    def import_truth(self):
        self.fields += 1
        importing.import_labels(self.dataset, "truth", f"found_{self.fields}")

    def generate(self):
        if run := self.one(RunState.QUEUED):
            labeling.generate(self.dataset, run.id)

    def generate_and_die(self):
        run = self.one(RunState.QUEUED)
        if run is None:
            return
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.support.run_worker", self.dataset.name, run.id],
            cwd=CHECKOUT,
            env={**os.environ, red_rectangles.DELAY: "0.1"},
            stderr=subprocess.DEVNULL,
        )
        query = {run.staging_field: {"$exists": True, "$ne": None}}
        count = self.dataset._sample_collection.count_documents
        wait_until(lambda: worker.poll() is not None or count(query) > 2, "some are labeled")
        worker.kill()
        worker.wait()

    def resume(self):
        if run := self.one(RunState.FAILED):
            self.allow(labeling.resume, self.dataset, run.id)

    def label_again(self):
        run = self.one(RunState.FAILED, RunState.IN_REVIEW)
        if run is not None and not run.source and labeling.missing_field(self.dataset, run):
            self.allow(labeling.resume, self.dataset, run.id, again=True)

    def skip(self):
        if run := self.one(RunState.FAILED):
            self.allow(labeling.skip, self.dataset, run.id)

    def cancel(self):
        if run := self.one(RunState.QUEUED):
            labeling.cancel(self.dataset, run.id, by="Ada")

    def delete(self):
        if run := self.one(*OPEN):
            self.remove(run)

    def remove(self, run):
        labeling.delete(self.dataset, run.id)
        self.by_hand = {i: r for i, r in self.by_hand.items() if r != run.id}

    # --- review -----------------------------------------------------------------------------

    def promote(self):
        if run := self.one(RunState.IN_REVIEW):
            view = self.theirs().take(10, seed=self.chance.randrange(10**6))
            self.allow(
                promotion.promote, self.dataset, run.id, choose(self.dataset, view=view), None
            )

    def undo(self):
        if run := self.one(RunState.IN_REVIEW):
            self.allow(promotion.undo, self.dataset, run.id)

    def approve(self):
        if run := self.one(RunState.IN_REVIEW):
            self.allow(approval.approve, self.dataset, run.id)

    def add_label(self):
        """A person draws a box, or names the class of an image, in a field that is in review."""
        run = self.one(RunState.IN_REVIEW)
        if run is None or not self.theirs().has_field(run.staging_field):
            return
        sample = self.theirs().take(1, seed=self.chance.randrange(10**6)).first()
        if run.many:
            label = fo.Detection(label="by hand", bounding_box=[0.2, 0.2, 0.3, 0.3])
            if sample[run.staging_field] is None:
                sample[run.staging_field] = fo.Detections()
            sample[run.staging_field].detections.append(label)
        elif sample[run.staging_field] is None:
            label = sample[run.staging_field] = fo.Classification(label="by hand")
        else:
            return
        sample.save()
        self.by_hand[label.id] = run.id

    def relabel(self):
        run = self.one(RunState.IN_REVIEW)
        if run is not None and run.many and self.theirs().has_field(run.staging_field):
            for sample in self.theirs().exists(f"{run.staging_field}.detections").limit(1):
                for label in sample[run.staging_field].detections:
                    label.label = "corrected"
                sample.save()

    # --- what else happens ------------------------------------------------------------------

    def hours_pass(self):
        self.hours += self.chance.choice((1, 5, 24))
        self.ahead.write_text(str(self.hours * HOUR))

    def look(self):
        labeling.runs(self.dataset, confirm=False)
        for run in self.runs():
            if run.state is RunState.IN_REVIEW and not labeling.missing_field(self.dataset, run):
                summarize(self.dataset, run, choose(self.dataset))

    def clone(self):
        self.clones.append(self.theirs().clone(persistent=True).name)

    def merge_clone(self):
        if self.clones:
            clone = fo.load_dataset(self.clones.pop())
            self.theirs().merge_samples(clone, fields=["filepath", "truth"], skip_existing=True)
            clone.delete()
            self.remember()

    def delete_field(self):
        run = self.one(RunState.IN_REVIEW, RunState.FAILED, RunState.QUEUED)
        if run is not None and self.theirs().has_field(run.staging_field):
            self.theirs().delete_sample_field(run.staging_field)
            self.by_hand = {i: r for i, r in self.by_hand.items() if r != run.id}

    def rename_field(self):
        run = self.one(RunState.IN_REVIEW)
        if run is not None and self.theirs().has_field(run.staging_field):
            self.theirs().rename_sample_field(run.staging_field, f"kept_{run.id}")

    def rename_approved(self):
        run = self.one(RunState.APPROVED)
        if run is not None and self.theirs().has_field(run.config.label_field):
            name = run.config.label_field
            self.theirs().rename_sample_field(name, f"mine_{name}_{self.chance.randrange(10**6)}")

    def repair(self):
        doctor.examine(self.dataset, repair=True)

    # ----------------------------------------------------------------------------------------

    def theirs(self):
        """The dataset, as another process has it."""
        self.dataset.reload()
        return self.dataset

    def runs(self):
        return labeling.runs(self.dataset)

    def one(self, *states):
        runs = [run for run in self.runs() if run.state in states]
        return self.chance.choice(runs) if runs else None

    def allow(self, function, *args, **kwargs):
        """Does something that may be refused, in a sentence."""
        try:
            function(*args, **kwargs)
        except AutoLabelingError as error:
            assert str(error)

    def is_anywhere(self, label_id) -> bool:
        """Whether any sample holds a label, in any field."""
        wanted = ObjectId(label_id)
        return any(
            label.get("_id") == wanted
            for document in self.dataset._sample_collection.find()
            for value in document.values()
            if isinstance(value, dict)
            for label in (value.get("detections") or [value])
        )

    def check(self):
        fresh = fo.load_dataset(self.dataset.name, reload=True)
        fresh._reload(hard=True)
        for sample in fresh.iter_samples():
            sample.to_dict()
        assert self.owned() == self.truth, "a field of the person's has changed"
        lost = [label for label in self.by_hand if not self.is_anywhere(label)]
        assert not lost, "labels that a person added are gone"

    def end(self):
        """Everything comes to its end."""
        for run in self.runs():
            if run.is_active:
                labeling.cancel(self.dataset, run.id)
        for run in self.runs():
            if run.state not in (RunState.FAILED, RunState.IN_REVIEW):
                continue
            try:
                if run.state is RunState.FAILED:
                    labeling.skip(self.dataset, run.id)
                promotion.promote(self.dataset, run.id, choose(self.dataset), None)
                approval.approve(self.dataset, run.id)
            except AutoLabelingError:  # its field is gone, or it has found nothing
                self.remove(run)
        for name in self.clones:
            fo.delete_dataset(name)
        doctor.examine(self.dataset, repair=True)


@pytest.mark.slow
@pytest.mark.timeout(300 + 5 * STEPS)
def test_a_week_in_the_life_of_a_dataset(tmp_path, monkeypatch):
    ahead = tmp_path / "clock"
    ahead.write_text("0")
    monkeypatch.setenv(clock.FILE, str(ahead))
    monkeypatch.setenv("FIFTYONE_AUTO_LABELING_TRUSTED", "tests.support.red_rectangles")
    print(f"WEEK_SEED={SEED} WEEK_STEPS={STEPS}")
    chance = random.Random(SEED)
    week = Week(tmp_path, ahead, chance)
    often = [week.start, week.generate, week.generate, week.promote, week.approve, week.resume]
    often += [week.hours_pass, week.look, week.add_label, week.edit_truth, week.import_truth]
    rare = [week.generate_and_die, week.label_again, week.skip, week.cancel, week.delete, week.undo]
    rare += [week.relabel, week.clone, week.merge_clone, week.delete_field, week.rename_field]
    rare += [week.rename_approved, week.repair, week.add_samples, week.delete_sample]
    told = []
    try:
        for _ in range(STEPS):
            step = chance.choice(2 * often + rare)
            told.append(step.__name__)
            step()
            week.check()
        week.end()
        week.check()
        assert doctor.examine(week.dataset) == []
        assert not [n for n in week.theirs().get_field_schema() if n.endswith("_in_review")]
    except BaseException:
        print("steps:", " ".join(told))
        raise
    finally:
        week.dataset.delete()
