"""``launch``: a worker."""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from auto_labeling.cli import verbs
from auto_labeling.cli.verbs import argument, verb
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.serving import gpus, parent_watch
from auto_labeling.serving.event_log import EventLog
from auto_labeling.serving.fleet import Fleet
from auto_labeling.serving.options import LOG_DIR_VARIABLE, Options, default_log_dir

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from auto_labeling.serving.server import Server

#: The flags that the worker of each GPU gets too.
_PASSED_ON = ("--all", "--drain", "--once", "--verbose", "--json")


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
    argument(
        "--all",
        action="store_true",
        help="run the operations of all plugins, not only Auto-Labeling's",
    ),
    argument(
        "--gpus",
        nargs="?",
        const=0,
        type=_gpus,
        metavar="N",
        help="start a worker for each GPU in CUDA_VISIBLE_DEVICES, or for N of them",
    ),
    argument("--drain", action="store_true", help="exit when the queue is empty"),
    argument("--once", action="store_true", help="exit after one operation"),
    argument(
        "--grace",
        type=_seconds,
        metavar="SECONDS",
        help="let an operation continue for this long after SIGTERM or Ctrl-C (default: until "
        "it is done)",
    ),
    argument(
        "--poll",
        type=_seconds,
        default=0.5,
        metavar="SECONDS",
        help="check the queue this often (default: 0.5)",
    ),
    argument(
        "--log-dir",
        type=Path,
        metavar="FOLDER",
        help=f"store logs in this folder (default: ${LOG_DIR_VARIABLE}, or "
        "~/.fiftyone/auto-labeling/logs)",
    ),
    argument("--verbose", action="store_true", help="also print the log of each operation"),
    examples=("launch", "launch --gpus", "launch --all --verbose", "launch --drain --json"),
)
def launch(args: argparse.Namespace) -> int:
    """Start a worker, which generates labels for queued runs, oldest first.

    Each operation runs in its own process. If that process is killed, its run shows why and can
    be resumed, and the worker continues with the next operation. SIGTERM and Ctrl-C let the
    current operation finish; a second one stops it at once, and its run can be resumed. With
    --json, each event is printed as one line of JSON.
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
    tally = _server(options, EventLog(options.json)).serve()
    ends = options.drain or options.once
    return verbs.RUN_FAILED if ends and tally["failed"] else verbs.OK


def _server(options: Options, events: EventLog) -> "Server":
    from pymongo.errors import PyMongoError

    try:
        from auto_labeling.serving.server import Server

        return Server(options, events)
    except (PyMongoError, ConnectionError) as error:
        reason = str(error).partition(" (configured timeouts")[0]
        raise AutoLabelingError(f"Can't reach the database: {reason}") from error


def _one_for_each_gpu(args: argparse.Namespace, options: Options) -> int:
    visible = gpus.chosen(args.gpus, gpus.count(), os.environ)
    command = [sys.executable, "-m", "auto_labeling.cli", "launch"]
    command += [flag for flag in _PASSED_ON if getattr(args, flag.removeprefix("--"))]
    command += ["--log-dir", str(options.log_dir), "--poll", str(options.poll)]
    command += ["--grace", str(options.grace)] if options.grace is not None else []
    ends = options.drain or options.once
    return Fleet(command, [{gpus.VARIABLE: gpu} for gpu in visible], restart=not ends).run()
