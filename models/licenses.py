"""Licenses: one spelling for each, and those that this installation allows."""

import os
from collections.abc import Mapping
from typing import Any

_SPDX = {
    "apache 2.0": "Apache-2.0",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 2-clause": "BSD-2-Clause",
    "cc by-nc 4.0": "CC-BY-NC-4.0",
    "sam license": "LicenseRef-SAM",
    "dinov3 license": "LicenseRef-DINOv3",
    "apple sample code license": "LicenseRef-Apple-Sample-Code",
    "custom (hai-def gated on hugging face)": "LicenseRef-HAI-DEF",
}
# The manifest names the license of the library; the library says that its weights have another:
# https://github.com/Deci-AI/super-gradients/blob/master/LICENSE.YOLONAS.md
_OF_WEIGHTS = {"yolo-nas-torch": "LicenseRef-Deci-YOLO-NAS"}
UNKNOWN = "LicenseRef-Unknown"

ALLOWED_LICENSES = "FIFTYONE_ZOO_ALLOWED_MODEL_LICENSES"
ALLOWED_NAMES = "FIFTYONE_ZOO_ALLOWED_MODEL_NAMES"


def normalize(text: str | None) -> str:
    """Spells a license as an SPDX expression, as far as there is one for it."""
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    return " AND ".join(_SPDX.get(part.lower(), part) for part in parts) or UNKNOWN


def of(entry: Mapping[str, Any]) -> str:
    """The license of the weights of a manifest's entry, as :func:`normalize` spells it."""
    return _OF_WEIGHTS.get(entry["base_name"]) or normalize(entry.get("license"))


def refusal(name: str, license: str) -> str:
    """Why this installation's settings do not allow a model; empty if they do.

    Args:
        name: the model's name
        license: its license, as :func:`normalize` spells it
    """
    names, licenses = _listed(ALLOWED_NAMES), _listed(ALLOWED_LICENSES)
    if names is not None and name not in names:
        return f"not among the models that {ALLOWED_NAMES} allows"
    if licenses is None:
        return ""
    allowed = {normalize(entry).lower() for entry in licenses}
    parts = license.lower().split(" and ")
    if license.lower() in allowed or all(part in allowed for part in parts):
        return ""
    return f"its license, {license}, is not among those that {ALLOWED_LICENSES} allows"


def _listed(variable: str) -> set[str] | None:
    value = os.environ.get(variable)
    if value is None:
        return None
    return {entry.strip() for entry in value.split(",") if entry.strip()}
