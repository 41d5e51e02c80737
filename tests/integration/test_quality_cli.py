"""The command line from the plan of an audit to a certificate that verifies."""

import json

import pytest

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.review import audit_labels
from tests.support.audited_runs import make, reset


@pytest.fixture(scope="module")
def shared():
    dataset, run = make(200)
    yield dataset, run
    dataset.delete()


@pytest.fixture
def auto_labeling(capsys, shared):
    """Runs a command of a dataset's only run; returns its status and what it printed."""
    dataset, run = shared
    reset(dataset, run)

    def command(verb, *arguments):
        status = cli.main([verb, dataset.name, "latest", *map(str, arguments)])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    command.run = al.get(dataset, run.id)
    return command


def test_from_the_plan_to_a_certificate(auto_labeling, tmp_path):
    run = auto_labeling.run
    status, printed = auto_labeling("quality", "plan", "--target", 95)
    plan = al.quality.plan(run).plan
    assert status == verbs.OK and f"look at {plan.first} if none is wrong" in printed
    assert auto_labeling("quality")[1].startswith("There is no audit yet")
    assert "200 labels are frozen" in auto_labeling("quality", "freeze", "--by", "Ann")[1]
    page, wrong = tmp_path / "page.txt", ""
    while True:
        ids = auto_labeling("quality", "next", "--size", 48)[1].split()
        page.write_text("\n".join(ids))
        unsure = ["--unsure", ids[0]] if not wrong else []
        wrong = wrong or ids[0]
        status, printed = auto_labeling("quality", "answer", "--labels", f"@{page}", *unsure)
        assert status == verbs.OK
        if "would pass" not in printed:
            break
    assert "At least 95% of these 200 labels are right (risk 5%; 1 wrong of" in printed
    assert wrong not in audit_labels.promoted_ids(run.dataset, run.record, None)
    for name in ("certificate.html", "certificate.json"):
        path = tmp_path / name
        assert "At least 95%" in auto_labeling("certificate", "-o", path)[1]
        status, printed = auto_labeling("certificate", "--verify", path)
        assert status == verbs.OK and "covers 199 labels, all unchanged" in printed
        path.write_text(path.read_text().replace("At least 95%", "At least 99%"))
        status, printed = auto_labeling("certificate", "--verify", path)
        assert status == verbs.PROBLEMS and "was changed" in printed
    assert json.loads(auto_labeling("quality", "--json")[1])["audits"][0]["state"] == "passed"


def test_a_failed_audit_says_so_and_gives_no_certificate(auto_labeling, tmp_path):
    auto_labeling("quality", "freeze")
    ids = auto_labeling("quality", "next")[1].split()
    status, printed = auto_labeling("quality", "answer", "--labels", *ids, "--wrong", *ids)
    assert status == verbs.OK and "Not certified: 10 wrong of 10 looked at" in printed
    path = tmp_path / "certificate.json"
    status, printed = auto_labeling("certificate", "-o", path)
    assert status == verbs.REFUSED and "No audit of this run has passed" in printed
    assert not path.exists()
    assert auto_labeling("quality", "freeze", "--attempts", 2)[0] == verbs.REFUSED


def test_undo_abandon_and_the_pilot(auto_labeling):
    ids = auto_labeling("quality", "pilot", "--count", 9)[1].split()
    assert len(ids) == 9
    printed = auto_labeling("quality", "pilot", "--right", *ids[:5], "--wrong", *ids[5:])[1]
    assert printed.startswith("Pilot: 5 right of 9 looked at, of 9 labels")
    assert "191 labels are frozen" in auto_labeling("quality", "freeze")[1]
    page = auto_labeling("quality", "next", "--size", 10)[1].split()
    assert not set(page) & set(ids)
    shuffled = auto_labeling("quality", "answer", "--labels", *sorted(page))
    assert shuffled[0] == verbs.REFUSED
    answered = auto_labeling("quality", "answer", "--labels", *page, "--wrong", page[3])[1]
    assert answered.startswith("1 wrong of 10 looked at")
    assert auto_labeling("quality", "undo")[1].startswith("0 wrong of 0 looked at")
    assert auto_labeling("quality", "abandon")[1].startswith("Abandoned after 0 labels")
    assert auto_labeling("quality", "next")[0] == verbs.REFUSED


def test_the_rejected_labels_do_not_stand_in_the_way_of_approval():
    dataset, made = make(200)
    run = al.get(dataset, made.id)
    assert al.labels(run, "approval").current == 200
    al.quality.freeze(run)
    while True:
        page = al.quality.page(run, 48)
        audit = al.quality.answer(run, page.ids, wrong=page.ids[:1] if page.first == 0 else [])
        if audit.state != "open":
            break
    assert audit.state == "passed"
    assert al.approve(run).approved == 199
    dataset.delete()


def test_wrong_arguments_are_refused(auto_labeling):
    with pytest.raises(SystemExit):
        auto_labeling("quality", "plan", "--target", 97)
    assert auto_labeling("quality", "plan", "--view", "no such view")[0] == verbs.REFUSED
    assert auto_labeling("quality", "answer")[0] == verbs.REFUSED
    assert auto_labeling("certificate", "--verify", "/no/such/file")[0] == verbs.REFUSED
    assert auto_labeling("certificate", "--verify", __file__)[0] == verbs.REFUSED
