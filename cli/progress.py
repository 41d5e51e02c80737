"""How a command follows a run: a bar on a terminal, lines elsewhere, JSON lines for programs."""

import sys
import time

from auto_labeling.cli import output
from auto_labeling.core.run import Run, RunState

#: Seconds that a run may wait for a worker before a command says how to start one.
PATIENCE = 30

#: Seconds between two lines where there is no terminal.
_PACE = 5.0


def follower(as_json: bool):
    """What to call with a run and its progress; a context manager."""
    if as_json:
        return _Lines()
    return _Bar() if sys.stderr.isatty() else _Text()


class Quiet:
    """A follower that says nothing."""

    def __enter__(self):
        return None

    def __exit__(self, *_):
        return None


class _Follower:
    """Notices what has changed since the last call."""

    def __enter__(self):
        self._known = None
        self._since = time.monotonic()
        self._hinted = False
        return self

    def __exit__(self, *_):
        return None

    def __call__(self, run: Run, progress):
        late = time.monotonic() - self._since > PATIENCE
        if late and run.state is RunState.QUEUED and not self._hinted:
            self._hinted = True
            self.hint(NO_WORKER)
        facts = (run.state, progress.done if progress else 0)
        if facts != self._known:
            self.show(run, progress)
        self._known = facts

    def hint(self, sentence: str) -> None:
        output.say(sentence)


class _Lines(_Follower):
    """One JSON document a line, whenever something has changed."""

    def show(self, run: Run, progress) -> None:
        facts = run.to_dict()
        said = {key: facts[key] for key in ("id", "name", "status", "state", "samples", "error")}
        now = progress.model_dump(mode="json", exclude={"token"}) if progress else None
        output.show_line({**said, "progress": now})


class _Text(_Follower):
    """Lines, a few seconds apart."""

    _at = float("-inf")
    _state = None

    def show(self, run: Run, progress) -> None:
        now = time.monotonic()
        if run.state is self._state and now - self._at < _PACE:
            return
        self._at, self._state = now, run.state
        output.say(describe(run, progress))


class _Bar(_Follower):
    """A bar with the speed and the time that is left."""

    def __enter__(self):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        columns = ("{task.description}", BarColumn(), MofNCompleteColumn())
        rate = TextColumn("{task.fields[rate]}")
        self._bars = Progress(*columns, rate, Remaining(), console=Console(stderr=True))
        self._bar = self._bars.add_task("", total=None, rate="")
        self._bars.start()
        return super().__enter__()

    def __exit__(self, *_):
        self._bars.stop()

    def hint(self, sentence: str) -> None:
        self._bars.console.print(sentence, markup=False, highlight=False)

    def show(self, run: Run, progress) -> None:
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


def describe(run: Run, progress) -> str:
    """How far a run is, in a line."""
    step = _step(run)
    if not progress or not run.is_active:
        return f"{run.name}: {step}"
    parts = [f"{progress.done:,} of {run.samples:,} samples"]
    if progress.rate:
        parts.append(f"{progress.rate:,.1f} samples/s")
    return f"{run.name}: {step}, {', '.join(parts)}"


def _step(run: Run) -> str:
    return _STEPS.get(run.state, run.status)
