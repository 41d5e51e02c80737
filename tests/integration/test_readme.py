"""What README.md says to type is typed, on the demo's images and with its model."""

import re
import shlex
import threading

import pytest

import auto_labeling as al
from auto_labeling import cli
from auto_labeling.cli import verbs
from tests.support.paths import CHECKOUT

README = (CHECKOUT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.M | re.S)
COMMANDS = [line for kind, text in BLOCKS if kind == "" for line in text.splitlines() if line]
SNIPPETS = [text for kind, text in BLOCKS if kind == "python"]

#: Commands that are not run here, and what runs them instead or why nothing can.
NOT_RUN = {
    "make demo": "runs until Ctrl-C; tests/install runs what it needs, the browser tests the App",
    "make test": "runs this",
    "fiftyone plugins download <this repository's address>": "tests/install/test_install.py",
    'ln -s /path/to/this/checkout "$(fiftyone config plugins_dir)/auto-labeling"': (
        "tests/install/test_install.py"
    ),
    "pip install /path/to/this/checkout": "tests/install/test_install.py",
    "auto-labeling install-plugin": "tests/install/test_install_plugin.py",
}
LAUNCH = "auto-labeling launch"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo's dataset, with fewer images."""
    pytest.importorskip("ultralytics")
    from auto_labeling.demo import data

    folder = tmp_path_factory.mktemp("readme")
    dataset = data.make_dataset("auto-labeling-demo", n_shapes=12, folder=folder)
    yield dataset
    dataset.delete()


def test_the_commands_do_what_they_say(demo, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run = [line for line in COMMANDS if line not in NOT_RUN and not line.startswith(LAUNCH)]
    assert len(run) > 5
    for line in run:
        program, *arguments = shlex.split(line)
        assert program == "auto-labeling", f"{line}: run it, or say in NOT_RUN why not"
        target = None
        if ">" in arguments:
            target = tmp_path / arguments.pop()
            arguments.remove(">")
        assert cli.main(arguments) == verbs.OK, line
        printed = capsys.readouterr().out
        if target:
            target.write_text(printed, encoding="utf-8")
    found = [r for r in al.runs(demo) if r.label_field in ("predictions", "again")]
    assert [r.status for r in found] == ["Generating", "Approved"]
    assert found[1].approved == demo.count("predictions.detections") > 10


def test_the_snippets_do_what_they_say(demo):
    over = threading.Event()
    worker = threading.Thread(target=_work, args=(demo, over))
    worker.start()
    try:
        for snippet in SNIPPETS:
            names = {}
            exec(compile(snippet, "README.md", "exec"), names)
    finally:
        over.set()
        worker.join()
    assert names["run"].status == "Approved"
    assert names["run"].approved == demo.count("shapes.detections") > 10


def _work(dataset, over):
    """What a worker does, once: the snippets wait for one."""
    while not over.wait(0.2):
        for run in al.runs(dataset):
            # An operation is there once all else is.
            if run.label_field == "shapes" and run.is_active and run.record.operation_id:
                al.generate(run)
                return


def test_nothing_is_excused_that_the_readme_does_not_say():
    assert set(NOT_RUN) <= set(COMMANDS)
