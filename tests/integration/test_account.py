"""Every run keeps an account that adds up, for any answer of the model and any death in between."""

import json
import random
import uuid
from collections import Counter

import fiftyone as fo
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.core.account import Account, LeftOut
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.run import Run, RunConfig, RunState, StopReason
from auto_labeling.engine import generation, prediction, writing
from auto_labeling.lifecycle import labeling, remarks
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import Shown
from auto_labeling.review.promotion import promote
from auto_labeling.storage import staging
from auto_labeling.storage.chunks import ChunkStore
from auto_labeling.storage.runs import RunStore
from tests.support import faulty_model, scripted_model
from tests.support.app_double import page_of, send
from tests.support.dying_process import Died, Doom

SAMPLES = 24  # two chunks
TASKS = ("detection", "classification", "instance_segmentation")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return scripted_model.write_images(tmp_path_factory.mktemp("numbered"), SAMPLES)


@pytest.fixture
def small_steps(monkeypatch):
    """Many writes, so that there is much in between which something may die."""
    monkeypatch.setattr(writing, "_EVERY_SECONDS", 0.0)
    monkeypatch.setattr(prediction, "BATCH_SIZE", 3)
    monkeypatch.setattr(RunStore, "beat", lambda *_: None)


class Model:
    """A run of the misbehaving model, and what must be true of it."""

    def __init__(self, pictures, seed, task, **more):
        self.script = faulty_model.Script(seed, task)
        self.uninstall = faulty_model.install(self.script)
        self.random = random.Random(seed)
        self.dataset = fo.Dataset(f"test-{uuid.uuid4().hex[:12]}", persistent=True)
        samples = [fo.Sample(path, number=n) for n, path in enumerate(pictures)]
        self.dataset.add_samples(samples, progress=False)
        self.numbers = {sample.id: sample.number for sample in samples}
        self.deleted = set()
        config = RunConfig(**faulty_model.settings(task, **more))
        self.run = labeling.start(self.dataset, config, queue=False)

    def generate(self):
        try:
            self.run = labeling.generate(self.dataset, self.run.id)
        except AutoLabelingError as error:
            assert "failed on each" in str(error)
            self.run = labeling.skip(self.dataset, self.run.id)

    def die_and_resume(self):
        """The worker dies after any write; the run is resumed."""
        with pytest.MonkeyPatch.context() as patch:
            Doom(patch, self.random.randrange(1, 40))
            try:
                self.run = labeling.generate(self.dataset, self.run.id)
                return
            except (Died, AutoLabelingError):
                pass
        store = RunStore(self.dataset)
        if store.get(self.run.id).state in (RunState.QUEUED, RunState.GENERATING):
            store.move(
                self.run.id, RunState.FAILED, reason=StopReason.WORKER_LOST, new_token="dead"
            )
        if store.get(self.run.id).state is RunState.FAILED:
            self.check()
            self.run = labeling.resume(self.dataset, self.run.id, queue=False)

    def late_writer(self):
        """A worker that was overtaken writes what it had: nothing of it arrives."""
        if self.run.state is not RunState.IN_REVIEW:
            return
        late = [(sample_id, None) for sample_id in self.numbers if sample_id not in self.deleted]
        assert staging.write(self.dataset, self.run, late) in range(self.run.failed + 1)

    def retry(self):
        self.script.fails = self.random.random() < 0.5
        if self.run.state is RunState.IN_REVIEW and self.run.failed:
            self.run = labeling.resume(self.dataset, self.run.id, queue=False)
            self.die_and_resume()
            if self.run.state is not RunState.IN_REVIEW:
                self.generate()

    def delete_samples(self):
        some = self.random.sample(sorted(self.numbers.keys() - self.deleted), 2)
        self.deleted.update(some)
        self.dataset.delete_samples(some)

    def check(self):
        account = labeling.account(self.dataset, labeling.get(self.dataset, self.run.id))
        parts = ("labeled", "nothing_found", "failed", "not_processed", "deleted")
        assert account.samples == SAMPLES == sum(getattr(account, part) for part in parts)
        assert account.given == account.staged + sum(account.left_out.values())
        assert account.deleted == len(self.deleted)
        return account

    def check_all(self):
        """The account of a run whose samples have all been tried, against the script."""
        account = self.check()
        failed, labeled, staged, left_out = set(), 0, 0, Counter()
        retried = {f["sample_id"] for f in labeling.failures(self.dataset, self.run)}
        for sample_id, number in self.numbers.items():
            expected = None if sample_id in retried else self.script.expected(number)
            if expected is None:
                failed.add(sample_id)
                continue
            labels, reasons = expected
            labeled += bool(labels) and sample_id not in self.deleted
            staged += len(labels)
            left_out.update(reasons)
        assert (account.failed, account.labeled) == (len(failed - self.deleted), labeled)
        assert account.not_processed == 0
        assert account.staged == staged
        assert {reason.value: n for reason, n in account.left_out.items()} == dict(left_out)
        assert "elk" in account.not_found

    def close(self):
        self.uninstall()
        if not self.dataset.deleted:
            self.dataset.delete()


