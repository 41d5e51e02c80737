"""Whether a custom model can run on the live workers: asks them.

Only ``auto-labeling launch`` answers. Whoever submits a run may trust other things and have other
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
PATIENCE = 5.0

_LOOK_EVERY_SECONDS = 0.1

#: Seconds for which an answer is good enough to be shown.
_FRESH_SECONDS = 20.0

_MOST_KNOWN = 100

UNKNOWN = "unknown until a worker picks it up"

# What a worker needs to know to judge a model.
_ASKED = {"task", "method", "model", "checkpoint", "segmenter", "classes"}

_lock = threading.Lock()
_known: dict[str, tuple[float, "Standing"]] = {}
_pending: set[str] = set()


class Said(BaseModel):
    """What one worker has answered.

    Args:
        host: its machine
        problems: a sentence by field; empty if it can run the model
    """

    model_config = ConfigDict(frozen=True)

    host: str
    problems: dict[str, str] = {}


class Standing(BaseModel):
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
    workers: tuple[Said, ...] = ()
    silent: int = 0
    asking: bool = False

    @property
    def lines(self) -> tuple[str, ...]:
        """How it stands, for people: a line for each machine that knows something."""
        here = f"not on this machine: {self.here}" if self.here else "on this machine"
        said = [f"{one.host}: {_reason(one) or 'can run it'}" for one in self.workers]
        if self.asking:
            return (here, "asking the workers")
        return (here, *(said or [f"on a worker: {UNKNOWN}"]))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may go wrong, in sentences."""
        refused = [
            f"{one.host} cannot run it: {_reason(one)}" for one in self.workers if one.problems
        ]
        is_settled = self.workers and (not self.silent or len(refused) < len(self.workers))
        if is_settled or self.asking:
            return tuple(refused)
        here = f". On this machine: {self.here}" if self.here else ""
        return (*refused, f"Whether {self.reference} can run is {UNKNOWN}{here}")


def ask(config: RunConfig) -> Standing | None:
    """Asks the live workers about the model that a run names, and waits for their answers.

    Args:
        config: the run's configuration

    Returns:
        a :class:`Standing`; None if it is no custom model
    """
    reference = custom_check.reference(config)
    if not reference:
        return None
    here = "; ".join(custom_check.problems(config, trusted=True).values())
    waiting = {worker.id for worker in live_workers.live()}
    answers = _answers(config, waiting) if waiting else {}
    said = tuple(Said.model_validate(answers[one]) for one in sorted(answers))
    return Standing(
        reference=reference, here=here, workers=said, silent=len(waiting) - len(answers)
    )


def glance(config: RunConfig) -> Standing | None:
    """The same at once: what is known by now, while a thread asks the workers if needed."""
    reference = custom_check.reference(config)
    if not reference:
        return None
    key = json.dumps(_question(config))
    with _lock:
        at, standing = _known.get(key, (0.0, None))
        if standing is not None and time.monotonic() - at < _FRESH_SECONDS:
            return standing
        if key not in _pending:
            _pending.add(key)
            threading.Thread(target=_find_out, args=(key, config), daemon=True).start()
    if standing is not None:  # shown while the workers are asked again
        return standing
    here = "; ".join(custom_check.problems(config, trusted=True).values())
    return Standing(reference=reference, here=here, asking=True)


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
    standing = ask(config)
    if standing is None or standing.silent or not standing.workers:
        return
    if all(one.problems for one in standing.workers):
        fields = dict.fromkeys(field for one in standing.workers for field in one.problems)
        raise ConfigError({field: _of_field(standing, field) for field in fields})


def _of_field(standing: Standing, field: str) -> str:
    said = dict.fromkeys(
        f"{one.host}: {one.problems[field]}" for one in standing.workers if field in one.problems
    )
    return f"No worker can run it. {'; '.join(said)}"


def _find_out(key: str, config: RunConfig) -> None:
    standing = None
    try:
        standing = ask(config)
    finally:
        with _lock:
            _pending.discard(key)
            if len(_known) > _MOST_KNOWN:
                _known.clear()
            if standing is not None:
                _known[key] = (time.monotonic(), standing)


def _answers(config: RunConfig, waiting: set[str]) -> dict[str, dict[str, Any]]:
    inquiry_id = worker_questions.ask(_question(config))
    deadline = time.monotonic() + PATIENCE
    answers: dict[str, dict[str, Any]] = {}
    try:
        while len(answers) < len(waiting) and time.monotonic() < deadline:
            time.sleep(_LOOK_EVERY_SECONDS)
            answers |= worker_questions.answers(inquiry_id, waiting - answers.keys())
    finally:
        worker_questions.remove(inquiry_id)
    return answers


def _question(config: RunConfig) -> dict[str, Any]:
    return {**config.model_dump(mode="json", include=_ASKED), "label_field": "asked"}


def _reason(one: Said) -> str:
    return "; ".join(one.problems.values())
