"""``auto-labeling models``: what it prints, and how little it needs to do so."""

import json
import subprocess
import sys

import pytest

from auto_labeling import cli
from auto_labeling.models import catalog

RATINGS = ("speed", "performance")
FIELDS = {
    *("name", "task", "method", "model_type", "family", "version", "size", "license"),
    *("description", "author", "url", "size_bytes", "downloaded", "confidence"),
    *(f"{rating}{end}" for rating in RATINGS for end in ("", "_by", "_measure", "_source")),
    "weights_name",
}


def printed(capsys, *arguments):
    assert cli.main(["models", *arguments]) == 0
    return capsys.readouterr().out


def test_json_lists_an_object_for_each_model(capsys):
    rows = json.loads(printed(capsys, "--json"))
    assert [row["name"] for row in rows] == [spec.name for spec in catalog.list_models()]
    for row in rows:
        assert set(row) == FIELDS, row["name"]
        assert isinstance(row["downloaded"], bool)
        for rating in RATINGS:
            assert row[rating] in (1, 2, 3, None)
            assert row[f"{rating}_by"] != "published" or row[f"{rating}_source"].startswith("https")
        assert row["size_bytes"] is None or row["size_bytes"] > 0
        assert row["confidence"] is None or 0 < row["confidence"] < 1


def test_json_lists_what_is_not_offered_with_a_reason(capsys):
    rows = json.loads(printed(capsys, "--excluded", "--json"))
    assert "deeplabv3-resnet50-coco-torch" in {row["name"] for row in rows}
    assert all(set(row) == {"name", "reason"} and row["reason"] for row in rows)


@pytest.mark.parametrize(
    ("option", "field", "value"),
    [
        ("--task", "task", "instance_segmentation"),
        ("--model-type", "model_type", "zero_shot"),
        ("--method", "method", "one_stage"),
    ],
)
def test_filters(capsys, option, field, value):
    rows = json.loads(printed(capsys, "--json", option, value))
    assert rows and {row[field] for row in rows} == {value}


@pytest.mark.parametrize("method", ["two_stage", "existing_detections"])
def test_segmenters_are_listed_for_the_methods_that_use_them(capsys, method):
    rows = json.loads(printed(capsys, "--json", "--method", method))
    assert {row["family"] for row in rows} == {"segment-anything"}


def test_the_table_has_a_line_for_each_model(capsys):
    lines = printed(capsys).splitlines()
    assert lines[0].split()[:2] == ["name", "task"]
    assert len(lines) == 1 + len(catalog.list_models())


def test_a_wrong_filter_is_told(capsys):
    with pytest.raises(SystemExit):
        cli.main(["models", "--task", "nonesuch"])
    assert "invalid choice: 'nonesuch'" in capsys.readouterr().err


def test_the_verb_imports_no_model_library():
    code = (
        "import sys; from auto_labeling import cli; cli.main(['models', '--json']);"
        "print([m for m in ('torch', 'ultralytics', 'transformers', 'fiftyone.zoo')"
        " if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stderr.strip() == "[]"
