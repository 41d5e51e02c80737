"""Fresh places to install into: a package tree, a wheel, an environment."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environments import Environment, around, make_environment
from tests.support.paths import CHECKOUT


@pytest.fixture(scope="session")
def tree(tmp_path_factory) -> Path:
    """What a clone of this working tree would hold, in a folder that is no Python name."""
    folder = tmp_path_factory.mktemp("tree") / "fiftyone-auto-labeling"
    for name in source_files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, target)
    return folder


def source_files() -> list[str]:
    """The files that git tracks, or would if they were added."""
    git = ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(git, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return sorted(name for name in set(listed.stdout.splitlines()) if (CHECKOUT / name).is_file())


@pytest.fixture(scope="session")
def wheel(tree, tmp_path_factory) -> Path:
    """The wheel, built as ``make wheel`` does but from a clean tree."""
    source = tmp_path_factory.mktemp("build") / "source"
    shutil.copytree(tree, source)
    out = source.parent / "dist"
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    done = subprocess.run([*build, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture
def environment(tmp_path, database) -> Environment:
    """An :class:`Environment` in which Auto-Labeling is not installed."""
    return make_environment(tmp_path)


@pytest.fixture(scope="session")
def python_with_wheel(wheel, database, tmp_path_factory) -> Path:
    """An interpreter with the wheel installed by pip, which takes seconds."""
    return make_environment(tmp_path_factory.mktemp("installed"), wheel).python


@pytest.fixture
def installed(python_with_wheel, tmp_path) -> Environment:
    """An :class:`Environment` with the wheel installed, and a plugins directory of its own."""
    return around(python_with_wheel, tmp_path)
