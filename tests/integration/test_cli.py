"""The verbs of the command line on a real dataset, in this process."""

import io
import json
import os
import signal
import subprocess
import sys

import pytest

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from tests.support import scripted_model


@pytest.fixture
def task():
    return "detection"


FLAGS = ("--task", "detection", "--model", "scripted", "--label-field", "found")


@pytest.fixture
def command(numbered, model, capsys, monkeypatch):
    """Runs a verb on ``numbered``. Returns ``(status, stdout, stderr)``."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    def run(verb, *arguments):
        status = cli.main([verb, numbered.name, *map(str, arguments)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture
def document(command):
    """Runs a verb with ``--json``. Returns what it prints."""

    def run(verb, *arguments):
        status, out, err = command(verb, *arguments, "--json")
        assert status == verbs.OK, err
        return json.loads(out)

    return run


@pytest.fixture
def reviewed(document):
    """A run in review, generated in this process."""
    return document("run", *FLAGS, "--here")


def test_from_run_to_approval(document, command, numbered):
    run = document("run", *FLAGS, "--here", "--name", "First", "--confidence", "0.1")
    assert (run["status"], run["samples"], run["name"]) == ("In Review", 40, "First")
    assert run["config"]["confidence"] == 0.1 and "token" not in run
    counted = document("labels", "latest", "--min-confidence", 0.5)
    dry = document("promote", "latest", "--min-confidence", 0.5, "--dry-run")
    assert dry == {"id": run["id"], "labels": counted["current"], "changed": False}
    done = document("promote", "First", "--min-confidence", 0.5, "--expected", dry["labels"])
    assert done["labels"] == dry["labels"] > 0
    back = document("undo", run["id"][:6], "--classes", "ant")["labels"]
    left = document("labels", "First", "--tab", "approval")["totals"]["approval"]
    assert left == done["labels"] - back
    status, _, err = command("approve", "First")
    assert status == verbs.REFUSED and "Cannot ask here; pass --yes" in err
    approved = document("approve", "First", "--yes", "--expected", left, "--by", "Ada")
    assert (approved["status"], approved["approved"]) == ("Approved", left)
    numbered.reload()
    assert numbered.count("found.detections") == left


def test_people_read_sentences_and_tables(command, reviewed):
    status, out, _ = command("list")
    assert status == verbs.OK and out.splitlines()[0].split()[:3] == ["id", "name", "status"]
    assert "In Review" in out
    assert "scripted" in command("show", "latest")[1]
    *_, total, states = command("labels", "latest")[1].splitlines()
    assert total.startswith("(all)")
    assert states.startswith("0 promoted, 0 rejected, ")
    assert "labels promoted" in command("promote", "latest")[1]
    assert "labels moved back to review" in command("undo", "latest")[1]
    assert "Night" in command("rename", "latest", "Night")[1]
    assert "deleted" in command("delete", "latest", "--yes")[1]
    assert "There are no runs" in command("list")[2]


def test_a_queued_run_is_followed_cancelled_resumed_and_skipped(command, document):
    status, out, err = command("run", *FLAGS)
    assert status == verbs.OK and "Generating, 40 samples" in out and "auto-labeling watch" in err
    status, out, err = command("watch", "latest", "--timeout", 0)
    assert status == verbs.STILL_RUNNING and "Waiting for a worker" in err
    assert document("cancel", "latest", "--by", "Ada")["error"] == "Canceled by Ada"
    status, out, err = command("watch", "latest", "--json")
    assert status == verbs.RUN_FAILED and json.loads(out.splitlines()[-1])["status"] == "Error"
    assert document("resume", "latest", "--here")["status"] == "In Review"
    status, _, err = command("resume", "latest")
    assert status == verbs.REFUSED and "nothing to resume" in err
    document("run", *FLAGS[:-1], "other")
    document("cancel", "latest")
    assert document("skip", "latest")["status"] == "In Review"


def test_a_run_that_fails_here_has_a_status_of_its_own(command, monkeypatch):
    from auto_labeling.models import zoo

    def fail(spec, config):
        raise RuntimeError("no such weights")

    monkeypatch.setattr(zoo, "load", fail)
    status, out, err = command("run", *FLAGS, "--here", "--json")
    assert status == verbs.RUN_FAILED and "no such weights" in err
    assert json.loads(out)["status"] == "Error"


def test_failed_samples_are_shown(command, document, monkeypatch):
    monkeypatch.setenv(scripted_model.FAILS, "3")
    uninstall = scripted_model.install("detection")
    assert document("run", *FLAGS, "--here")["failed"] == 1
    uninstall()
    (failure,) = document("show", "latest", "--failures")["failures"]
    assert failure["error"] == "RuntimeError: scripted failure on 3"
    assert failure["sample_id"] in command("show", "latest", "--failures")[1]


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_the_configuration_of_a_run_is_run_again(command, document, numbered, tmp_path, form):
    asked = ("--classes", "ant, dög 🐕", "--confidence", "0.25", "--max-labels", "3")
    first = document("run", *FLAGS, *asked, "--tags", "t1", "--here")
    written = command("show", "latest", "--config", *(["--json"] if form == "json" else []))[1]
    path = tmp_path / f"run.{form}"
    path.write_text(written, encoding="utf-8")
    status, _, err = command("run", "--config", path, "--label-field", "again")
    assert status == verbs.REFUSED and "for the current view" in err
    again = document(
        "run", "--config", path, "--label-field", "again", "--samples-of", first["id"], "--here"
    )
    assert again["samples"] == first["samples"] == 20
    same = first["config"].keys() - {"label_field", "target"}
    assert {k: again["config"][k] for k in same} == {k: first["config"][k] for k in same}
    both = [al.get(numbered, run["id"]) for run in (first, again)]
    assert al.sample_ids(both[0]) == al.sample_ids(both[1])


def test_a_configuration_comes_from_standard_input(document, monkeypatch):
    answers = {"task": "detection", "model": "scripted", "label_field": "found"}
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(answers)))
    assert document("run", "--config", "-", "--name", "From stdin")["name"] == "From stdin"


def test_an_import_is_exported_and_imported_again(command, document, tmp_path):
    asked = ("--source", "mine", "--label-field", "kept", "--name", "Look")
    first = document("import", *asked)
    assert (first["status"], first["labels"]) == ("In Review", 40)
    path = tmp_path / "import.yml"
    path.write_text(command("show", "latest", "--config")[1], encoding="utf-8")
    assert document("delete", "latest", "--yes")["deleted"]
    status, _, err = command("run", "--config", path)
    assert status == verbs.REFUSED and "auto-labeling import" in err
    assert document("import", "--config", path)["config"] == first["config"]


def test_samples_are_chosen_by_saved_view_tags_and_ids(document, numbered, tmp_path):
    numbered.save_view("few", numbered.limit(10))
    ids = numbered.values("id")
    listed = tmp_path / "ids.txt"
    listed.write_text("\n".join(ids[5:15]))

    def targets(number, *which):
        run = document("run", *FLAGS[:-1], f"field_{number}", *which)
        return al.sample_ids(al.get(numbered, run["id"])), run["config"]["target"]

    assert targets(1, "--view", "few") == (ids[:10], "view")
    assert targets(2, "--view", "few", "--tags", "t0") == (ids[:10:2], "view")
    assert targets(3, "--sample-ids", *ids[3:5]) == (ids[3:5], "ids")
    assert targets(4, "--view", "few", "--sample-ids", f"@{listed}") == (ids[5:10], "ids")
    assert targets(5, "--all")[1] == "all"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--view", "nonesuch"], "no saved view 'nonesuch'"),
        (["--tags", "nonesuch"], "no samples to label"),
        (["--sample-ids", "nonesuch"], "No sample of this dataset has the ID nonesuch"),
        (["--sample-ids", "@/nonesuch"], "/nonesuch cannot be read"),
        (["--config", "/nonesuch.yml"], "/nonesuch.yml cannot be read"),
        (["--all", "--tags", "t1"], "Use only one of --samples-of"),
        (["--samples-of", "nonesuch"], "no run nonesuch"),
        (["--confidence", "7", "--device", "gpu"], "confidence: Minimum confidence"),
        (["--classes", ": words"], "prompts but no class"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(command, numbered, arguments, said):
    status, out, err = command("run", *FLAGS, *arguments)
    assert status == verbs.REFUSED and said in err and out == ""
    assert al.runs(numbered) == []


def test_a_dataset_that_is_not_there_is_said(capsys, task):
    assert cli.main(["list", "nonesuch"]) == verbs.REFUSED
    assert "There is no dataset 'nonesuch'" in capsys.readouterr().err


def test_runs_of_all_datasets_are_listed(reviewed, numbered, capsys):
    assert cli.main(["list", "--json", "--status", "in review"]) == verbs.OK
    listed = json.loads(capsys.readouterr().out)
    assert (numbered.name, reviewed["id"]) in [(run["dataset"], run["id"]) for run in listed]


def test_a_person_is_asked_before_what_cannot_be_undone(command, reviewed, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for answer, status in (("\n", verbs.REFUSED), ("n\n", verbs.REFUSED), ("y\n", verbs.OK)):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        assert command("delete", "latest")[0] == status


def test_control_c_stops_a_run_that_is_made_here(numbered, database):
    code = (
        "import signal, sys; from tests.support import scripted_model; scripted_model.install();"
        # A shell makes programs in the background ignore Ctrl-C, and so our children.
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from auto_labeling import cli; sys.exit(cli.main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "run", numbered.name, *FLAGS, "--here", "--json", "--watch"],
        # FiftyOne's word on the age of the server comes with its import, which is ours here.
        env={**os.environ, scripted_model.DELAY: "0.3", "FIFTYONE_DATABASE_VALIDATION": "false"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if (json.loads(line)["progress"] or {}).get("done"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == verbs.INTERRUPTED, err
    assert "auto-labeling resume" in err
    run = al.get(numbered, "latest")
    assert (run.status, run.error) == ("Error", "Canceled")
    assert 0 < al.progress(run).done < 40


def test_show_says_what_narrows_a_run(command, document):
    document("run", *FLAGS, "--confidence", 0, "--max-labels", 1500)
    said = " ".join(command("show", "latest")[1].split())
    assert "max labels 1,500" in said and "minimum confidence 0 staging" in said


def test_a_database_that_does_not_answer_is_said_in_a_sentence():
    nowhere = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"
    answer = subprocess.run(
        [sys.executable, "-m", "auto_labeling.cli", "list", "--json"],
        env={**os.environ, "FIFTYONE_DATABASE_URI": nowhere},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert answer.returncode == verbs.REFUSED, answer.stderr
    assert json.loads(answer.stdout)["error"]["kind"] == "DatabaseAway"
    assert "Can't reach the database" in answer.stderr and "Traceback" not in answer.stderr
