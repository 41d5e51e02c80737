"""A run's page, the closing page, what may happen to them in between; long, so for make soak."""

import contextlib
import os
import re
import signal
import threading

import fiftyone as fo
import pytest
from playwright.sync_api import Error, expect

from auto_labeling.lifecycle import labeling
from auto_labeling.review import approval, promotion
from auto_labeling.review.grid import shown
from auto_labeling.storage import staging

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]


def approved(dataset, run):
    left = staging.count(dataset, run, staging.UNPROMOTED)
    promotion.promote(dataset, run.id, shown(dataset, {}), expected=left)
    return approval.approve(dataset, run.id, by="Vera")


def grid_holds(ui, number):
    said = re.compile(rf"^{number}( of \d+)? samples$")
    expect(ui.page.get_by_text(said).first).to_be_visible()


def test_a_run_is_renamed_and_deleted_and_a_closed_one_says_what_it_left(app, numbered, make):
    done = approved(numbered, make("Done"))
    run = make("Cars")
    ui = app(numbered)
    card = ui.card("Cars")
    card.get_by_role("button", name="Rename").click()
    ui.panel.get_by_label("Run name").fill("Vehicles")
    ui.card("Cars").get_by_role("button", name="Rename").click()
    ui.sees("Vehicles")
    assert labeling.get(numbered, run.id).name == "Vehicles"
    ui.card("Vehicles").get_by_role("button", name="Delete").click()
    ui.sees(f"{run.labels} labels of this run, promoted or not, and the staging field")
    ui.picture("61-home-delete")
    ui.press("Not now")
    ui.does_not_see("will be deleted")

    # Another window deletes it; this one shows that.
    labeling.delete(numbered, run.id)
    ui.card("Vehicles").get_by_role("button", name="Review").click()
    expect(ui.page.get_by_text("it may have been deleted").first).to_be_visible()
    ui.does_not_see("Vehicles")

    ui.card("Done").get_by_role("button", name="View").click()
    ui.sees(f"{done.approved} labels are in done")
    ui.sees(f"auto_labeling_{done.id}")
    ui.sees("COCODetectionDataset")
    ui.press("Show in grid")
    with_labels = len(numbered.exists("done"))
    grid_holds(ui, with_labels)
    ui.picture("62-approved")
    ui.back()
    grid_holds(ui, len(numbered))


def test_failed_samples_are_grouped_and_shown_in_the_grid(app, numbered, make):
    run = make("Cars", fails=(3, 7, 11))
    ui = app(numbered)
    ui.press("Review")
    ui.sees("3 samples failed")
    ui.sees(re.compile("RuntimeError: scripted failure"))
    ui.button("Show in grid").last.click()  # the first is for those without labels
    grid_holds(ui, 3)
    ui.picture("63-failed-samples")
    ui.press("Show all samples again")
    grid_holds(ui, len(numbered) - 3 - 6)  # those with labels: every fifth has none
    ui.button("Show in grid").last.click()  # the first is for those without labels
    grid_holds(ui, 3)
    ui.back()
    grid_holds(ui, len(numbered))

    # Reloading comes back to the page that was open, and leaving it cleans up.
    ui.press("Review")
    ui.grid_filters_by("review")
    ui.page.reload()
    ui.sees(f"Review ({run.labels})")
    ui.grid_filters_by("review")
    ui.back()
    ui.sees("Runs")
    grid_holds(ui, len(numbered))
    staged = ui.page.locator(
        "[data-cy=sidebar-field-checkbox-cars_in_review], [name=cars_in_review]"
    )
    assert not any(box.is_checked() for box in staged.all() if box.get_attribute("type"))


def test_two_windows_on_one_run_stay_truthful(app, numbered, make, chromium, app_url, page):
    run = make("Cars")
    one = app(numbered)
    one.press("Review")
    one.sees(f"Review ({run.labels})")
    two = one.another_window(chromium, f"{app_url}/datasets/{numbered.name}")
    two.sees(f"Review ({run.labels})")

    # Each window has its own selection of labels …
    two.grid_filters_by("review")
    first = next(iter(two.instances()))
    number = int(two.instances()[first].split(" of ")[1])
    two.click_class(first)
    expect(two.promote_button()).to_have_text(f"Add {number} labels for approval")
    expect(one.promote_button()).to_have_text(f"Add {run.labels} labels for approval")
    two.promote_button().click()
    two.sees(f"Approval ({number})")

    # … and hears by itself what was promoted in the other.
    left = run.labels - number
    for ui in (one, two):
        expect(ui.promote_button()).to_have_text(f"Add {left} labels for approval")

    # No window hears what a script does: it promotes nothing then, shows that, and is right
    # from then on.
    one.rest()
    some = shown(numbered, {"selected": numbered.values("id")[:6]})
    behind = promotion.promote(numbered, run.id, some, expected=None)
    assert 0 < behind < left
    one.promote_button().click()
    expect(one.page.get_by_text("The labels have changed").first).to_be_visible()
    expect(one.promote_button()).to_have_text(f"Add {left - behind} labels for approval")

    approved(numbered, run)
    one.promote_button().click()
    one.sees(f"{run.labels} labels are in cars")
    two.tab("Approval")
    two.sees(f"{run.labels} labels are in cars")

    # A run that is stopped in one window is stopped in the other without a click.
    make("Later", generate=False)
    for ui in (one, two):
        ui.back()
        ui.press("View progress")
        ui.sees("Cancel run")
    one.rest()
    one.press("Cancel run")
    one.press("Cancel the run")
    two.sees("Canceled")
    two.press("Delete", exact=True)
    two.sees("This cannot be undone")
    two.press("Delete the run")
    two.does_not_see("Later")
    one.press("Resume")
    one.sees("Run not found")
    two.page.context.close()


def test_the_app_is_restarted_in_the_middle_of_a_review(app, numbered, make, own_server):
    run = make("Cars")
    server = own_server()
    ui = app(numbered, url=server.url)
    ui.press("Review")
    ui.sees(f"Review ({run.labels})")
    ui.grid_filters_by("review")
    server.stop()
    server.start()
    ui.promote_button().click()
    ui.sees(f"Approval ({run.labels})")
    ui.page.reload()  # a server that is new knows of no panels that were open
    ui.open()
    ui.press("Review")
    ui.sees("All labels of this run are in the Approval tab")
    ui.back()
    ui.sees("Runs")


def test_a_database_that_is_away_is_said_within_seconds(app, numbered, make, mongod):
    if mongod.process is None:
        pytest.skip("The database is not ours to stop")
    make("Cars")
    ui = app(numbered)
    ui.sees("Cars")
    away = threading.Timer(12, os.kill, (mongod.process.pid, signal.SIGCONT))
    os.kill(mongod.process.pid, signal.SIGSTOP)
    away.start()
    try:
        ui.press("Review")
        expect(ui.panel.get_by_text("Can't reach the database").first).to_be_visible(timeout=8000)
        ui.picture("64-database-away")
    finally:
        away.join()
    ui.sees("Cars")  # by itself


@pytest.mark.xfail(reason="the App asks for the dataset again, and shows an error of its own")
def test_a_dataset_that_is_deleted_is_said_in_a_sentence(app, numbered, make):
    make("Cars")
    ui = app(numbered)
    fo.delete_dataset(numbered.name)
    with contextlib.suppress(Error):  # unless an event of the App's own has told the panel
        ui.button("Review").click(timeout=5000)
    expect(ui.page.get_by_text("Dataset not found").first).to_be_visible()
