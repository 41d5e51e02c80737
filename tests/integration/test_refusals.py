"""What cannot be meant is refused on every route, naming the field, and nothing is written."""

import json

import fiftyone as fo
import fiftyone.operators as foo
import pytest
import yaml
from fiftyone import ViewField as F
from fiftyone.operators.executor import ExecutionContext

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.core.errors import AutoLabelingError, ConfigError
from auto_labeling.core.names import PLUGIN
from auto_labeling.lifecycle import labeling
from auto_labeling.operators import OPERATORS
from tests.support.app_double import send

ANSWERS = {"task": "detection", "model": "scripted", "label_field": "found"}


@pytest.fixture
def task():
    return "detection"


@pytest.fixture
def command(numbered, model, capsys):
    """Runs a verb. Returns ``(status, its problems by field, all that it printed)``."""

    def command(verb, *arguments):
        status = cli.main([verb, numbered.name, *map(str, arguments), "--json"])
        printed = capsys.readouterr()
        document = json.loads(printed.out) if printed.out.strip() else {}
        told = document.get("error", {}) if isinstance(document, dict) else {}
        return status, told.get("problems", {}), printed.out + printed.err

    return command


def call(name, dataset, **params):
    uri = f"{PLUGIN}/{name}"
    return foo.execute_operator(uri, {"dataset": dataset.name}, params=params).result


@pytest.fixture
def reviewed(numbered, model):
    return al.generate(al.start(numbered, ANSWERS, queue=False))


WRONG = [
    ({"confidence": True}, "confidence"),
    ({"max_labels": True}, "max_labels"),
    ({"min_confidence": 0.5}, "min_confidence"),
    ({"segmenter": "shapes-sam"}, "segmenter"),
    ({"source_field": "mine"}, "source_field"),
    ({"classes": ["ant"], "prompts": {"ant": ["insect"]}}, "prompts"),
    ({"target": "x"}, "target"),
    ({"name": "latest"}, "name"),
    ({"name": "0123456789ab"}, "name"),
    ({"task": "classification", "max_labels": 3}, "max_labels"),
    ({"group_slices": 5}, "group_slices"),
    ({"half": "perhaps"}, "half"),
    ({"workers": "many"}, "workers"),
]


def test_a_wrong_setting_is_refused_on_every_route(numbered, command, tmp_path):
    for wrong, field in WRONG:
        _is_refused(numbered, command, tmp_path / "run.yml", {**ANSWERS, **wrong}, field)
    assert al.runs(numbered) == [] and "found_in_review" not in numbered.get_field_schema()


def _is_refused(numbered, command, file, answers, field):
    for ask in (al.start, al.check, al.preflight, al.preview):
        for samples in (numbered, numbered.limit(3)):
            with pytest.raises(ConfigError) as refused:
                ask(samples, answers)
            assert field in refused.value.problems
    file.write_text(yaml.safe_dump(answers))
    for verb in ("run", "preview"):
        status, problems, _ = command(verb, "--config", file)
        assert status == cli.verbs.REFUSED and field in problems
    assert field in command("run", "--config", file, "--dry-run")[1]
    with pytest.raises(Exception, match=field):
        call("start_run", numbered, **answers)


JUDGING = [cls for cls in OPERATORS if hasattr(cls, "takes")]


def test_an_operator_refuses_parameters_that_it_does_not_have(reviewed):
    assert len(JUDGING) == len(OPERATORS) - 2, "all but a worker's, and the panel's"
    for operator in JUDGING:
        given = {"run_id": reviewed.id} if operator.states else {}
        with pytest.raises(Exception, match="least_confidence: Unknown parameter"):
            call(operator.name, reviewed.dataset, **given, least_confidence=0.5)
    assert reviewed.reload().status == "In Review"
    assert al.labels(reviewed, "approval").total == 0


def test_what_an_operator_asks_it_takes(reviewed):
    for cls in JUDGING:
        ctx = ExecutionContext({"dataset_name": reviewed.dataset.name, "params": {}})
        asked = cls(_builtin=False).resolve_input(ctx).to_json()["type"]["properties"]
        takes = set(cls(_builtin=False)._takes(ctx))
        assert set(asked) - {"warning", "notice"} <= takes


def test_a_condition_of_another_kind_promotes_nothing(reviewed):
    for field, value in (
        ("shown", "true"),
        ("without_confidence", 1),
        ("min_confidence", "0.5"),
        ("min_confidence", True),
        ("max_confidence", 7),
        ("classes", 5),
        ("classes", ", ,"),
        ("label_ids", "abc"),
        ("sample_ids", [1]),
        ("expected", "13"),
        ("run_id", 5),
    ):
        with pytest.raises(Exception, match=field):
            call("promote_labels", reviewed.dataset, **{"run_id": reviewed.id, field: value})
    assert al.labels(reviewed, "approval").total == 0


def test_a_script_that_gives_a_text_for_a_list_is_told(reviewed):
    for field, value in (
        ("classes", "ant"),
        ("label_ids", "0" * 24),
        ("sample_ids", "0" * 24),
        ("group_slices", "left"),
        ("min_confidence", True),
        ("without_confidence", "no"),
    ):
        for ask in (al.promote, al.undo, al.labels):
            with pytest.raises(ConfigError) as refused:
                ask(reviewed, **{field: value})
            assert set(refused.value.problems) == {field}


