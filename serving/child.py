"""The process in which operations run: ``python -m auto_labeling.serving.child``.

It imports what they need and waits, so that a run starts at once. Each line of its standard input
is an order; it answers on its standard output. An operation's own output goes to its log. When the
input ends, the process ends too.
"""

import importlib.util
import json
import logging
import os
import queue
import signal
import sys
import threading
import traceback
from typing import Any, NoReturn, TypedDict

from auto_labeling.serving import parent_watch

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Order(TypedDict):
    """A line of the standard input: the operation to execute."""

    operation: str  # its ID
    link: str  # marks the operation as claimed by our worker
    log: str  # the path of its log


def main() -> NoReturn:
    """Answers with the device, then executes one order after another."""
    parent_watch.end_with_parent(signal.SIGKILL)
    answers = _take_stdout()
    orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    try:
        _answer(answers, ready=_prepare())
    except Exception as error:  # noqa: BLE001 - any fault of this installation
        traceback.print_exc()
        _answer(answers, broken=str(error) or type(error).__name__)
        os._exit(1)
    errors = os.dup(2)
    while True:
        order = orders.get()
        _log_to(order["log"])
        executed = _execute(order)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        _answer(answers, executed=executed)


def _listen(orders: "queue.SimpleQueue[Order]") -> None:
    """Queues the orders; ends this process and its children when the input ends."""
    for line in os.fdopen(0, "rb"):
        orders.put(json.loads(line))
    os.killpg(0, signal.SIGKILL)


def _take_stdout() -> int:
    """Keeps standard output for answers, and returns it; prints of libraries go to stderr."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _answer(answers: int, **answer: Any) -> None:
    os.write(answers, json.dumps(answer).encode() + b"\n")


def _prepare() -> str:
    """Imports the slow libraries, checks that FiftyOne finds our plugin, and returns the device."""
    import fiftyone as fo
    from fiftyone.operators import OperatorRegistry

    from auto_labeling.core.errors import AutoLabelingError
    from auto_labeling.core.names import GENERATE_OPERATOR, PLUGIN

    _log_plainly()
    registry = OperatorRegistry()
    if registry.get_operator(GENERATE_OPERATOR) is None:
        reasons = [str(error).strip().splitlines()[-1] for error in registry.list_errors()]
        raise AutoLabelingError(
            f"FiftyOne cannot find the plugin {PLUGIN} in {fo.config.plugins_dir}; "
            + "; ".join(reasons or ["`auto-labeling install-plugin` links it there"])
        )
    return _device()


def _device() -> str:
    if importlib.util.find_spec("torch") is None:
        return ""
    import torch

    if torch.cuda.is_available():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").strip()
        return f"cuda:{visible}" if visible.isdecimal() else "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _log_plainly() -> None:
    """Logs each record as one line with its time, for our loggers and FiftyOne's."""
    logging.basicConfig(level=logging.WARNING, format=_FORMAT, force=True)
    for name in ("auto_labeling", "fiftyone", "eta"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.INFO)


def _log_to(path: str) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _execute(order: Order) -> bool:
    """Executes an operation, unless another worker was faster."""
    from bson import ObjectId
    from fiftyone.operators.delegated import DelegatedOperationService

    service = DelegatedOperationService()
    try:
        operation = service.get(ObjectId(order["operation"]))
    except ValueError:  # it was deleted
        return False
    return service.execute_operation(operation, log=True, run_link=order["link"]) is not None


if __name__ == "__main__":
    main()
