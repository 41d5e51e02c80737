"""Questions to all workers of a database, and their answers: one key each, for a minute.

Both are JSON values. A question is asked once and answered once by each worker.
"""

import contextlib
import secrets
from collections.abc import Collection, Iterable

from fiftyone.operators.store import ExecutionStore

from auto_labeling.core.names import INQUIRIES_STORE

_KEPT_SECONDS = 60
_QUESTION, _ANSWER = "question", "answer"


def ask(question: dict) -> str:
    """Asks all workers. Returns the question's id."""
    inquiry_id = secrets.token_hex(8)
    _store().set(f"{_QUESTION}:{inquiry_id}", question, ttl=_KEPT_SECONDS)
    return inquiry_id


def open_questions(exclude: Collection[str] = ()) -> dict[str, dict]:
    """The questions that are open, by id, but for some ids."""
    store, questions = _store(), {}
    for key in store.list_keys():
        kind, _, inquiry_id = key.partition(":")
        if kind == _QUESTION and inquiry_id not in exclude:
            questions[inquiry_id] = store.get(key)
    return {
        inquiry_id: question for inquiry_id, question in questions.items() if question is not None
    }


def answer(inquiry_id: str, worker_id: str, content: dict) -> None:
    """Stores the answer of one worker.

    Args:
        inquiry_id: the question's id
        worker_id: the worker's id
        content: the answer, a JSON value
    """
    _store().set(f"{_ANSWER}:{inquiry_id}:{worker_id}", content, ttl=_KEPT_SECONDS)


def answers(inquiry_id: str, worker_ids: Iterable[str]) -> dict[str, dict]:
    """Reads the answers so far.

    Args:
        inquiry_id: the question's id
        worker_ids: the workers that may have answered

    Returns:
        the answer of each worker that has given one, by its id
    """
    store = _store()
    values = {
        worker_id: store.get(f"{_ANSWER}:{inquiry_id}:{worker_id}") for worker_id in worker_ids
    }
    return {worker_id: value for worker_id, value in values.items() if value is not None}


def remove(inquiry_id: str) -> None:
    """Removes a question and its answers."""
    store = _store()
    for key in store.list_keys():
        if key.split(":")[1:2] == [inquiry_id]:
            with contextlib.suppress(KeyError):
                store.delete(key)


def _store() -> ExecutionStore:
    return ExecutionStore.create(INQUIRIES_STORE)
