"""The App's server for a person who may look at datasets, but not edit them.

Open-source FiftyOne knows no users, so every request is given one, as FiftyOne Enterprise does.
"""

import functools
import os
import runpy
from types import SimpleNamespace

os.environ["FIFTYONE_SERVER"] = "1"  # as main.py does, before it imports FiftyOne

from fiftyone.operators.executor import ExecutionContext

_VERA = SimpleNamespace(id="vera", name="Vera", dataset_permission="VIEW", _request_token=None)
_init = ExecutionContext.__init__


@functools.wraps(_init)
def _with_user(self, *args, **kwargs):
    _init(self, *args, **kwargs)
    self.user = _VERA


ExecutionContext.__init__ = _with_user

runpy.run_path("main.py", run_name="__main__")
