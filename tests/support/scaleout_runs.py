"""Runs with several workers, whose model finds red rectangles."""

import importlib.util

import pytest

from auto_labeling.core.run import RunConfig
from auto_labeling.engine.ray import limits

# Not imported here: Ray reads some of its settings only then.
NEEDS_RAY = [
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None, reason=f"needs Ray: {limits.install_command()}"
    ),
    pytest.mark.usefixtures("environment"),
]


def config(**more):
    """The configuration of such a run."""
    return RunConfig(
        task="detection",
        model="custom-python-detection",
        checkpoint="tests.support.red_rectangles:detector",
        label_field="found",
        **more,
    )


def labels(dataset, run):
    """What a run has staged: ``{number: [(class, confidence, box)]}``."""
    dataset.reload()
    found = zip(*dataset.values(["number", f"{run.staging_field}.detections"]), strict=True)
    return {n: [(d.label, d.confidence, d.bounding_box) for d in made] for n, made in found}
