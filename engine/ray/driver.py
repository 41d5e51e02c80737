"""A run with several workers: Ray actors label, this process hands out chunks and counts.

Chunks are handed out by number. Whoever has one claims it in the database, with the number of the
hand-out, so that a chunk which had to be handed out again belongs to whom it was given last.
"""

import collections
import contextlib
import logging
import time

from fiftyone.core.dataset import Dataset

from auto_labeling.core.errors import AutoLabelingError, CannotWrite
from auto_labeling.core.run import Run
from auto_labeling.engine.labeler import HOPELESS_AFTER
from auto_labeling.engine.ray import exit_reasons, nodes, shipping
from auto_labeling.engine.ray.actors import News, Worker
from auto_labeling.engine.ray.cluster import connected, needs_of
from auto_labeling.storage.retrying import patiently

logger = logging.getLogger(__name__)

#: Seconds in which there must have been room for one worker at least.
PATIENCE = 120

#: Seconds that the first chunk waits for workers that have not come up, once one has.
GRACE = 30

#: A chunk with which so many workers have died is given up, and the run with it.
MOST_DEATHS = 3

#: Chunks that one worker is given together, while there are many: each time costs two messages.
_MOST_AT_ONCE = 32
_LOOK_EVERY_SECONDS = 1.0


class Hand:
    """An actor, as the driver sees it.

    Args:
        actor: Ray's handle of a :class:`auto_labeling.engine.ray.actors.Worker`
        call: the call that it is answering

    Attributes:
        machine: where it is; empty until it has come up
        is_started: whether it has been told to load its model
        facts: its fields of :class:`auto_labeling.core.run.Progress`; empty until it is ready
        chunks: those it has been given and not ended
        wants: whether it waits for more
        tried: how many samples it has tried
        failed: how many of them failed
    """

    def __init__(self, actor, call) -> None:
        self.actor = actor
        self.call = call
        self.machine = ""
        self.is_started = False
        self.facts = {}
        self.chunks = []
        self.wants = False
        self.tried = self.failed = 0


@contextlib.contextmanager
def crew(dataset: Dataset, run: Run, generation, workers: int):
    """Labels in Ray actors: gives a function that labels chunks.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, as it is in this attempt
        generation: the :class:`auto_labeling.engine.generation.Generation`, which counts
        workers: how many actors

    Raises:
        AutoLabelingError: if there is no Ray, no room, or a machine cannot do it, with the reason
    """
    with connected() as ray, needs_of(dataset, run) as needs:
        hired = Crew(ray, dataset, run, generation, needs)
        try:
            hired.gather(workers)
            yield hired.label
        except BaseException:
            hired.dismiss(gently=True)
            raise
        hired.dismiss()


