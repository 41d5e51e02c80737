"""The names that the package ``auto_labeling`` gives."""

import subprocess
import sys

_PROGRAM = """
import auto_labeling.lifecycle.resuming
import auto_labeling as al
from auto_labeling.sdk import runs
assert al.runs is runs, al.runs
assert sorted(al._SDK - {name for name in al._SDK if callable(getattr(al, name))}) == []
"""


def test_a_verb_is_not_hidden_by_a_subpackage_of_its_name():
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True, timeout=60)