def play(pictures, seed, task, kills):
    model = Model(pictures, seed, task)
    try:
        for _ in range(kills):
            if model.run.state is not RunState.IN_REVIEW:
                model.die_and_resume()
        if model.run.state is not RunState.IN_REVIEW:
            model.generate()
        model.check_all()
        model.retry()
        model.check_all()
        assert model.run.account == labeling.account(model.dataset, model.run)
        model.late_writer()
        model.delete_samples()
        model.check_all()
    finally:
        model.close()


RANDOM = {
    "seed": st.integers(0, 2**20),
    "task": st.sampled_from(TASKS),
    "kills": st.integers(0, 3),
}
QUIET = {
    "deadline": None,
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
    "database": None,
}


@settings(max_examples=6, derandomize=True, **QUIET)
@given(**RANDOM)
def test_the_account_adds_up_whatever_the_model_gives_and_whoever_dies(
    pictures, small_steps, seed, task, kills
):
    play(pictures, seed, task, kills)


@pytest.mark.soak
@pytest.mark.timeout(0)
@settings(max_examples=200, **QUIET)
@given(**RANDOM)
def test_the_account_adds_up_again_and_again(pictures, small_steps, seed, task, kills):
    play(pictures, seed, task, kills)


@pytest.fixture
def made(pictures):
    """Makes runs of the misbehaving model, in review."""
    models = []

    def make(task="detection", **settings):
        models.append(Model(pictures, 7, task, **settings))
        models[-1].generate()
        return models[-1]

    yield make
    for model in models:
        model.close()


