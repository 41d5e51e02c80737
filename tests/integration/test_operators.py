"""The operators as the operator browser and other plugins call them, in FiftyOne's registry."""

import time

import fiftyone.operators as foo
import pytest
import yaml
from fiftyone.operators.executor import ExecutionContext
from fiftyone.operators.types import RiskLevel

import auto_labeling as al
from auto_labeling.core.names import PLUGIN
from auto_labeling.core.settings import settings
from auto_labeling.lifecycle import labeling
from auto_labeling.models import catalog
from auto_labeling.operators import OPERATORS
from auto_labeling.operators.base import RunOperator
from tests.support.paths import CHECKOUT

BY_NAME = {cls().config.name: cls for cls in OPERATORS}
FORMS = [name for name, cls in BY_NAME.items() if issubclass(cls, RunOperator)]
HOSTILE = [None, "", "nothing", -1, 10**12, True, [], {}, ["x"], {"$ne": 1}, "\x00", ": x", 0.5]


@pytest.fixture
def task():
    return "detection"


def call(name, dataset, /, **params):
    """Executes an operator as another plugin would. Returns its result."""
    context = {"dataset": dataset.name}
    return foo.execute_operator(f"{PLUGIN}/{name}", context, params=params).result


def form(name, dataset, /, **params):
    """The questions of an operator: a dict from name to what FiftyOne shows of each."""
    request = {"dataset_name": dataset.name, "params": params} if dataset else {"params": params}
    ctx = ExecutionContext(request_params=request, operator_uri=f"{PLUGIN}/{name}")
    return BY_NAME[name](_builtin=False).resolve_input(ctx).to_json()["type"]["properties"]


@pytest.fixture
def reviewed(numbered, model):
    """A run in review, generated in this process."""
    answers = {"task": "detection", "model": "scripted", "label_field": "found"}
    return al.generate(al.start(numbered, answers, queue=False))


def test_fiftyone_lists_them_with_their_risk_and_the_skill():
    import fiftyone.plugins as fop

    declared = yaml.safe_load((CHECKOUT / "fiftyone.yml").read_text("utf-8"))
    listed = {o.name: o for o in foo.list_operators() if o.plugin_name == PLUGIN}
    assert set(declared["operators"]) == set(BY_NAME) <= set(listed)
    risks = {name: listed[name].risk_level for name in BY_NAME}
    assert risks["list_runs"] is RiskLevel.LOW
    assert risks["approve_run"] is RiskLevel.HIGH
    assert risks["delete_run"] is RiskLevel.DANGEROUS
    assert {risks[n] for n in ("start_run", "resume_run", "import_labels")} == {RiskLevel.MEDIUM}
    (skill,) = fop.list_skills(plugin=PLUGIN)
    assert skill.name == "auto-label" and skill.description
    assert all(name in skill.content for name in FORMS)


def test_the_form_of_start_asks_for_each_setting_of_a_run(dataset):
    asked = form("start_run", dataset)
    elsewhere = {"prompts", "group_slices", "segmenter", "source_field"}
    elsewhere |= {setting.name for setting in settings() if setting.methods}
    assert set(asked) == {setting.name for setting in settings()} - elsewhere
    for setting in settings():
        if setting.name in asked:
            assert asked[setting.name]["required"] is setting.required
            assert asked[setting.name]["view"]["label"] == setting.title
            assert not asked[setting.name]["error_message"], "nobody has answered yet"
    assert asked["confidence"]["type"]["max"] == 1
    assert asked["workers"]["type"]["max"] == labeling.max_workers()
    assert asked["target"]["type"]["values"] == ["all", "view", "selection"]


def test_the_form_of_start_narrows_the_models_and_says_what_is_wrong(dataset):
    zero_shot = form("start_run", dataset, task="classification", label_field="filepath")
    names = zero_shot["model"]["type"]["values"]
    assert names == [spec.name for spec in al.list_models(task="classification")]
    assert "already" in zero_shot["label_field"]["error_message"]
    assert not zero_shot["model"]["error_message"]


def test_the_form_of_start_asks_for_what_the_method_needs(numbered):
    masks = {"task": "instance_segmentation"}
    two = form("start_run", numbered, **masks, method="two_stage")
    detectors = [spec.name for spec in al.list_models(task="detection", method="one_stage")]
    assert two["model"]["type"]["values"] == detectors and "source_field" not in two
    segmenters = [spec.name for spec in catalog.segmenters()]
    assert two["segmenter"]["type"]["values"] == segmenters
    existing = form("start_run", numbered, **masks, method="existing_detections")
    assert existing["model"]["type"]["values"] == segmenters and "segmenter" not in existing
    assert existing["source_field"]["type"]["values"] == ["mine"]
    # What has been answered does not vanish, or no one could undo it.
    assert "segmenter" in form("start_run", numbered, **masks, segmenter="shapes-sam")


