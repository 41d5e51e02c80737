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


def asked(but: Collection[str] = ()) -> dict[str, dict]:
    """The questions that are open, by id, but for some ids."""
    store, found = _store(), {}
    for key in store.list_keys():
        kind, _, inquiry_id = key.partition(":")
        if kind == _QUESTION and inquiry_id not in but:
            found[inquiry_id] = store.get(key)
    return {inquiry_id: question for inquiry_id, question in found.items() if question is not None}


def answer(inquiry_id: str, worker_id: str, said: dict) -> None:
    """Answers a question, for one worker."""
    _store().set(f"{_ANSWER}:{inquiry_id}:{worker_id}", said, ttl=_KEPT_SECONDS)


def answers(inquiry_id: str, worker_ids: Iterable[str]) -> dict[str, dict]:
    """What workers have answered so far, by worker."""
    store = _store()
    said = {one: store.get(f"{_ANSWER}:{inquiry_id}:{one}") for one in worker_ids}
    return {one: value for one, value in said.items() if value is not None}


def forget(inquiry_id: str) -> None:
    """Removes a question and its answers."""
    store = _store()
    for key in store.list_keys():
        if key.split(":")[1:2] == [inquiry_id]:
            with contextlib.suppress(KeyError):
                store.delete(key)


def _store() -> ExecutionStore:
    return ExecutionStore.create(INQUIRIES_STORE)
