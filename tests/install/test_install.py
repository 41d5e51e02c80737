"""The three ways to install the plugin, each in a fresh environment, as a user would.

Each test lets fresh processes say what FiftyOne discovered, and compares that with
``fiftyone.yml``.
"""

import http.server
import re
import shutil
import threading
import zipfile
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.support.environments import NAME
from tests.support.paths import CHECKOUT

DECLARED = yaml.safe_load((CHECKOUT / "fiftyone.yml").read_text(encoding="utf-8"))


def assert_installed(environment, directory: Path, package: Path) -> None:
    """FiftyOne shows what ``fiftyone.yml`` declares, from ``directory``; the code is one copy."""
    found = environment.discover()
    assert found["errors"] == []
    assert found["plugins"] == [[NAME, str(DECLARED["version"]), str(directory)]]
    assert found["operators"] == [f"{NAME}/{o}" for o in sorted(DECLARED["operators"])]
    assert found["panels"] == [f"{NAME}/{p}" for p in sorted(DECLARED["panels"])]
    assert NAME in found["printed"]["plugins"]
    for uri in found["operators"] + found["panels"]:
        assert uri in found["printed"]["operators"]
    assert "fiftyone>=" in found["printed"]["requirements"]
    assert_one_copy(found, package.resolve())


def assert_one_copy(found: dict, package: Path) -> None:
    """Every file is one module, below ``package``, and workers can unpickle its classes."""
    assert found["pickled"]
    assert all(module.startswith("auto_labeling.") for module in found["modules"])
    assert found["loaded"][str(package / "__init__.py")] == ["auto_labeling"]
    for file, modules in found["loaded"].items():
        assert len(modules) == 1, f"{file} was loaded as {modules}"
        assert Path(file).is_relative_to(package)


def test_download(environment, tree, served):
    """``fiftyone plugins download <address of a zip>``."""
    environment.fiftyone("plugins", "download", served(tree))
    directory = environment.plugins / NAME
    assert_installed(environment, directory, directory)


def test_symlink(environment, tree):
    """A link in the plugins directory to a checkout whose folder has a hyphen."""
    link = environment.plugins / "any-name"
    link.symlink_to(tree, target_is_directory=True)
    assert_installed(environment, link, tree)


def test_pip_install(installed):
    """``pip install``, then ``auto-labeling install-plugin``."""
    command = installed.script("auto-labeling")
    assert installed.run(command, "--version").stdout.strip() == str(DECLARED["version"])
    assert "Installed" in installed.run(command, "install-plugin").stdout
    link = installed.plugins / "auto-labeling"
    assert_installed(installed, link, link)
    assert "site-packages" in str(link.resolve())


def test_a_link_to_a_checkout_and_an_installed_package_are_one_copy(installed, tree):
    """Both at once: the installed package wins, in any folder that FiftyOne found."""
    link = installed.plugins / "auto-labeling"
    link.symlink_to(tree, target_is_directory=True)
    find = "import auto_labeling; print(auto_labeling.__file__)"
    package = Path(installed.run(installed.python, "-c", find).stdout.strip()).parent
    assert_installed(installed, link, package)


def test_two_versions_are_refused_by_name(installed, tmp_path, tree):
    newer = tmp_path / "newer"
    shutil.copytree(tree, newer)
    entry = newer / "__init__.py"
    text, replaced = re.subn(r'__version__ = ".*"', '__version__ = "99.1.2"', entry.read_text())
    assert replaced == 1
    entry.write_text(text)
    (installed.plugins / "auto-labeling").symlink_to(newer, target_is_directory=True)

    found = installed.discover()
    (error,) = found["errors"]
    assert str(DECLARED["version"]) in error and "99.1.2" in error
    assert found["operators"] == found["panels"] == []


@pytest.fixture
def served(tmp_path):
    """A function that zips a tree, serves it on loopback and returns its address."""
    folder = tmp_path / "served"
    folder.mkdir()
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def serve(tree: Path) -> str:
        with zipfile.ZipFile(folder / "plugin.zip", "w") as archive:
            for path in sorted(tree.rglob("*")):
                archive.write(path, path.relative_to(tree.parent))
        return f"http://127.0.0.1:{server.server_port}/plugin.zip"

    yield serve
    server.shutdown()
    server.server_close()
