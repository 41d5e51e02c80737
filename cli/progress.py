"""How a command follows a run: a bar on a terminal, lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

from auto_labeling.cli import output
from auto_labeling.core.run import Progress, RunState

if TYPE_CHECKING:  # FiftyOne takes seconds to import
    from types import TracebackType

    from auto_labeling.sdk import Run

#: Seconds that a run may wait for a worker before a command says how to start one.
HINT_AFTER = 30

#: Seconds between two lines where there is no terminal.
_LINE_EVERY = 5.0


class Report(Protocol):
    """Shows a run and its progress; called whenever they were read."""

    def __call__(self, run: Run, progress: Progress | None, /) -> None: ...


class Follower(Protocol):
    """A context manager that gives a :class:`Report`, or None where nothing is shown."""

    def __enter__(self) -> Report | None: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...


def follower(as_json: bool) -> Follower:
    """Chooses how to show the progress: JSON lines, a bar on a terminal, or lines of text."""
    if as_json:
        return _Lines()
    return _Bar() if sys.stderr.isatty() else _Text()


class Quiet:
    """A follower that shows nothing."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


class _Follower:
    """Calls :meth:`show` when the run has changed, and hints if no worker takes it."""

    def __enter__(self) -> Report:
        self._known: tuple[RunState, int] | None = None
        self._since = time.monotonic()
        self._hinted = False
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, run: Run, progress: Progress | None, /) -> None:
        late = time.monotonic() - self._since > HINT_AFTER
        if late and run.state is RunState.QUEUED and not self._hinted:
            self._hinted = True
            self.hint(NO_WORKER)
        facts = (run.state, progress.done if progress else 0)
        if facts != self._known:
            self.show(run, progress)
        self._known = facts

    def show(self, run: Run, progress: Progress | None) -> None:
        raise NotImplementedError

    def hint(self, sentence: str) -> None:
        output.say(sentence)


class _Lines(_Follower):
    """One line of JSON for each change."""

    def show(self, run: Run, progress: Progress | None) -> None:
        facts = run.to_dict()
        line = {key: facts[key] for key in ("id", "name", "status", "state", "samples", "error")}
        now = progress.model_dump(mode="json", exclude={"token"}) if progress else None
        output.show_line({**line, "progress": now})


class _Text(_Follower):
    """Lines, a few seconds apart."""

    _at = float("-inf")
    _state: RunState | None = None

    def show(self, run: Run, progress: Progress | None) -> None:
        now = time.monotonic()
        if run.state is self._state and now - self._at < _LINE_EVERY:
            return
        self._at, self._state = now, run.state
        output.say(describe(run, progress))


class _Bar(_Follower):
    """A bar with the speed and the remaining time."""

    def __enter__(self) -> Report:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        columns = ("{task.description}", BarColumn(), MofNCompleteColumn())
        rate = TextColumn("{task.fields[rate]}")
        self._bars = Progress(*columns, rate, Remaining(), console=Console(stderr=True))
        self._bar = self._bars.add_task("", total=None, rate="")
        self._bars.start()
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def hint(self, sentence: str) -> None:
        self._bars.console.print(sentence, markup=False, highlight=False)

    def show(self, run: Run, progress: Progress | None) -> None:
        self._bars.update(
            self._bar,
            description=_step(run),
            total=run.samples or None,
            completed=progress.done if progress else 0,
            rate=f"{progress.rate:,.1f}/s" if progress and progress.rate else "",
        )


NO_WORKER = (
    "No worker has picked this up yet. On a machine that can reach the database and the images, "
    "start one: auto-labeling launch"
)

_STEPS = {
    RunState.QUEUED: "Waiting for a worker",
    RunState.GENERATING: "Generating",
    RunState.IMPORTING: "Copying labels",
    RunState.APPROVING: "Moving promoted labels",
}


def describe(run: Run, progress: Progress | None) -> str:
    """Describes the progress of a run in one line.

    Args:
        run: the run
        progress: the progress of its current attempt; None before its first report

    Returns:
        the line, without a line break
    """
    step = _step(run)
    if not progress or not run.is_active:
        return f"{run.name}: {step}"
    parts = [f"{progress.done:,} of {run.samples:,} samples"]
    if progress.rate:
        parts.append(f"{progress.rate:,.1f} samples/s")
    return f"{run.name}: {step}, {', '.join(parts)}"


def _step(run: Run) -> str:
    return _STEPS.get(run.state, run.status)
