"""The command line: ``auto-labeling <verb>``.

A verb is one function in a module of this folder, decorated with its name and arguments
(``verbs.py``). Verbs import the SDK when they run: it connects to the database, which
``--help`` and ``models`` do not need.
"""

import contextlib
import os
import sys
import traceback
from collections.abc import Sequence

from auto_labeling import __version__
from auto_labeling.cli import (
    birds_eye,
    converting,
    correcting,
    demo,
    launch,
    mending,
    models,
    output,
    plugin,
    preview,
    quality,
    reviewing,
    runs,
    starting,
    verbs,
)
from auto_labeling.core.errors import AutoLabelingError, DatabaseAway

#: The modules that define the verbs.
MODULES = (
    *(models, preview, starting, runs, reviewing, correcting, quality, mending, converting),
    birds_eye,
    *(launch, demo, plugin),
)

#: Verbs that print as they run, so that stdout is not only for their result.
_CHATTY = ("launch", "demo")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb.

    Args:
        argv (None): the arguments after ``auto-labeling``; by default, those of this process

    Returns:
        the exit status, one of :data:`auto_labeling.cli.verbs.STATUSES`
    """
    args = verbs.parser(__version__).parse_args(argv)
    try:
        with contextlib.nullcontext() if args.verb in _CHATTY else output.results_alone():
            return args.function(args) or verbs.OK
    except AutoLabelingError as error:
        output.refuse(error, args.json)
        return verbs.REFUSED
    except KeyboardInterrupt:
        output.say("Interrupted")
        return verbs.INTERRUPTED
    except BrokenPipeError:  # the reader of the output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return verbs.OK
    except Exception as error:  # noqa: BLE001 - with a status that no script takes for a refusal
        if _is_database_away(error):
            output.refuse(DatabaseAway(_AWAY), args.json)
            return verbs.REFUSED
        traceback.print_exc()
        return verbs.BUG


_AWAY = (
    "Can't reach the database. Check that MongoDB runs and that FIFTYONE_DATABASE_URI is right, "
    "then run the command again: nothing is applied twice"
)


def _is_database_away(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is that the database does not answer.

    FiftyOne connects when it is imported, and then raises an error of its own.
    """
    away = getattr(sys.modules.get("pymongo.errors"), "ConnectionFailure", ())
    while error is not None:
        if isinstance(error, away):
            return True
        error = error.__cause__ or error.__context__
    return False
