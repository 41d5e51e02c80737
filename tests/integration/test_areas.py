"""Labels in review, selected by the area of their box."""

import json

import fiftyone as fo
import fiftyone.operators as operators
import pytest

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from auto_labeling.core.errors import ConfigError
from auto_labeling.core.names import PLUGIN

SIZES = {"tiny": [0, 0, 0.1, 0.1], "wide": [0, 0, 1, 0.1], "large": [0, 0, 0.5, 1]}


@pytest.fixture
def run(dataset):
    """Two images with three boxes each, of 100 x 50 and 1000 x 500 pixels."""
    for number, width in enumerate((100, 1000)):
        sample = fo.Sample(filepath=f"/{number}.png", number=number)
        sample["metadata"] = fo.ImageMetadata(width=width, height=width // 2)
        sample["truth"] = fo.Detections(
            detections=[fo.Detection(label=n, bounding_box=box) for n, box in SIZES.items()]
        )
        dataset.add_sample(sample)
    return al.import_labels(dataset, "truth", "checked")


def names(run, **limits):
    rows = al.labels(run, view=al.labels_view(run, **limits)).rows
    return {row.label: row.current for row in rows if row.current}


def test_an_area_is_a_part_of_the_image_or_pixels(run):
    assert names(run, max_area=0.02) == {"tiny": 2}
    assert names(run, min_area=0.05, max_area=0.2) == {"wide": 2}
    assert names(run, min_area=1) == {}
    assert names(run, min_area=400, max_area=3000) == {"wide": 1, "large": 1}
    assert names(run, min_area=400, max_area=0.2) == {"wide": 2, "tiny": 1}
    assert names(run, min_area=0.05, max_size=0.99) == {}


def test_every_way_rejects_what_is_too_small(run, capsys):
    command = ["reject", run.dataset.name, run.id, "--max-area", "0.02", "--json"]
    assert cli.main(command) == verbs.OK
    assert json.loads(capsys.readouterr().out)["labels"] == 2
    context, params = {"dataset": run.dataset.name}, {"run_id": run.id, "min_area": 400.0}
    done = operators.execute_operator(f"{PLUGIN}/promote_labels", context, params=params)
    assert done.result["labels"] == 4
    assert al.labels(run).totals == {"review": 0, "approval": 4, "rejected": 2}


def test_pixels_need_the_sizes_of_the_images(run):
    run.dataset._sample_collection.update_one({"number": 0}, {"$unset": {"metadata": ""}})
    with pytest.raises(ConfigError, match="compute_metadata"):
        al.labels_view(run, min_area=100)
    assert names(run, max_area=0.02) == {"tiny": 2}
