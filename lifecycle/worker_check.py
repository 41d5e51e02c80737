"""Whether a custom model can run on the live workers: asks them.

Only ``auto-labeling launch`` answers. The machine of the App may trust other things and have other
files, so its own machine never decides for a worker's.
"""

import json
import threading
import time
from typing import Any

from pydantic import BaseModel, ConfigDict

from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import RunConfig
from auto_labeling.models import custom_check
from auto_labeling.storage import live_workers, worker_questions

#: Seconds that workers have to answer.
ANSWER_TIMEOUT_SECONDS = 5.0

_LOOK_EVERY_SECONDS = 0.1

#: Seconds for which an answer is good enough to be shown.
_FRESH_SECONDS = 20.0

_MAX_REMEMBERED = 100

UNKNOWN = "unknown until a worker picks it up"

# What a worker needs to know to judge a model.
_QUESTION_FIELDS = {"task", "method", "model", "checkpoint", "segmenter", "classes"}

_lock = threading.Lock()
_statuses: dict[str, tuple[float, "ModelStatus"]] = {}
_pending: set[str] = set()


class WorkerAnswer(BaseModel):
    """What one worker has answered.

    Args:
        host: its machine
        problems: a sentence by field; empty if it can run the model
    """

    model_config = ConfigDict(frozen=True)

    host: str
    problems: dict[str, str] = {}


class ModelStatus(BaseModel):
    """Where a custom model can run.

    Args:
        reference: what the run names: a path, an import path, a remote source
        here: what is wrong with it on the machine that asks, trust aside; empty if nothing is
        workers: what each live worker that answered has said
        silent: how many live workers have not answered
        asking: whether workers are being asked at this moment
    """

    model_config = ConfigDict(frozen=True)

    reference: str
    here: str = ""
    workers: tuple[WorkerAnswer, ...] = ()
    silent: int = 0
    asking: bool = False

    @property
    def lines(self) -> tuple[str, ...]:
        """How it stands, for people: a line for each machine that knows something."""
        here = f"not on this machine: {self.here}" if self.here else "on this machine"
        answers = [f"{worker.host}: {_reason(worker) or 'can run it'}" for worker in self.workers]
        if self.asking:
            return (here, "asking the workers")
        return (here, *(answers or [f"on a worker: {UNKNOWN}"]))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may go wrong, in sentences."""
        refused = [
            f"{worker.host} cannot run it: {_reason(worker)}"
            for worker in self.workers
            if worker.problems
        ]
        is_settled = self.workers and (not self.silent or len(refused) < len(self.workers))
        if is_settled or self.asking:
            return tuple(refused)
        here = f". On this machine: {self.here}" if self.here else ""
        return (*refused, f"Whether {self.reference} can run is {UNKNOWN}{here}")


def ask_workers(config: RunConfig) -> ModelStatus | None:
    """Asks the live workers about the model that a run names, and waits for their answers.

    Args:
        config: the run's configuration

    Returns:
        a :class:`ModelStatus`; None if it is no custom model
    """
    reference = custom_check.reference(config)
    if not reference:
        return None
    here = "; ".join(custom_check.problems(config, trusted=True).values())
    waiting = {worker.id for worker in live_workers.live()}
    answers = _collect_answers(config, waiting) if waiting else {}
    workers = tuple(
        WorkerAnswer.model_validate(answers[worker_id]) for worker_id in sorted(answers)
    )
    return ModelStatus(
        reference=reference, here=here, workers=workers, silent=len(waiting) - len(answers)
    )


def latest_status(config: RunConfig) -> ModelStatus | None:
    """The same at once: what is known by now, while a thread asks the workers if needed."""
    reference = custom_check.reference(config)
    if not reference:
        return None
    key = json.dumps(_question(config))
    with _lock:
        at, status = _statuses.get(key, (0.0, None))
        if status is not None and time.monotonic() - at < _FRESH_SECONDS:
            return status
        if key not in _pending:
            _pending.add(key)
            threading.Thread(target=_ask_and_remember, args=(key, config), daemon=True).start()
    if status is not None:  # shown while the workers are asked again
        return status
    here = "; ".join(custom_check.problems(config, trusted=True).values())
    return ModelStatus(reference=reference, here=here, asking=True)


def require(config: RunConfig, queue: bool) -> None:
    """Refuses a run that is known to fail, before anything is written.

    Args:
        config: the run's configuration
        queue: whether a worker is to label; if not, this process does

    Raises:
        ConfigError: if this process cannot run the model, or all live workers say so of theirs
    """
    if not queue:
        if problems := custom_check.problems(config):
            raise ConfigError(problems)
        return
    status = ask_workers(config)
    if status is None or status.silent or not status.workers:
        return
    if all(worker.problems for worker in status.workers):
        fields = dict.fromkeys(field for worker in status.workers for field in worker.problems)
        raise ConfigError({field: _of_field(status, field) for field in fields})


def _of_field(status: ModelStatus, field: str) -> str:
    reasons = dict.fromkeys(
        f"{worker.host}: {worker.problems[field]}"
        for worker in status.workers
        if field in worker.problems
    )
    return f"No worker can run it. {'; '.join(reasons)}"


def _ask_and_remember(key: str, config: RunConfig) -> None:
    status = None
    try:
        status = ask_workers(config)
    finally:
        with _lock:
            _pending.discard(key)
            if len(_statuses) > _MAX_REMEMBERED:
                _statuses.clear()
            if status is not None:
                _statuses[key] = (time.monotonic(), status)


def _collect_answers(config: RunConfig, waiting: set[str]) -> dict[str, dict[str, Any]]:
    inquiry_id = worker_questions.ask(_question(config))
    deadline = time.monotonic() + ANSWER_TIMEOUT_SECONDS
    answers: dict[str, dict[str, Any]] = {}
    try:
        while len(answers) < len(waiting) and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_SECONDS)
            answers |= worker_questions.answers(inquiry_id, waiting - answers.keys())
    finally:
        worker_questions.remove(inquiry_id)
    return answers


def _question(config: RunConfig) -> dict[str, Any]:
    return {**config.model_dump(mode="json", include=_QUESTION_FIELDS), "label_field": "asked"}


def _reason(worker: WorkerAnswer) -> str:
    return "; ".join(worker.problems.values())
