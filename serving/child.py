"""The process in which operations run: ``python -m auto_labeling.serving.child``.

It imports what they need and waits, so that a run starts at once. Each line of its standard input
is an order; it answers on its standard output. An operation's own output goes to its log. When its
input ends, so does it.
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

from auto_labeling.serving import parent_watch

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def main() -> None:
    """Says what it can do, then executes what it is ordered to, for as long as it is wanted."""
    parent_watch.end_with_parent(signal.SIGKILL)
    answers = _take_stdout()
    orders = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    try:
        _tell(answers, ready=_prepare())
    except Exception as error:  # noqa: BLE001 - whatever is wrong with this installation
        traceback.print_exc()
        _tell(answers, broken=str(error) or type(error).__name__)
        os._exit(1)
    errors = os.dup(2)
    while True:
        order = orders.get()
        _log_to(order["log"])
        done = _execute(order)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        _tell(answers, executed=done)


def _listen(orders) -> None:
    """Passes orders on; ends this process and its children when nobody can give any more."""
    for line in os.fdopen(0, "rb"):
        orders.put(json.loads(line))
    os.killpg(0, signal.SIGKILL)


def _take_stdout() -> int:
    """Keeps standard output for answers; what libraries print goes to standard error."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _tell(answers, **answer) -> None:
    os.write(answers, json.dumps(answer).encode() + b"\n")


def _prepare() -> str:
    """Imports what takes long, and sees that FiftyOne finds our plugin. Returns the device."""
    import fiftyone as fo
    from fiftyone.operators import OperatorRegistry

    from auto_labeling.core.errors import AutoLabelingError
    from auto_labeling.core.names import GENERATE_OPERATOR, PLUGIN

    _log_plainly()
    registry = OperatorRegistry()
    if registry.get_operator(GENERATE_OPERATOR) is None:
        why = [str(error).strip().splitlines()[-1] for error in registry.list_errors()]
        raise AutoLabelingError(
            f"FiftyOne cannot find the plugin {PLUGIN} in {fo.config.plugins_dir}; "
            + "; ".join(why or ["`auto-labeling install-plugin` links it there"])
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
    """One line for each record, with its time, ours and FiftyOne's alike."""
    logging.basicConfig(level=logging.WARNING, format=_FORMAT, force=True)
    for name in ("auto_labeling", "fiftyone", "eta"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.INFO)


def _log_to(path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def _execute(order) -> bool:
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
