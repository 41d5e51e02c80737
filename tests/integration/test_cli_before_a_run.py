"""``preview`` and ``run --dry-run``: what is known before a run starts, from the command line."""

import json

import pytest
from PIL import Image

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.core.errors import ConfigError
from tests.support import scripted_model

MODEL = {"task": "detection", "model": "scripted"}
FLAGS = [f"--{name}={value}" for name, value in MODEL.items()]


@pytest.fixture
def task():
    return "detection"


@pytest.fixture
def command(numbered, model, capsys):
    """Runs a verb on ``numbered``, which must not change. Returns ``(status, out, err)``."""

    def stored():
        numbered.reload()
        return list(numbered._sample_collection.find()), list(numbered.get_field_schema())

    def run(verb, *arguments):
        before = stored()
        status = cli.main([verb, numbered.name, *map(str, arguments)])
        assert stored() == before and al.runs(numbered) == []
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


def test_a_preview_is_what_a_run_would_make(command, numbered, tmp_path):
    folder = tmp_path / "new" / "pictures"
    status, out, _ = command("preview", *FLAGS, "--output", folder, "--width", 200, "--json")
    assert status == verbs.OK
    found = json.loads(out)
    assert [one["sample_id"] for one in found] == numbered.limit(8).values("id")
    for number, one in enumerate(found):
        labels = [(d["label"], d["confidence"], d["bounding_box"]) for d in one["labels"]]
        assert labels == scripted_model.expected("detection", number) and one["error"] == ""
        assert Image.open(one["picture"]).size == (200, 150)
    assert len(list(folder.iterdir())) == 8


def test_people_see_a_row_for_each_label_and_each_sample_without(command, tmp_path):
    status, out, err = command("preview", *FLAGS, "--tags", "t0", "--output", tmp_path / "seen")
    rows = [line.split() for line in out.splitlines()]
    assert status == verbs.OK and rows[0] == ["sample", "id", "file", "label", "confidence", "box"]
    even = [scripted_model.detections(number) for number in range(0, 16, 2)]
    assert len(rows) == 1 + sum(max(1, len(labels)) for labels in even)
    (label, sure, box) = even[0][0]
    assert rows[1][1:] == ["00000.png", label, f"{sure:.3f}", *(f"{part:.3f}" for part in box)]
    assert out.count("(nothing)") == even.count([]) > 0
    assert "Pictures saved to" in err and err.rstrip().endswith(": 8")


def test_samples_that_fail_are_told_and_all_of_them_are_a_status(command, numbered, monkeypatch):
    numbered.match({"number": 1}).set_values("filepath", ["/nonesuch.png"])
    status, out, _ = command("preview", *FLAGS)
    assert status == verbs.OK and "nonesuch" in out
    one = numbered.match({"number": 1}).first().id
    status, out, _ = command("preview", *FLAGS, "--sample-ids", one, "--json")
    assert status == verbs.RUN_FAILED and json.loads(out)[0]["error"]


def test_a_preview_that_cannot_be_is_refused(command, tmp_path):
    status, _, err = command("preview", *FLAGS, "--classes", "unicorn")
    assert status == verbs.REFUSED and "classes: " in err and "unicorn" in err
    (tmp_path / "file").write_text("")
    status, _, err = command("preview", *FLAGS, "--output", tmp_path / "file")
    assert status == verbs.REFUSED and "cannot be written" in err
    assert command("preview", *FLAGS, "--width", 0)[0] == verbs.REFUSED


def test_a_dry_run_says_how_things_stand_and_starts_nothing(command, numbered):
    flags = [*FLAGS, "--label-field", "found", "--tags", "t1", "--dry-run"]
    status, out, _ = command("run", *flags, "--json")
    found = json.loads(out)
    assert status == verbs.OK and found["samples"] == 20
    [weights] = found["weights"]
    assert (weights["model"], weights["on_disk"], weights["size_bytes"]) == ("scripted", True, None)
    stands = al.preflight(numbered.match_tags("t1"), MODEL, label_field="found")
    assert found["gpus"] == stands.gpus and found["warnings"] == list(stands.warnings)
    status, out, err = command("run", *flags)
    facts = dict(line.split(None, 1) for line in out.splitlines())
    assert status == verbs.OK and facts["samples"] == "20"
    assert facts["weights"] == "scripted: on this machine" and "Nothing was started" in err
    assert [line for line in err.splitlines() if line.startswith("warning: ")] == [
        f"warning: {sentence}" for sentence in stands.warnings
    ]


def test_a_dry_run_names_everything_that_is_wrong(command, tmp_path):
    path = tmp_path / "run.yml"
    path.write_text("task: detection\nmodel: scripted\nlabel_field: mine\nworkers: 0\nspeed: 9\n")
    status, out, _ = command("run", "--config", path, "--dry-run", "--json")
    assert status == verbs.REFUSED
    problems = json.loads(out)["error"]["problems"]
    assert set(problems) == {"label_field", "workers", "speed"}


def test_scripts_preview_a_view_or_samples_wherever_labels_may_go(numbered, model):
    ids = numbered.values("id")
    shown = al.preview(numbered.skip(30), MODEL)
    assert [one.sample_id for one in shown] == ids[30:38]
    assert [one.sample_id for one in al.preview(numbered, MODEL, sample_ids=ids[:2])] == ids[:2]
    # A field that is there already is no matter here, as it is in the panel.
    assert al.preview(numbered.limit(1), MODEL, label_field="mine", mask_location="/nonesuch/x")
    with pytest.raises(ConfigError, match="Choose a model"):
        al.preview(numbered, {"task": "detection"})
    with pytest.raises(ConfigError, match="no samples"):
        al.preview(numbered.match_tags("nonesuch"), MODEL)
    assert al.preflight(numbered, MODEL, label_field="found", sample_ids=ids[:3]).samples == 3
    assert al.runs(numbered) == []
