"""Folders of this checkout."""

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

#: Where tests leave pictures and logs for CI to collect.
ARTIFACTS = CHECKOUT / "artifacts"
