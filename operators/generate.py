"""The operator that workers execute: the delegated side of a run."""

import logging
import time
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types
from fiftyone.core.dataset import Dataset
from fiftyone.operators import ExecutionContext

from auto_labeling.app import request
from auto_labeling.core.errors import AttemptRevoked
from auto_labeling.core.run import Run
from auto_labeling.lifecycle import labeling

logger = logging.getLogger(__name__)

_LOG_EVERY_SECONDS = 5.0


class GenerateLabels(foo.Operator):
    """Labels the remaining samples of a run. Queued by ``labeling.start``."""

    @property
    def config(self) -> foo.OperatorConfig:
        return foo.OperatorConfig(
            name="generate_labels",
            label="Auto-Labeling: generate labels",
            description="Labels the target samples of a run; its only parameter is the run's id",
            icon="auto_awesome",
            unlisted=True,
            allow_immediate_execution=False,
            allow_delegated_execution=True,
            default_choice_to_delegated=True,
            risk_level=types.RiskLevel.MEDIUM,
        )

    def execute(self, ctx: ExecutionContext) -> dict[str, Any]:
        request.require_edit(ctx)
        started_at = time.monotonic()
        run_id = request.run_id(ctx)
        _log_start(ctx.dataset, labeling.record(ctx.dataset, run_id))
        try:
            run = labeling.generate(ctx.dataset, run_id, _Report(ctx))
        except AttemptRevoked:
            raise
        except Exception:
            logger.exception("The run has stopped")  # FiftyOne keeps the error, not in this log
            raise
        seconds = time.monotonic() - started_at
        logger.info(
            "Done in %.1f s: %s labels, %s samples failed", seconds, f"{run.labels:,}", run.failed
        )
        return {"run": run.id, "state": run.state.value, "labels": run.labels}


class _Report:
    """Reports the progress to FiftyOne, and every few seconds to the log."""

    def __init__(self, ctx: ExecutionContext) -> None:
        self._ctx = ctx
        self._logged = float("-inf")

    def __call__(self, fraction: float, text: str) -> None:
        self._ctx.set_progress(progress=fraction, label=text)
        now = time.monotonic()
        if now - self._logged >= _LOG_EVERY_SECONDS:
            self._logged = now
            logger.info("%s", text)


def _log_start(dataset: Dataset, run: Run) -> None:
    config = run.config
    logger.info(
        "Run %s '%s' on dataset '%s': %s of %s samples with %s, attempt %s",
        *(run.id, run.name, dataset.name, config.task.label.lower(), f"{run.samples:,}"),
        *(config.model, run.attempt + 1),
    )