def said_everywhere(model, capsys, sentence):
    """The sentence is on the card, the run's page, the review, the command line and the SDK."""
    dataset, run = model.dataset, model.run
    _, state = send(dataset, "on_load")
    for page in (send(dataset, "on_load", state), send(dataset, "open_run", state, run_id=run.id)):
        assert sentence in page_of(page[0]).replace("\\", "")
    assert any(sentence in remark for remark in al.get(dataset, run.id).remarks)
    assert cli.main(["show", dataset.name, run.id]) == 0
    assert sentence in capsys.readouterr().err
    assert cli.main(["show", dataset.name, run.id, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert sentence in facts["remarks"][0]
    return facts["account"]


def test_no_labels_at_all_is_said_with_what_may_be_the_reason(made, capsys):
    model = made(classes=("elk", "gnu"), prompts={})
    assert (model.run.state, model.run.labels) == (RunState.IN_REVIEW, 0)
    given = model.run.account.given
    account = said_everywhere(
        model, capsys, f"All {given:,} labels that the model returned were left"
    )
    assert account["left_out"]["other_class"] > 10
    assert account["given"] == given == sum(account["left_out"].values())
    assert "may use other names" in al.get(model.dataset, model.run.id).remarks[0]


def test_a_class_that_was_asked_for_and_never_found_is_named(made, capsys):
    model = made()
    sentence = "There are no labels of 'elk', a class that you requested."
    account = said_everywhere(model, capsys, sentence)
    assert account["not_found"] == ["elk"]
    _, state = send(model.dataset, "on_load")
    told, _ = send(model.dataset, "open_run", state, run_id=model.run.id)
    assert f"The model produced {account['given']:,} labels" in page_of(told)
    capsys.readouterr()
    assert cli.main(["show", model.dataset.name, model.run.id]) == 0
    shown = capsys.readouterr().out
    assert remarks.samples_in_words(model.run.account) in shown
    assert remarks.labels_in_words(model.run.account) in shown


def test_a_run_that_says_all_is_well_remarks_on_nothing(made):
    model = made(classes=("ant", "bee"))
    assert model.run.labels and remarks.remarks(model.run) == []


def test_nothing_found_anywhere_names_the_threshold():
    config = RunConfig(task="detection", model="m", label_field="f", confidence=0.9)
    account = Account(samples=3, nothing_found=3)
    run = Run(id="r", config=config, created_at="", state=RunState.IN_REVIEW, account=account)
    (remark,) = remarks.remarks(run)
    assert remark.startswith("The model found nothing in any of the 3 samples.")
    assert "the minimum confidence of 0.9 is too high" in remark
    assert "does not suit these images" in remark


@pytest.mark.parametrize("empty", [None, fo.Detections()])
def test_a_field_without_boxes_is_named_where_masks_were_to_be_made(dataset, empty, capsys):
    dataset.add_sample_field("boxes", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
    dataset.set_values("boxes", [empty] * len(dataset))
    run = al.start(
        dataset,
        task="instance_segmentation",
        method="existing_detections",
        model="shapes-sam",
        source_field="boxes",
        label_field="masks",
        queue=False,
    )
    run = al.generate(run)
    assert run.record.state is RunState.IN_REVIEW and not run.record.labels
    (remark,) = run.remarks
    assert remark.startswith("The field 'boxes' has no box in any of the 5 samples.")
    _, state = send(dataset, "on_load")
    for told in (
        send(dataset, "on_load", state)[0],
        send(dataset, "open_run", state, run_id=run.id)[0],
    ):
        assert "has no box in any of the 5 samples" in page_of(told)
    assert cli.main(["show", dataset.name, run.id]) == 0
    assert remark in capsys.readouterr().err


def test_a_run_that_is_skipped_before_any_label_says_what_became_of_its_samples(pictures):
    model = Model(pictures, 7, "detection", confidence=0.9999)
    try:
        model.script.given = lambda number: None
        model.generate()
        (remark,) = al.get(model.dataset, model.run.id).remarks
        failed = model.run.account.failed
        assert remark.startswith(f"No sample was labeled: {failed} samples failed")
        assert remark.endswith("Resume the run to try them again.")
    finally:
        model.close()


def test_a_minimum_confidence_is_shown_as_it_was_given(made, capsys):
    model = made(confidence=0.9999)
    assert cli.main(["show", model.dataset.name, model.run.id]) == 0
    assert "minimum confidence  0.9999" in capsys.readouterr().out


@pytest.mark.parametrize("task", TASKS)
def test_samples_that_a_stopped_run_has_not_looked_at_are_not_processed(pictures, task):
    model = Model(pictures, 3, task)
    try:
        cancel = lambda share, _: share and labeling.cancel(model.dataset, model.run.id)  # noqa: E731
        with pytest.MonkeyPatch.context() as patch, pytest.raises(AutoLabelingError):
            patch.setattr(writing, "_EVERY_SECONDS", 0.0)
            patch.setattr(prediction, "BATCH_SIZE", 4)
            patch.setattr(generation, "_REPORT_EVERY_SECONDS", 0.0)
            labeling.generate(model.dataset, model.run.id, cancel)
        stopped = model.check()
        assert 0 < stopped.not_processed < SAMPLES
        model.run = labeling.skip(model.dataset, model.run.id)
        skipped = model.check()
        assert (skipped.failed, skipped.labeled) == (stopped.failed, stopped.labeled)
        assert skipped == model.run.account == stopped
        model.run = labeling.resume(model.dataset, model.run.id, queue=False)
        model.generate()
        model.check_all()
    finally:
        model.close()


def test_an_approved_run_keeps_its_account(made):
    model = made()
    account = model.run.account
    view = Shown(model.dataset.view())
    promote(model.dataset, model.run.id, view, staging.count(model.dataset, model.run))
    run = approve(model.dataset, model.run.id)
    assert run.account == account == labeling.account(model.dataset, run)
    told, _ = send(model.dataset, "open_run", send(model.dataset, "on_load")[1], run_id=run.id)
    assert remarks.labels_in_words(account) in page_of(told)


def test_a_run_of_an_older_version_shows_what_is_known(made):
    """Its chunks hold no counts, and its record no account."""
    model = made(max_labels=1)
    chunks = ChunkStore(model.dataset)
    for document in chunks._documents.find(chunks._where(f"{model.run.id}:", ":work")):
        value = {k: v for k, v in document["value"].items() if k != "account"}
        chunks._documents.update_one({"_id": document["_id"]}, {"$set": {"value": value}})
    before = model.run.account
    model.run = RunStore(model.dataset).amend(model.run.id, account=None)
    account = model.check()
    assert (account.labeled, account.staged) == (before.labeled, before.staged)
    assert account.left_out == {LeftOut.OVER_LIMIT: model.run.dropped}
    if model.run.failed:
        model.script.fails = False
        model.run = labeling.resume(model.dataset, model.run.id, queue=False)
        model.generate()
        assert model.check().staged == model.run.labels


def test_an_import_has_an_account_of_its_samples(made):
    model = made()
    promote(
        model.dataset,
        model.run.id,
        Shown(model.dataset.view()),
        staging.count(model.dataset, model.run),
    )
    approve(model.dataset, model.run.id)
    run = al.import_labels(model.dataset, "found", "again")
    account = run.account
    assert account.staged == run.generated and run.remarks == []
    assert account.samples == account.labeled + account.nothing_found
