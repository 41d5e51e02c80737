"""Counting, promoting, undoing and approving, compared with a naive model in Python."""

import threading

import fiftyone as fo
import pytest
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from auto_labeling.core.errors import AutoLabelingError, IllegalTransition, LabelsChanged
from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling
from auto_labeling.review import approval as approval_module
from auto_labeling.review.approval import approve
from auto_labeling.review.grid import merged, read_filters, shown, tab_filters
from auto_labeling.review.promotion import promote, undo
from auto_labeling.review.summary import histogram, spreads, summarize
from auto_labeling.storage import fields, staging, write_stamp
from tests.support.scripted_model import labels_by_number, without_ids


def request_of(run, tab="review", user_filters=None, **kwargs):
    filters = merged(user_filters, run, tab_filters(run.label_root, tab, **kwargs))
    return {"filters": filters, "view": None}


def naive(labels):
    """``{class: (count, mean confidence)}``."""
    groups = {}
    for label, confidence, *_ in labels:
        groups.setdefault(label, []).append(confidence)
    return {label: (len(v), pytest.approx(sum(v) / len(v))) for label, v in groups.items()}


def all_labels(dataset, run, numbers=range(40)):
    staged = labels_by_number(dataset, run.staging_field)
    return [label for n in numbers for label in staged[n] or ()]


def table(summary):
    return {row.label: (row.current, row.confidence) for row in summary.rows if row.current}


def test_the_table_counts_what_the_grid_shows(numbered, run):
    labels = all_labels(numbered, run)
    totals = naive(labels)
    for confidence in (None, (0.3, 0.8), (0, 0.5), (0.5, 1), (0.9999, 1)):
        view = shown(numbered, request_of(run, confidence=confidence))
        summary = summarize(numbered, run, view)
        low, high = confidence or (0, 1)
        kept = [label for label in labels if low <= label[1] <= high]
        assert table(summary) == naive(kept)
        assert {row.label: row.total for row in summary.rows} == {
            k: n for k, (n, _) in totals.items()
        }
        assert (summary.current, summary.total) == (len(kept), len(labels))
        grid = [
            label
            for vs in labels_by_number(view.view, run.staging_field).values()
            for label in vs or ()
        ]
        assert sorted(grid) == sorted(kept), "the grid shows exactly the labels that are counted"


def test_a_class_a_users_filter_a_view_and_a_selection_narrow_the_count(numbered, run):
    number = {"number": {"range": [0, 19], "exclude": False, "isMatching": True}}
    request = request_of(run, user_filters=number, label="bee")
    kept = [label for label in all_labels(numbered, run, range(20)) if label[0] == "bee"]
    assert summarize(numbered, run, shown(numbered, request)).current == len(kept)

    request = request_of(run)
    request["view"] = numbered.match({"number": {"$gte": 30}})._serialize()
    assert summarize(numbered, run, shown(numbered, request)).current == len(
        all_labels(numbered, run, range(30, 40))
    )

    request = {**request_of(run), "selected": numbered.limit(3).values("id")}
    assert summarize(numbered, run, shown(numbered, request)).current == len(
        all_labels(numbered, run, range(3))
    )


def test_selected_labels_win_over_selected_samples(numbered, run):
    ids = [label[3] for label in all_labels(numbered, run)][:2]
    request = {
        **request_of(run),
        "selected": numbered.limit(1).values("id"),
        "selected_labels": [
            {"label_id": i, "sample_id": "", "field": run.staging_field} for i in ids
        ],
    }
    view = shown(numbered, request)
    assert summarize(numbered, run, view).current == 2
    assert promote(numbered, run.id, view, expected=2) == 2
    assert staging.count(numbered, run, staging.PROMOTED) == 2


def test_promote_takes_exactly_what_was_counted(numbered, run):
    view = shown(numbered, request_of(run, confidence=(0.5, 1)))
    summary = summarize(numbered, run, view)
    before = without_ids(labels_by_number(numbered, run.staging_field))
    assert promote(numbered, run.id, view, expected=summary.current) == summary.current

    approvals = shown(numbered, request_of(run, "approval"))
    promoted = summarize(numbered, run, approvals, "approval")
    assert promoted.current == promoted.total == summary.current
    left = summarize(numbered, run, shown(numbered, request_of(run)))
    assert left.total == summary.total - summary.current
    assert without_ids(labels_by_number(numbered, run.staging_field)) == before


