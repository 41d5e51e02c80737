"""The staging field is deleted by hand in the App: the panel shows that, and goes from there."""

import fiftyone as fo
import pytest
from playwright.sync_api import expect

from auto_labeling.core.run import RunState
from auto_labeling.lifecycle import labeling

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


def test_a_run_whose_field_was_deleted_labels_again_or_goes(app, numbered, make, finish):
    run = make("Cars", fails=(3, 7))
    numbered.reload()
    ui = app(numbered)
    ui.sees("2 samples failed")
    theirs = fo.load_dataset(numbered.name)
    theirs.delete_sample_field(run.staging_field)
    ui.card("Cars").get_by_role("button", name="Review").click()
    ui.sees(f"The staging field '{run.staging_field}' was deleted")
    ui.does_not_see("Try again")
    expect(ui.button("Delete", exact=True)).to_be_visible()
    ui.picture("66-field-gone")
    ui.press(f"Label {run.samples} samples again")
    ui.sees("Waiting for a worker")
    assert labeling.get(numbered, run.id).state is RunState.QUEUED
    again = finish(run)
    assert again.state is RunState.IN_REVIEW and again.labels >= run.labels
    ui.back()
    ui.card("Cars").get_by_role("button", name="Review").click()
    ui.sees(f"Review ({again.labels})")

    # Deleted once more, while its page is open: the same page shows that, and the run can go.
    numbered.reload()
    numbered.delete_sample_field(run.staging_field)
    ui.back()
    ui.sees("was deleted")
    ui.press("Details")
    ui.press("Delete", exact=True)
    ui.press("Delete the run")
    ui.sees("Label this dataset with a model")
    assert not numbered._sample_collection.count_documents({run.staging_field: {"$exists": True}})