class Crew:
    """The workers of a run.

    Args:
        ray: the module, connected
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run: the run, as it is in this attempt
        generation: see :func:`crew`
        needs: what each machine must have
    """

    def __init__(self, ray, dataset: Dataset, run: Run, generation, needs: nodes.Needs) -> None:
        self._ray = ray
        self._dataset_id = dataset._doc.id
        self._run = run
        self._generation = generation
        self._needs = needs
        self._hands = []
        self._todo = collections.deque()
        self._turns = None
        self._deaths = collections.Counter()
        self._vain = 0  # deaths since a chunk was last ended
        self._is_gathered = False
        self._problems = {}
        self._looked = self._had_room = time.monotonic()

    def gather(self, workers: int) -> None:
        """Starts the workers, and waits until the machines that are up have been checked."""
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        config = self._run.config
        self._room = nodes.room(machines, workers, config.device)
        if self._room is None:
            raise AutoLabelingError(f"No machine has a GPU, which device {config.device} needs")
        if self._room.gpus and config.device.startswith("cuda:"):
            # Each actor sees one GPU, and that is its first.
            config = config.model_copy(update={"device": "cuda"})
        self._sent = self._run.model_copy(update={"config": config}).model_dump(mode="json")
        self._pause = max(0.5, workers / 200)
        for _ in range(workers):
            self._hire()
        up = None
        while up is None or time.monotonic() - up < GRACE:
            self._listen()
            if any(hand.machine for hand in self._hands):
                up = up or time.monotonic()
            if all(hand.machine for hand in self._hands):
                break
        if self._problems:
            raise AutoLabelingError(
                "; ".join(f"{machine}: {said}" for machine, said in self._problems.items())
            )
        self._is_gathered = True
        for hand in self._hands:
            if hand.machine:
                self._start(hand)

    def label(self, chunks, turns, few: bool) -> None:
        """Labels chunks.

        Args:
            chunks: their indices
            turns: an iterator of numbers, each greater than the last
            few: whether there is little to do
        """
        self._todo.extend(chunks)
        self._turns = turns
        while self._todo or any(hand.chunks for hand in self._hands):
            if not self._hands:
                raise AutoLabelingError("No workers are left")
            for hand in self._hands:
                if hand.wants:
                    self._serve(hand)
            self._listen()

    def dismiss(self, gently: bool = False) -> None:
        """Ends all workers.

        Args:
            gently (False): whether they may finish the batch that they are at
        """
        if gently:
            started = [hand.actor.stop.remote() for hand in self._hands if hand.is_started]
            if started:
                self._ray.wait(started, num_returns=len(started), timeout=5.0)
        for hand in self._hands:
            self._ray.kill(hand.actor)
        self._hands.clear()

    # --- handing out ------------------------------------------------------------------------

    def _serve(self, hand) -> None:
        if self._todo:
            chunks = list(self._share())
            hand.chunks += [index for index, _ in chunks]
            hand.actor.give.remote(chunks, False)
            hand.wants = False
        elif hand.chunks:
            hand.actor.give.remote([], True)  # what it has begun would else wait for more
            hand.wants = False

    def _share(self):
        """The next chunks for one worker: several while there are many, and one near the end."""
        most = len(self._todo) // (4 * len(self._hands))
        for number in range(max(1, min(most, _MOST_AT_ONCE))):
            # With a chunk that others died with, a worker is alone, so that it is known again.
            if number and self._deaths[self._todo[0]]:
                return
            index = self._todo.popleft()
            yield index, next(self._turns)
            if self._deaths[index]:
                return

    # --- listening --------------------------------------------------------------------------

    def _listen(self) -> None:
        """Takes what workers have to say, and looks after them now and then."""
        calls = {hand.call: hand for hand in self._hands if hand.call is not None}
        if calls:
            ready, _ = self._ray.wait(list(calls), timeout=_LOOK_EVERY_SECONDS)
            if ready:
                ready, _ = self._ray.wait(list(calls), num_returns=len(calls), timeout=0)
            for call in ready:
                self._hear(calls[call])
        now = time.monotonic()
        if not calls or now - self._looked >= _LOOK_EVERY_SECONDS:
            self._looked = now
            self._look_after(now)

    def _hear(self, hand) -> None:
        try:
            said = self._ray.get(hand.call)
        except self._ray.exceptions.RayTaskError as error:
            self._let_go(hand, str(error.cause or error))
        except self._ray.exceptions.RayError as error:
            self._mourn(hand, error)
        else:
            if isinstance(said, News):
                self._take(hand, said)
            else:
                self._welcome(hand, *said)

    def _welcome(self, hand, machine, problems) -> None:
        """A worker is up, and its machine has been checked."""
        hand.machine = machine
        if problems:
            self._let_go(hand, ". ".join(problems))
        elif self._is_gathered:
            self._start(hand)
        else:
            hand.call = None

    def _start(self, hand) -> None:
        hand.is_started = True
        hand.actor.start.remote(self._dataset_id)
        hand.call = hand.actor.news.remote(self._pause)

    def _take(self, hand, news) -> None:
        hand.call = hand.actor.news.remote(self._pause)
        hand.wants = hand.wants or news.wants
        if news.ended:
            self._vain = 0
            hand.chunks = [index for index in hand.chunks if index not in news.ended]
        if news.facts != hand.facts:
            hand.facts = news.facts
            self._generation.began(**self._facts())
        if news.samples or news.failed:
            hand.tried += news.samples + news.failed
            hand.failed += news.failed
            self._generation.count(
                samples=news.samples,
                labels=news.labels,
                left_out=news.left_out,
                failed=news.failed,
                error=news.error,
            )
        if news.broken:
            patiently(self._generation.check)()
            if news.is_final:
                raise CannotWrite(news.broken)
            self._let_go(hand, news.broken)
        elif hand.failed == hand.tried >= HOPELESS_AFTER:
            self._let_go(hand, f"It failed on each of {hand.tried:,} samples: {news.error}")

    def _facts(self):
        """What to say of all workers together."""
        ready = [hand.facts for hand in self._hands if hand.facts]
        return {
            "workers": len(ready),
            "device": ", ".join(sorted({facts["device"] for facts in ready})),
            "half": bool(ready) and all(facts["half"] for facts in ready),
            "batch_size": min((facts["batch_size"] for facts in ready), default=0),
        }

    # --- losses -----------------------------------------------------------------------------

    def _mourn(self, hand, error: BaseException) -> None:
        """A worker has died: others take what it had, and another one its place."""
        lost = self._part(hand)
        why = exit_reasons.why(error)
        logger.warning("A worker on %s died: %s", hand.machine or "a machine", why)
        logger.debug("Ray says: %s", error)
        self._ray.kill(hand.actor)  # it may only be out of reach
        self._vain += 1
        for index in lost:
            self._deaths[index] += 1
            if self._deaths[index] >= MOST_DEATHS and len(lost) == 1:
                raise AutoLabelingError(
                    f"{MOST_DEATHS} workers died in a row while labeling the same "
                    f"samples (part {index + 1:,} of {self._run.chunks:,}): {why}"
                )
        if self._vain > MOST_DEATHS + len(self._hands):
            raise AutoLabelingError(f"Workers keep dying before they start to label: {why}")
        self._hire()

    def _let_go(self, hand, why) -> None:
        """A worker cannot go on; others may."""
        logger.warning("Released the worker on %s: %s", hand.machine, why)
        self._part(hand)
        self._ray.kill(hand.actor)
        if not self._is_gathered:
            self._problems.setdefault(hand.machine, why)
        if not self._hands and self._is_gathered:
            raise AutoLabelingError(f"{hand.machine}: {why}")

    def _part(self, hand):
        self._hands.remove(hand)
        self._todo.extendleft(reversed(hand.chunks))
        if hand.facts:
            self._generation.began(**self._facts())
        return hand.chunks

    def _hire(self) -> None:
        actor = self._ray.remote(Worker).options(
            num_cpus=self._room.cpus,
            num_gpus=self._room.gpus,
            max_concurrency=4,
            max_restarts=0,
            max_task_retries=0,
        )
        actor = actor.remote(shipping.environment(), self._sent, self._room.loaders)
        self._hands.append(Hand(actor, actor.preflight.remote(self._needs)))

    def _look_after(self, now) -> None:
        patiently(self._generation.check)()
        if any(hand.machine for hand in self._hands) or not self._hands:
            self._had_room = now
        elif now - self._had_room > PATIENCE:
            raise AutoLabelingError(
                f"Ray has had no resources for a worker ({self._room}) for {PATIENCE:,} seconds"
            )