def test_the_form_of_start_asks_for_what_lifting_needs(dataset):
    asked = form("start_run", dataset, task="detection_3d", method="lift_labels")
    assert {"camera_slices", "box_sizes", "reference_frame", "source_field"} <= set(asked)
    assert asked["model"]["type"]["values"] == ["lifted-labels"]
    assert "box_sizes" not in form("start_run", dataset, task="detection_3d")
    model = form("start_run", dataset, task="detection_3d", method="lift_model")
    names = model["model"]["type"]["values"]
    assert {"shapes-yolo", "shapes-yolo-seg"} <= set(names) and "shapes-sam" not in names


@pytest.mark.parametrize("name", FORMS)
def test_a_form_never_raises_and_is_quick(name, dataset):
    assert form(name, None)["notice"] if name != "list_runs" else True
    names = [*(s.name for s in settings()), "run_id", "source", "replace", "min_confidence"]
    for value in HOSTILE:
        before = time.perf_counter()
        form(name, dataset, **dict.fromkeys(names, value))
        assert time.perf_counter() - before < 1


@pytest.mark.parametrize("name", FORMS)
def test_whoever_may_only_look_changes_nothing(name, reviewed, monkeypatch):
    from auto_labeling.app import request as forms
    from auto_labeling.core.errors import NotPermitted

    def refuse(ctx):
        raise NotPermitted("You have view-only access to this dataset")

    monkeypatch.setattr(forms, "require_edit", refuse)
    before = reviewed.reload().record
    if name == "list_runs":
        assert call(name, reviewed.dataset)["runs"]
        return
    if name == "list_actions":
        assert call(name, reviewed.dataset, run_id=reviewed.id) == {"actions": []}
        return
    with pytest.raises(NotPermitted):
        BY_NAME[name](_builtin=False).execute(
            ExecutionContext({"dataset_name": reviewed.dataset.name, "params": {}})
        )
    assert al.runs(reviewed.dataset) == [reviewed] and reviewed.reload().record == before


def test_from_start_to_approval(numbered, model):
    started = call(
        "start_run",
        numbered,
        task="detection",
        model="scripted",
        label_field="found",
        classes="ant, bee",
        sample_ids=numbered.values("id")[:20],
    )
    assert started["status"] == "Generating" and started["samples"] == 20
    run = al.get(numbered, started["run_id"])
    assert run.config.classes == ("ant", "bee") and run.config.target is al.Target.IDS
    assert call("cancel_run", numbered, run_id=run.id)["status"] == "Error"
    assert call("resume_run", numbered, run_id=run.id)["status"] == "Generating"
    al.generate(run)
    promoted = call("promote_labels", numbered, run_id=run.id, classes=["ant"])["labels"]
    more = call("promote_labels", numbered, run_id=run.id, min_confidence=0.5)["labels"]
    back = call("undo_promotion", numbered, run_id=run.id, classes="bee")["labels"]
    left = promoted + more - back
    (listed,) = call("list_runs", numbered)["runs"]
    assert listed["status"] == "In Review" and listed["labels"] == run.reload().generated
    approved = call("approve_run", numbered, run_id=run.id, expected=left)
    assert approved["approved"] == left == numbered.count("found.detections") > 0
    assert call("delete_run", numbered, run_id=run.id)["deleted"]
    assert al.runs(numbered) == [] and numbered.has_field("found")


def test_a_refusal_names_every_wrong_answer_and_writes_nothing(numbered, model):
    with pytest.raises(Exception, match="label_field") as refused:
        call("start_run", numbered, model="scripted", label_field="mine", confidence=7)
    for name in ("task", "label_field", "confidence"):
        assert name in str(refused.value)
    assert al.runs(numbered) == []


def test_labels_are_promoted_as_the_grid_shows_them(reviewed):
    field, dataset = reviewed.staging_field, reviewed.dataset
    filters = {f"{field}.detections.label": {"values": ["ant"], "exclude": False}}
    context = {"dataset": dataset.name, "filters": filters}
    uri = f"{PLUGIN}/promote_labels"
    params = {"run_id": reviewed.id, "shown": True}
    ants = al.labels(reviewed, classes=["ant"]).current
    assert foo.execute_operator(uri, context, params=params).result["labels"] == ants > 0


def test_existing_labels_are_imported(numbered):
    asked = form("import_labels", numbered)
    assert asked["source"]["type"]["values"] == ["mine"] and "label_field" in asked
    assert "label_field" not in form("import_labels", numbered, replace=True)
    imported = call("import_labels", numbered, source="mine", label_field="kept")
    assert (imported["status"], imported["labels"]) == ("In Review", 40)


def test_only_runs_that_can_be_chosen_are_offered(reviewed):
    assert form("approve_run", reviewed.dataset)["run_id"]["type"]["values"] == [reviewed.id]
    assert "No run" in form("cancel_run", reviewed.dataset)["notice"]["view"]["label"]


def test_only_classes_are_asked_with_words_behind_a_colon(numbered):
    asked = form("start_run", numbered, group_slices="left")
    assert "colon" in asked["classes"]["view"]["description"]
    assert "colon" not in asked["group_slices"]["view"]["description"]
