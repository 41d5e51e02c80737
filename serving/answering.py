"""Answers whether this machine can run a model, for people who plan a run.

What else is trusted, installed or there is not said.
"""

import contextlib
import logging
import threading

from pydantic import ValidationError
from pymongo.errors import PyMongoError

from auto_labeling.core.run import RunConfig
from auto_labeling.models import availability
from auto_labeling.storage import worker_questions

logger = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 0.5
_MOST_REMEMBERED = 1000


class Answering:
    """Looks for questions at short intervals, in a thread of its own: also while a run goes on.

    Args:
        worker_id: who answers
        host: the name of this machine
    """

    def __init__(self, worker_id: str, host: str) -> None:
        self._worker_id = worker_id
        self._host = host
        self._answered = []
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look_until_closed, daemon=True)

    def __enter__(self) -> "Answering":
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._closed.set()
        self._thread.join()

    def _look_until_closed(self) -> None:
        while not self._closed.wait(_LOOK_EVERY_SECONDS):
            # A question that meets a database which is away is soon asked again, or forgotten.
            with contextlib.suppress(PyMongoError):
                self.look()

    def look(self) -> None:
        """Answers the questions that are open."""
        for inquiry_id, question in worker_questions.asked(but=self._answered).items():
            self._answered = [*self._answered, inquiry_id][-_MOST_REMEMBERED:]
            said = _problems(question)
            if said is not None:
                answer = {"host": self._host, "problems": said}
                worker_questions.answer(inquiry_id, self._worker_id, answer)


def _problems(question) -> dict | None:
    """What is wrong with a model here; None if the question is not understood."""
    try:
        config = RunConfig.model_validate(question)
    except ValidationError:  # of a version that knows other settings
        return None
    try:
        return availability.problems(config)
    except Exception:  # a path may be anything at all; silence means that it is unknown
        logger.exception("Could not answer a question about a model")
        return None
