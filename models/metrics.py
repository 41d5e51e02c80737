"""Published measurements of models, each with its source.

They are kept in ``metrics.tsv``, one measurement a line; ``docs/adr/0009`` says how to add one.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).with_name("metrics.tsv")
_T4 = "T4 TensorRT"
_MULTIPLY_ADDS = "ops:mac"  # counts a multiplication and an addition as one operation


@dataclass(frozen=True)
class Measured:
    """A published measurement of a model.

    Args:
        metric: the metric and its data; empty if only the cost was published
        value: the number, or None
        params: millions of parameters, or None
        gflops: billions of operations for an image, multiplications and additions each counted
        latency: milliseconds an image on an NVIDIA T4 with TensorRT, or None
        source: the address where it was read
    """

    metric: str
    value: float | None
    params: float | None
    gflops: float | None
    latency: float | None
    source: str


def of(name: str) -> tuple[Measured, ...]:
    """The published measurements of a model."""
    return _all().get(name, ())


@lru_cache(maxsize=1)
def _all() -> dict[str, tuple[Measured, ...]]:
    by_name: dict[str, list[Measured]] = {}
    with open(_FILE, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            by_name.setdefault(row["name"], []).append(_measured(row))
    return {name: tuple(rows) for name, rows in by_name.items()}


def _measured(row: dict[str, str]) -> Measured:
    gflops = _number(row["gflops"])
    if gflops is not None and row["note"].startswith(_MULTIPLY_ADDS):
        gflops *= 2
    return Measured(
        metric=row["metric"],
        value=_number(row["value"]),
        params=_number(row["params_M"]),
        gflops=gflops,
        latency=_number(row["latency_ms"]) if row["latency_on"].startswith(_T4) else None,
        source=row["source"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None
