"""What happens to a run from its start to its end, below the ways in and above the storage.

The package has the name of a function of the SDK: ``auto_labeling.runs(dataset)`` is that function.
"""

import importlib
import sys
import types


class _Package(types.ModuleType):
    """This package, which can be called as the SDK's function of the same name."""

    def __call__(self, dataset):
        return importlib.import_module("auto_labeling.sdk").runs(dataset)


sys.modules[__name__].__class__ = _Package
