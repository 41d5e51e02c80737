"""The command line: ``auto-labeling <verb>``.

A verb is one function in a module of this folder, decorated with its name and arguments
(``verbs.py``). Verbs import the SDK when they run: it connects to the database, which
``--help`` and ``models`` do not need.
"""

import contextlib
import os
import sys
import traceback

from auto_labeling import __version__
from auto_labeling.cli import (
    demo,
    launch,
    mending,
    models,
    output,
    plugin,
    preview,
    reviewing,
    runs,
    starting,
    verbs,
)
from auto_labeling.core.errors import AutoLabelingError

#: The modules whose verbs there are.
MODULES = (models, preview, starting, runs, reviewing, mending, launch, demo, plugin)

#: Verbs whose output is what they and others say as they run.
_CHATTY = ("launch", "demo")


def main(argv=None) -> int:
    """Runs one verb.

    Args:
        argv (None): the words after ``auto-labeling``; by default, those of this process

    Returns:
        the exit status, one of :data:`auto_labeling.cli.verbs.STATUSES`
    """
    args = verbs.parser(__version__).parse_args(argv)
    try:
        alone = contextlib.nullcontext() if args.verb in _CHATTY else output.results_alone()
        with alone:
            return args.function(args) or verbs.OK
    except AutoLabelingError as error:
        output.refuse(error, args.json)
        return verbs.REFUSED
    except KeyboardInterrupt:
        output.say("Interrupted")
        return verbs.INTERRUPTED
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return verbs.OK
    except Exception:  # noqa: BLE001 - a status of its own, so that no script takes it for a refusal
        traceback.print_exc()
        return verbs.BUG
