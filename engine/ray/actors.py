"""A Ray actor: one model that labels the chunks which the driver hands out.

It writes labels itself, by the same fences as any worker, and tells the driver what it came to.
Nothing here imports FiftyOne before :mod:`auto_labeling.engine.ray.nodes` has said that it may.
"""

import contextlib
import logging
import os
import socket
import tempfile
import threading
import traceback
from collections import deque
from dataclasses import dataclass, field

from auto_labeling.core.errors import AttemptRevoked, AutoLabelingError, CannotWrite, RunNotFound
from auto_labeling.core.names import PACKAGE
from auto_labeling.core.run import Run
from auto_labeling.engine.ray import nodes, shipping
from auto_labeling.models import label_filter

logger = logging.getLogger(__name__)

#: How often an actor asks by itself whether its attempt still stands: its driver may be gone.
_WATCH_SECONDS = 5.0

#: The longest that an actor waits for its model's thread to end.
_STOP_SECONDS = 5.0


@dataclass
class News:
    """What an actor has to tell since the last time.

    Args:
        samples: how many samples got labels
        labels: how many labels that is
        left_out: how many labels were left out, by :class:`auto_labeling.core.account.LeftOut`
        failed: how many samples failed
        error: what was wrong with one of them
        ended: the chunks with which it has nothing more to do
        facts: fields of :class:`auto_labeling.core.run.Progress`; empty until its model is loaded
        wants: whether it waits for more chunks
        broken: why it cannot go on, in words for people; empty if it can
        is_final: whether no other worker could go on either
    """

    samples: int = 0
    labels: int = 0
    left_out: dict = field(default_factory=dict)
    failed: int = 0
    error: str = ""
    ended: list = field(default_factory=list)
    facts: dict = field(default_factory=dict)
    wants: bool = False
    broken: str = ""
    is_final: bool = False


class Worker:
    """A worker of a run. Its methods are called by the driver, several at a time.

    Args:
        settings: of :func:`auto_labeling.engine.ray.shipping.environment`
        run: the run, as JSON
        loaders: how many loader processes it may have
    """

    def __init__(self, settings: dict, run: dict, loaders: int) -> None:
        shipping.adopt(settings)
        self._run = Run.model_validate(run)
        self._loaders = loaders
        self._changed = threading.Condition()
        self._chunks = deque()
        self._news = News()
        self._is_urgent = self._is_drained = self._is_stopped = False
        self._threads = []

    def preflight(self, needs: nodes.Needs) -> tuple[str, list[str]]:
        """Whether this machine can label the run: its name, and what is missing."""
        return socket.gethostname(), nodes.problems(needs)

    def start(self, dataset_id) -> None:
        """Loads the model and begins to ask for chunks.

        Args:
            dataset_id: the id of the run's dataset
        """
        for function in (self._work, self._watch):
            thread = threading.Thread(target=function, args=(dataset_id,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def give(self, chunks, is_last: bool) -> None:
        """Takes chunks to label.

        Args:
            chunks: a list of ``(index, turn)``
            is_last: whether what is here is to be finished without waiting for more
        """
        with self._changed:
            self._chunks += chunks
            self._is_drained = is_last
            self._changed.notify_all()

    def news(self, seconds: float) -> News:
        """What there is to tell; waits so long for something that the driver must know at once."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_urgent, seconds)
            news, self._news = self._news, News(facts=self._news.facts)
            self._is_urgent = False
            return news

    def stop(self) -> None:
        """Ends the work at the next write, and waits for that."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        for thread in self._threads[:1]:
            thread.join(_STOP_SECONDS)

    # --- what the labeler tells -------------------------------------------------------------

    def check(self) -> None:
        """Raises an error if the work is to end, or the run's field is gone."""
        from auto_labeling.storage import fields

        self._refuse_if_over()
        fields.require(self._dataset, self._run)

    def _refuse_if_over(self) -> None:
        if self._is_stopped or self._store.get(self._run.id).token != self._run.token:
            raise AttemptRevoked(f"'{self._run.name}' was cancelled or taken over")

    def began(self, **facts) -> None:
        """The model is ready."""
        with self._changed:
            self._is_urgent = self._is_urgent or not self._news.facts
            self._news.facts = facts

    def wrote(self, written, batch_size) -> None:
        """Labels have been written."""
        with self._changed:
            news = self._news
            news.samples += written.samples
            news.labels += written.labels
            label_filter.add_all(news.left_out, written.left_out)
            news.failed += len(written.failures)
            if written.failures:
                news.error = news.error or written.failures[0][1]
            news.facts = {**news.facts, "batch_size": batch_size}

    def ended(self, index) -> None:
        """There is nothing more to do here with a chunk."""
        with self._changed:
            self._news.ended.append(index)

    # --- threads ----------------------------------------------------------------------------

    def _work(self, dataset_id) -> None:
        try:
            self._label(dataset_id)
        except AutoLabelingError as error:
            self._break(str(error), isinstance(error, CannotWrite))
        except BaseException as error:  # noqa: BLE001 - told to the driver
            logger.error(traceback.format_exc())
            self._break(f"{type(error).__name__}: {error}".splitlines()[0])

    def _label(self, dataset_id) -> None:
        import fiftyone.core.odm as foo
        from fiftyone import load_dataset

        from auto_labeling.engine import memory
        from auto_labeling.engine.labeler import Labeler, loader_processes
        from auto_labeling.models import catalog, zoo
        from auto_labeling.storage.runs import RunStore

        name = foo.get_db_conn().datasets.find_one({"_id": dataset_id}, {"name": 1})["name"]
        dataset = load_dataset(name)
        self._dataset, self._store = dataset, RunStore(dataset)
        config = self._run.config
        with _one_download(not catalog.missing_weights(config)):
            model = zoo.load(catalog.get_model(config.model), config)
        labeler = Labeler(dataset, self._run, model, self)
        with memory.steady():
            while not self._is_stopped:
                labeler.label(self._handed_out(), min(self._loaders, loader_processes()))

    def _handed_out(self):
        """The chunks, as they come. Ends when those that are here are to be finished."""
        while True:
            with self._changed:
                if not self._chunks and not self._is_drained:
                    self._news.wants = self._is_urgent = True
                    self._changed.notify_all()
                    self._changed.wait_for(
                        lambda: self._chunks or self._is_drained or self._is_stopped
                    )
                if self._is_stopped or not self._chunks:
                    self._is_drained = False
                    return
                chunks = list(self._chunks)
                self._chunks.clear()
            yield chunks

    def _break(self, why, is_final=False) -> None:
        with self._changed:
            self._news.broken, self._news.is_final, self._is_urgent = why, is_final, True
            self._changed.notify_all()

    def _watch(self, _) -> None:
        """Ends this process when its attempt is over: then nobody waits for it."""
        while not self._is_stopped:
            with self._changed:
                self._changed.wait_for(lambda: self._is_stopped, _WATCH_SECONDS)
            if not self._is_stopped and self._is_over():
                os._exit(0)

    def _is_over(self) -> bool:
        from pymongo.errors import PyMongoError

        if not hasattr(self, "_store"):
            return False
        with contextlib.suppress(PyMongoError):
            try:
                self._refuse_if_over()
            except (AttemptRevoked, RunNotFound):
                return not self._is_stopped
        return False


@contextlib.contextmanager
def _one_download(is_done: bool):
    """Keeps the workers of a machine from downloading the same weights at the same time."""
    if is_done or os.name != "posix":
        yield
        return
    import fcntl

    with open(os.path.join(tempfile.gettempdir(), f"{PACKAGE}-{os.getuid()}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