def test_no_class_at_all_does_not_mean_all_classes(numbered, command, reviewed):
    flags = [f"--{key.replace('_', '-')}={value}" for key, value in ANSWERS.items()]
    for said in ("", " ", ", ,"):
        status, problems, _ = command("run", *flags, "--label-field", "more", "--classes", said)
        assert status == cli.verbs.REFUSED and "no class" in problems["classes"]
        status, problems, _ = command("promote", reviewed.id, "--classes", said)
        assert status == cli.verbs.REFUSED and "no class" in problems["classes"]
    with pytest.raises(Exception, match="classes: Name at least one class"):
        call("start_run", numbered, **{**ANSWERS, "label_field": "more", "classes": " "})
    assert al.runs(numbered) == [reviewed]


def test_sample_ids_and_another_target_do_not_go_together(numbered, model):
    ids = numbered.values("id")[:3]
    with pytest.raises(Exception, match="target: Leave this out"):
        call("start_run", numbered, **ANSWERS, sample_ids=ids, target="view")
    assert call("start_run", numbered, **ANSWERS, sample_ids=ids, target="ids")["samples"] == 3
    with pytest.raises(ConfigError, match="list of IDs"):
        al.start(numbered, ANSWERS, sample_ids=ids[0])
    for config in (5, "run.yml", ["task"]):
        with pytest.raises(AutoLabelingError, match="RunConfig or a dict"):
            al.start(numbered, config)


def test_no_run_gets_a_name_that_means_another(numbered, command, reviewed):
    for name in ("latest", " Latest ", "0123456789ab"):
        for rename in (al.rename, lambda run, name: labeling.rename(numbered, run.id, name)):
            with pytest.raises(ConfigError, match="choose another name"):
                rename(reviewed, name)
        assert "name" in command("rename", reviewed.id, name)[1]
        with pytest.raises(ConfigError, match="choose another name"):
            al.import_labels(numbered, "mine", "kept", name=name)
        _, state = send(numbered, "ask_rename", run_id=reviewed.id)
        state[f"run_{reviewed.id}"]["rename"]["new_name"] = name
        told, _ = send(numbered, "rename", state, run_id=reviewed.id)
        assert "choose another name" in str(told)
    assert al.runs(numbered) == [reviewed] and reviewed.reload().config.name == ""


def test_a_name_that_is_the_beginning_of_an_id_too_is_not_guessed(numbered, model, reviewed):
    other = al.start(numbered, ANSWERS, label_field="more", name=reviewed.id[:4], queue=False)
    with pytest.raises(AutoLabelingError, match="matches 2 runs") as refused:
        al.get(numbered, reviewed.id[:4])
    assert reviewed.id in str(refused.value) and other.id in str(refused.value)


def test_an_import_is_asked_for_in_the_right_kinds(numbered, command, tmp_path):
    for field, value in (
        ("replace", "no"),
        ("label_field", 5),
        ("name", 5),
        ("source", 5),
        ("sources", "mine"),
    ):
        answers = {"source": "mine", "label_field": "kept", field: value}
        if field != "sources":
            with pytest.raises(ConfigError) as refused:
                al.import_labels(numbered, **answers)
            assert set(refused.value.problems) == {field}
        with pytest.raises(Exception, match=field):
            call("import_labels", numbered, **answers)
        file = tmp_path / "import.yml"
        file.write_text(yaml.safe_dump(answers))
        assert set(command("import", "--config", file)[1]) == {field}
    assert al.runs(numbered) == []


def test_a_saved_view_of_a_field_that_is_gone_is_said(numbered, command, reviewed):
    truth = [fo.Detections(detections=[fo.Detection(label="a", bounding_box=[0, 0, 1, 1])])] * 40
    numbered.set_values("old", truth)
    gone = numbered.filter_labels("old", F("label") == "a")
    numbered.save_view("old", gone)
    numbered.delete_sample_field("old")
    flags = [f"--{key.replace('_', '-')}={value}" for key, value in ANSWERS.items()]
    for arguments in (
        ("run", *flags, "--label-field=more", "--view", "old"),
        ("run", *flags, "--label-field=more", "--view", "old", "--dry-run"),
        ("preview", *flags, "--view", "old"),
        ("promote", reviewed.id, "--view", "old"),
        ("labels", reviewed.id, "--view", "old"),
    ):
        status, _, said = command(*arguments)
        assert status == cli.verbs.REFUSED, said
        assert "saved view 'old'" in said and "'old'" in said and "Traceback" not in said
    context = {"dataset": numbered.name, "view": gone}
    params = {**ANSWERS, "label_field": "more", "target": "view"}
    with pytest.raises(Exception, match="cannot be read"):
        foo.execute_operator(f"{PLUGIN}/start_run", context, params=params)
    with pytest.raises(AutoLabelingError, match="no samples"):
        al.start(gone, params)
    assert al.runs(numbered) == [reviewed] and al.labels(reviewed, "approval").total == 0


def test_runs_are_listed_by_a_status_that_there_is(command, reviewed):
    assert command("list", "--status", "in review")[0] == cli.verbs.OK
    status, problems, _ = command("list", "--status", "ready")
    assert status == cli.verbs.REFUSED and "In Review" in problems["status"]