def test_promote_refuses_when_the_labels_changed_meanwhile(numbered, run):
    view = shown(numbered, request_of(run))
    with pytest.raises(LabelsChanged):
        promote(numbered, run.id, view, expected=3)
    assert staging.count(numbered, run, staging.PROMOTED) == 0


def test_undo_one_class_and_undo_all(numbered, run):
    labels = all_labels(numbered, run)
    promote(numbered, run.id, shown(numbered, request_of(run)), expected=len(labels))
    for name in {label[0] for label in labels}:
        expected = sum(label[0] == name for label in labels)
        assert undo(numbered, run.id, name) == expected
        assert undo(numbered, run.id, name) == 0
    assert staging.count(numbered, run, staging.UNPROMOTED) == len(labels)
    promote(numbered, run.id, shown(numbered, request_of(run)), expected=len(labels))
    assert undo(numbered, run.id) == len(labels)


def test_approve_keeps_exactly_the_promoted_labels_and_changes_nothing_else(numbered, run, task):
    before = everything_but(numbered, run)
    summary = summarize(numbered, run, shown(numbered, request_of(run, confidence=(0.5, 1))))
    kept = {
        n: [v for v in vs or () if v[1] >= 0.5]
        for n, vs in labels_by_number(numbered, run.staging_field).items()
    }
    promote(
        numbered, run.id, shown(numbered, request_of(run, confidence=(0.5, 1))), summary.current
    )
    approved = approve(numbered, run.id, by="me")

    numbered.reload()
    labels = labels_by_number(numbered, "predictions")
    assert {n: v or [] for n, v in labels.items()} == kept
    assert (approved.state, approved.approved) == (RunState.APPROVED, summary.current)
    assert not numbered.has_field(run.staging_field)
    assert "review" not in str(numbered._sample_collection.find_one({"predictions": {"$ne": None}}))
    assert numbered._sample_collection.count_documents({run.staging_field: {"$exists": True}}) == 0
    assert everything_but(numbered, run) == before
    provenance = numbered.get_run_info(f"auto_labeling_{run.id}").config
    assert provenance.config["model"] == "scripted"
    assert (provenance.approved, provenance.approved_by) == (summary.current, "me")
    assert labeling.get(numbered, run.id).state is RunState.APPROVED
    with pytest.raises(IllegalTransition):
        promote(numbered, run.id, shown(numbered, {}), 0)


def everything_but(dataset, run):
    """All that the dataset holds beside the run's own fields, byte for byte."""
    ours = {run.staging_field, run.config.label_field}
    dataset.reload()
    raw = dataset._sample_collection.with_options(CodecOptions(document_class=RawBSONDocument))
    samples = [
        {k: getattr(v, "raw", v) for k, v in d.items() if k not in ours | {"last_modified_at"}}
        for d in raw.find().sort("_id")
    ]
    schema = {
        k: str(v)
        for k, v in dataset.get_field_schema(flat=True).items()
        if k.split(".")[0] not in ours
    }
    document = {
        k: v
        for k, v in dataset._doc.to_dict().items()
        if k not in ("sample_fields", "last_modified_at", "last_loaded_at", "runs", "version")
    }
    return samples, schema, document


def test_samples_outside_the_run_keep_their_modification_time(numbered, config):
    run = labeling.start(numbered, config, numbered.limit(5).values("id"))
    run = labeling.generate(numbered, run.id)
    others = numbered.skip(5).values("last_modified_at")
    view = shown(numbered, request_of(run))
    promote(numbered, run.id, view, summarize(numbered, run, view).current)
    approve(numbered, run.id)
    assert numbered.skip(5).values("last_modified_at") == others


def test_nothing_promoted_cannot_be_approved(numbered, run):
    with pytest.raises(IllegalTransition, match="nothing to approve"):
        approve(numbered, run.id)
    assert labeling.get(numbered, run.id).state is RunState.IN_REVIEW


def test_a_label_field_taken_by_somebody_else_is_refused_and_nothing_changes(numbered, run):
    view = shown(numbered, request_of(run))
    promote(numbered, run.id, view, summarize(numbered, run, view).current)
    numbered.add_sample_field("predictions", fo.StringField)
    numbered.set_values("predictions", ["mine"] * 40)
    with pytest.raises(IllegalTransition, match="someone else"):
        approve(numbered, run.id)
    assert set(numbered.values("predictions")) == {"mine"}
    assert labeling.get(numbered, run.id).state is RunState.IN_REVIEW


