"""The events of a worker: sentences for people, or JSON lines for scripts."""

import json
import os
from typing import Any

_SENTENCES = {
    "starting": "Starting. Logs are in {logs}",
    "ready": "Ready on {host} ({device}): serving {served}, oldest operation first. Press Ctrl-C "
    "to stop",
    "started": "Started {name} on dataset '{dataset}'; log: {log}",
    "completed": "Completed {name} in {took}",
    "failed": "Failed {name} after {took}: {error}",
    "restarting": "The operation process ended ({why}); starting a new one in {seconds:.0f} s",
    "away": "Can't reach the database; retrying: {why}",
    "back": "The database is reachable again",
    "closed": "Closed an earlier attempt at {name}: its worker on {host} disappeared",
    "swept": "Marked {name} as failed: its worker on {host} disappeared",
    "draining": "Stopping when {name} is done. Press Ctrl-C again to stop now (you can resume its "
    "run)",
    "stopping": "Stopping {name}",
    "stopped": "Stopped: {completed} completed, {failed} failed",
    "output": "{line}",
}


class EventLog:
    """Prints events at once. All other prints of this process go to standard error.

    Args:
        as_json: whether to print JSON lines
    """

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._output = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)  # so that libraries do not print between our lines

    def __call__(self, event: str, **facts: Any) -> None:
        """Prints an event.

        Args:
            event: a key of the sentences above
            **facts: the parts of its sentence, and further facts for scripts
        """
        if self._as_json:
            line = json.dumps({"event": event, **facts}, ensure_ascii=False)
        else:
            line = _SENTENCES[event].format(**facts)
        print(line, flush=True, file=self._output)
