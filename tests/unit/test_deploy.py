"""The files to start a deployment from: their form, and that what they run exists."""

import configparser
import re
import shlex
from pathlib import Path

import yaml

from auto_labeling import __version__
from auto_labeling.cli import verbs

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _parsed(command):
    words = shlex.split(command)
    assert words[0].endswith("auto-labeling")
    return verbs.parser(__version__).parse_args(words[1:])


def test_the_unit_starts_a_worker_and_lets_it_finish():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read_string((DOCS / "deploy" / "auto-labeling-worker.service").read_text())
    service = unit["Service"]
    args = _parsed(service["ExecStart"])
    assert args.verb == "launch"
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > args.grace
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_the_compose_file_has_what_a_worker_needs():
    services = yaml.safe_load((DOCS / "deploy" / "compose.yaml").read_text())["services"]
    assert set(services) == {"mongodb", "app", "worker"}
    worker, app = services["worker"], services["app"]
    args = _parsed(worker["command"])
    assert args.verb == "launch" and args.gpus == 0
    assert int(re.match(r"(\d+)gb", worker["shm_size"])[1]) >= 1
    assert 60 * int(re.match(r"(\d+)m", worker["stop_grace_period"])[1]) > args.grace
    assert worker["environment"] == app["environment"]
    assert set(app["volumes"]) < set(worker["volumes"]), "the same media and models"
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
    assert app["ports"] == ["127.0.0.1:5151:5151"], "the App has no login"
    assert (DOCS.parent / app["build"]["dockerfile"]).is_file()


def test_the_page_names_only_options_that_exist():
    text = (DOCS / "deploy.md").read_text()
    commands = re.findall(r"^auto-labeling [^#\n]+", text, flags=re.M)
    assert len(commands) >= 4
    for command in commands:
        _parsed(command.strip())
    for link in re.findall(r"\]\((deploy/[^)]+)\)", text):
        assert (DOCS / link).is_file(), link
