"""The names that the package ``auto_labeling`` gives."""

from pathlib import Path

import auto_labeling as al


def test_no_subpackage_has_the_name_of_a_verb():
    """Python binds an imported subpackage to its package, over the SDK's function of that name."""
    folders = {path.parent.name for path in Path(al.__file__).parent.glob("*/__init__.py")}
    modules = {path.stem for path in Path(al.__file__).parent.glob("*.py")}
    assert not (folders | modules) & al._SDK
