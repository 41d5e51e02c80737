"""The Python packages that models need, and the command that installs missing ones."""

import importlib.metadata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

# Packages to install in place of those that the zoo names and that cannot be installed. OpenAI's
# build needs pkg_resources, which setuptools 82 dropped: https://github.com/openai/CLIP/issues/528
_INSTEAD = {
    "clip @ git+https://github.com/openai/CLIP.git": (
        "clip @ git+https://github.com/ultralytics/CLIP.git"
    ),
}
# Packages that bring the same module under another name.
_ALSO = {"clip": ("clip-anytorch", "openai-clip")}


def of(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The requirements of a manifest's entry, as they can be installed."""
    packages = (entry.get("requirements") or {}).get("packages") or ()
    return tuple(_INSTEAD.get(package, package) for package in packages)


def missing(packages: Iterable[str]) -> tuple[str, ...]:
    """Those requirements that this environment does not satisfy."""
    return tuple(package for package in packages if not _is_installed(package))


def install_command(packages: Iterable[str]) -> str:
    """The command that installs requirements."""
    return "pip install " + " ".join(f'"{package}"' for package in packages)


def _is_installed(package: str) -> bool:
    requirement = _parsed(package)
    if requirement is None:
        return False
    if requirement.marker and not requirement.marker.evaluate():
        return True
    if any(_version(name) for name in _ALSO.get(requirement.name, ())):
        return True
    version = _version(requirement.name)
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=512)
def _parsed(package: str) -> Requirement | None:
    try:
        return Requirement(package)
    except InvalidRequirement:
        return None
