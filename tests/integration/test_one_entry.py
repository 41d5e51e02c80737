"""A setting is written down once: a field of ``RunConfig`` appears in each way in."""

import json
import subprocess
import sys

from tests.support import added_setting
from tests.support.paths import CHECKOUT


def test_a_new_setting_appears_everywhere_by_its_entry(dataset, no_speeds):
    command = [sys.executable, "-m", "tests.support.added_setting", dataset.name]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    *help_of_run, last = done.stdout.splitlines()
    shown = json.loads(last)
    title, description = added_setting.TITLE, added_setting.DESCRIPTION
    assert title in shown["panel"] and description in shown["panel"]
    assert shown["refused"] == {"overlap": "Maximum overlap must be a number from 0 to 1"}
    assert shown["run"] == shown["again"] == 0.5, "the run has it, and its duplicate asks for it"
    help_text = " ".join(" ".join(help_of_run).split())
    assert "--overlap N" in help_text and "discard boxes that overlap more than this" in help_text
    assert title in shown["operator"] and description in shown["operator"]
    assert f"| `overlap` | {description} | number, 0" in shown["reference"]
