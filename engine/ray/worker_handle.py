"""The driver's record of one worker."""

from typing import Any


class WorkerHandle:
    """An actor, as the driver sees it.

    Args:
        actor: Ray's handle of a :class:`auto_labeling.engine.ray.actors.Worker`
        call: the call that it is answering

    Attributes:
        machine: its machine; empty until it has come up
        is_started: whether it has been told to load its model
        facts: its fields of :class:`auto_labeling.core.run.Progress`; empty until it is ready
        chunks: the chunks that it got and has not ended
        wants_chunks: whether it waits for more
        tried: how many samples it has tried
        failed: how many of them failed
    """

    def __init__(self, actor: Any, call: Any) -> None:
        self.actor = actor
        self.call = call
        self.machine = ""
        self.is_started = False
        self.facts: dict[str, Any] = {}
        self.chunks: list[int] = []
        self.wants_chunks = False
        self.tried = self.failed = 0
