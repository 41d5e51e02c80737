"""``launch``: a worker."""

import argparse
import os
import signal
import sys
from pathlib import Path

from auto_labeling.cli import verbs
from auto_labeling.cli.verbs import argument, verb
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.serving import gpus, parent_watch
from auto_labeling.serving.event_log import Teller
from auto_labeling.serving.fleet import Fleet
from auto_labeling.serving.options import LOG_DIR_VARIABLE, Options, default_log_dir

_OURS = ("--all", "--drain", "--once", "--verbose", "--json")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of seconds")
    return value


def _gpus(text: str) -> int:
    """A number of GPUs; 0 stands for all."""
    if text == "all":
        return 0
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"'{text}' is neither 'all' nor a positive number")


@verb(
    "launch",
    argument("--all", action="store_true", help="serve all plugins' operations, not only ours"),
    argument(
        "--gpus",
        nargs="?",
        const=0,
        type=_gpus,
        metavar="N",
        help="one worker for each GPU that CUDA_VISIBLE_DEVICES shows, or for N of them",
    ),
    argument("--drain", action="store_true", help="end when nothing is queued any more"),
    argument("--once", action="store_true", help="end after one operation"),
    argument(
        "--grace",
        type=_seconds,
        metavar="SECONDS",
        help="how long an operation may go on after SIGTERM or Ctrl-C (until it is done)",
    ),
    argument(
        "--poll",
        type=_seconds,
        default=0.5,
        metavar="SECONDS",
        help="time between looks at the queue (0.5)",
    ),
    argument(
        "--log-dir",
        type=Path,
        metavar="FOLDER",
        help=f"for operations' logs (${LOG_DIR_VARIABLE}, or ~/.fiftyone/auto-labeling/logs)",
    ),
    argument("--verbose", action="store_true", help="print what operations log, too"),
    examples=("launch", "launch --gpus", "launch --all --verbose", "launch --drain --json"),
)
def launch(args) -> int:
    """Starts a worker: it generates the labels of runs, in the order in which they were queued.

    Each operation runs in a process that is watched: if that is killed, its run shows why and can
    be resumed, and the worker goes on with the next. SIGTERM and Ctrl-C let the current operation
    finish; a second one stops it at once, and its run can be resumed. With --json, what happens is
    printed as one JSON line each.
    """
    folder = (args.log_dir or default_log_dir()).expanduser().absolute()
    options = Options(
        log_dir=folder,
        everything=args.all,
        drain=args.drain,
        once=args.once,
        poll=args.poll,
        grace=args.grace,
        verbose=args.verbose,
        json=args.json,
    )
    if args.gpus is not None:
        return _one_for_each_gpu(args, options)
    parent_watch.end_with_parent(signal.SIGTERM)
    tally = _server(options, Teller(options.json)).serve()
    ends = options.drain or options.once
    return verbs.RUN_FAILED if ends and tally["failed"] else verbs.OK


def _server(options, teller):
    from pymongo.errors import PyMongoError

    try:
        from auto_labeling.serving.server import Server

        return Server(options, teller)
    except (PyMongoError, ConnectionError) as error:
        why = str(error).partition(" (configured timeouts")[0]
        raise AutoLabelingError(f"The database does not answer: {why}") from error


def _one_for_each_gpu(args, options) -> int:
    visible = gpus.chosen(args.gpus, gpus.count(), os.environ)
    words = [sys.executable, "-m", "auto_labeling.cli", "launch"]
    words += [word for word in _OURS if getattr(args, word.removeprefix("--"))]
    words += ["--log-dir", str(options.log_dir), "--poll", str(options.poll)]
    words += ["--grace", str(options.grace)] if options.grace is not None else []
    ends = options.drain or options.once
    return Fleet(words, [{gpus.VARIABLE: gpu} for gpu in visible], restart=not ends).run()
