"""Answers whether this machine can run a model, for people who plan a run.

The answers reveal nothing else about this machine.
"""

import contextlib
import logging
import threading
from typing import Any

from pydantic import ValidationError
from pymongo.errors import PyMongoError

from auto_labeling.core.run import RunConfig
from auto_labeling.models import custom_check
from auto_labeling.storage import worker_questions

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 0.5
_MAX_REMEMBERED = 1000


class Answering:
    """Looks for questions at short intervals, in a thread of its own: also during a run.

    Args:
        worker_id: the ID of the worker that answers
        host: the name of this machine
    """

    def __init__(self, worker_id: str, host: str) -> None:
        self._worker_id = worker_id
        self._host = host
        self._answered: list[str] = []
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look_until_closed, daemon=True)

    def __enter__(self) -> "Answering":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def _look_until_closed(self) -> None:
        while not self._closed.wait(_LOOK_EVERY_SECONDS):
            # If the database is away, the next look finds the question, or it has expired.
            with contextlib.suppress(PyMongoError):
                self.look()

    def look(self) -> None:
        """Answers the open questions."""
        for inquiry_id, question in worker_questions.open_questions(exclude=self._answered).items():
            self._answered = [*self._answered, inquiry_id][-_MAX_REMEMBERED:]
            problems = _problems(question)
            if problems is not None:
                answer = {"host": self._host, "problems": problems}
                worker_questions.answer(inquiry_id, self._worker_id, answer)


def _problems(question: dict[str, Any]) -> dict[str, str] | None:
    """Returns why this machine cannot run a model, by setting; None if this cannot be checked."""
    try:
        config = RunConfig.model_validate(question)
    except ValidationError:  # another version asks, with other settings
        return None
    try:
        return custom_check.problems(config)
    except Exception:  # a path may be anything; no answer means unknown
        logger.exception("Could not answer a question about a model")
        return None
