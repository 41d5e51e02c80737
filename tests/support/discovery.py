"""Run by itself in a fresh process: tells, in one line of JSON, what FiftyOne discovers there.

What its own commands print, what its registry holds, and which files the code came from.
"""

import contextlib
import io
import json
import pickle
import sys
from pathlib import Path

import fiftyone.operators as foo
import fiftyone.plugins as fop
from fiftyone.core.cli import main
from fiftyone.plugins.context import build_plugin_contexts


def command(*arguments: str) -> str:
    """What ``fiftyone <arguments>`` prints."""
    printed = io.StringIO()
    sys.argv = ["fiftyone", *arguments]
    with contextlib.redirect_stdout(printed):
        main()
    return printed.getvalue()


def discover(name: str) -> dict:
    """Asks FiftyOne about the plugin ``name``, more than once as the App does."""
    plugins = [p for p in fop.list_plugins() if p.name == name]
    found = [operator for operator in foo.list_operators(builtin=False) if operator.uri]
    contexts = [c for c in build_plugin_contexts() if c.name == name]
    return {
        "plugins": [[p.name, str(p.version), str(p.directory)] for p in plugins],
        "errors": [error for context in contexts for error in context.errors],
        "operators": sorted(o.uri for o in found if not isinstance(o, foo.Panel)),
        "panels": sorted(o.uri for o in found if isinstance(o, foo.Panel)),
        "modules": sorted({type(o).__module__ for o in found}),
        "pickled": all(pickle.loads(pickle.dumps(type(o))) is type(o) for o in found),
        "printed": {
            "plugins": command("plugins", "list", "--no-builtins"),
            "operators": command("operators", "list", "--no-builtins", "--include-unlisted"),
            "requirements": command("plugins", "requirements", name, "--print") if plugins else "",
        },
    }


def loaded() -> dict:
    """The files of Auto-Labeling in this process, each with the names of its modules.

    FiftyOne's synthetic module is the entry alone, executed again at every look-up.
    """
    files = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path and "auto_labeling" in name and not name.startswith("fiftyone."):
            files.setdefault(str(Path(path).resolve()), []).append(name)
    return files


if __name__ == "__main__":
    answer = discover(sys.argv[1])
    print(json.dumps({**answer, "loaded": loaded()}))