def test_four_simultaneous_approvals_start_exactly_one(numbered, run, monkeypatch):
    view = shown(numbered, request_of(run))
    promote(numbered, run.id, view, summarize(numbered, run, view).current)
    published, publish = [], staging.publish

    def counting(dataset, run, **options):
        published.append(run.token)
        publish(dataset, run, **options)

    monkeypatch.setattr(approval_module.staging, "publish", counting)
    barrier, refused = threading.Barrier(4), []

    def click():
        dataset = fo.load_dataset(numbered.name)
        barrier.wait()
        try:
            approve(dataset, run.id)
        except AutoLabelingError as error:
            refused.append(error)

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(published) == 1
    assert len(refused) == 3
    assert labeling.get(numbered, run.id).state is RunState.APPROVED


@pytest.mark.parametrize(
    "module, step", [(fields, "_declare"), (staging, "remove_field"), (staging, "count_approved")]
)
def test_an_approval_that_dies_is_finished_later_with_the_same_result(
    numbered, run, monkeypatch, module, step
):
    view = shown(numbered, request_of(run, confidence=(0.4, 1)))
    count = summarize(numbered, run, view).current
    promote(numbered, run.id, view, count)

    class Died(BaseException):
        """Not an Exception: like a kill, nothing handles it."""

    def die(*_):
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(module, step, die)
        with pytest.raises(Died):
            approve(numbered, run.id)
    assert labeling.get(numbered, run.id).state is RunState.APPROVING
    monkeypatch.setattr(approval_module.liveness, "is_silent", lambda *_, **__: True)
    assert approve(numbered, run.id).approved == count
    numbered.reload()
    labels = [v for vs in labels_by_number(numbered, "predictions").values() for v in vs or ()]
    assert len(labels) == count
    assert not numbered.has_field(run.staging_field)


def test_filters_of_panel_and_sidebar_are_the_same_thing(numbered, run):
    user = {"number": {"range": [0, 5]}}
    filters = merged(
        user, run, tab_filters(run.label_root, "review", confidence=(0.2, 0.9), label="$egg")
    )
    assert read_filters(filters, run.label_root) == ((0.2, 0.9), "$egg")
    assert merged(filters, run, {}) == user
    assert read_filters(user, run.label_root) == (None, None)


def test_a_lasso_in_the_embeddings_panel_narrows_the_count(numbered, run):
    """The App sends the lasso's samples as an extended stage, beside filters and saved view."""
    inside = numbered.match({"number": {"$lt": 12}}).values("id")
    select = {"fiftyone.core.stages.Select": {"sample_ids": inside, "ordered": False}}
    request = {**request_of(run), "extended": select}
    view = shown(numbered, request)
    kept = all_labels(numbered, run, range(12))
    assert summarize(numbered, run, view).current == len(kept)
    numbered.save_view("evens", numbered.match({"number": {"$mod": [2, 0]}}))
    view = shown(numbered, {**request, "view_name": "evens"})
    kept = all_labels(numbered, run, range(0, 12, 2))
    assert summarize(numbered, run, view).current == len(kept)
    assert promote(numbered, run.id, view, len(kept)) == len(kept)
    assert staging.count(numbered, run, staging.PROMOTED) == len(kept)


def test_a_server_that_does_not_count_writes_is_asked_each_time(numbered, run, monkeypatch):
    request = request_of(run, confidence=(0.3, 0.8))
    known = summarize(numbered, run, shown(numbered, request))
    bars = histogram(spreads(numbered, run, shown(numbered, request)))
    monkeypatch.setattr(write_stamp, "stamp", lambda _: None)
    view = shown(numbered, request)
    asked = summarize(numbered, run, view)
    assert (asked.current, asked.total, asked.totals) == (known.current, known.total, known.totals)
    assert table(asked) == {
        label: (count, pytest.approx(mean)) for label, (count, mean) in table(known).items()
    }
    assert histogram(spreads(numbered, run, view)) == bars
    with pytest.raises(LabelsChanged):
        promote(numbered, run.id, view, known.current + 1)
    assert promote(numbered, run.id, view, known.current) == known.current
    assert staging.count(numbered, run, staging.PROMOTED) == known.current
    assert undo(numbered, run.id) == known.current
