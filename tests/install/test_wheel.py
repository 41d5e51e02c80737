"""The wheel holds every module and data file, and all that names a version agrees."""

import re
import sys
import zipfile

import pytest
import yaml

from tests.support.paths import CHECKOUT

if sys.version_info >= (3, 11):
    import tomllib
else:
    from setuptools._vendor import tomli as tomllib

PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PYPROJECT["tool"]["setuptools"]["packages"]
FOLDERS = [package.partition(".")[2].replace(".", "/") for package in PACKAGES]
# Data that the code reads at run time. Everything else at the root describes the project.
ROOT_DATA = {"fiftyone.yml", "requirements.txt"}
NOT_SHIPPED = ("tests", "benchmarks", "docs", ".ci")

IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    assert "site-packages" in module.__file__, (name, module.__file__)
"""


@pytest.fixture(scope="module")
def shipped(tree) -> list[str]:
    """The files of the checkout that a wheel must hold."""
    files = []
    for name in sorted(p.relative_to(tree).as_posix() for p in tree.rglob("*") if p.is_file()):
        folder = name.rpartition("/")[0]
        if name.startswith(tuple(f"{top}/" for top in NOT_SHIPPED)) or "__pycache__" in folder:
            continue
        if folder or name.endswith(".py") or name in ROOT_DATA:
            files.append(name)
    return files


def test_every_folder_with_code_is_listed(shipped):
    folders = {name.rpartition("/")[0] for name in shipped if name.endswith(".py")}
    assert folders == set(FOLDERS), "pyproject.toml lists other packages than there are"


def test_wheel_holds_every_module_and_data_file(wheel, shipped):
    with zipfile.ZipFile(wheel) as archive:
        held = {n for n in archive.namelist() if n.startswith("auto_labeling/")}
    assert held == {f"auto_labeling/{name}" for name in shipped}


def test_wheel_imports_every_module(installed, shipped):
    modules = []
    for name in shipped:
        if name.endswith(".py") and not name.endswith("__main__.py"):
            dotted = "auto_labeling." + name.removesuffix(".py").replace("/", ".")
            modules.append(dotted.removesuffix(".__init__"))
    installed.run(installed.python, "-c", IMPORT_ALL, *modules)


def test_versions_agree():
    manifest = yaml.safe_load((CHECKOUT / "fiftyone.yml").read_text(encoding="utf-8"))
    entry = re.search(r'^__version__ = "(.+)"$', (CHECKOUT / "__init__.py").read_text(), re.M)
    project = PYPROJECT["project"]
    assert project["version"] == str(manifest["version"]) == entry[1]
    assert project["license"] == manifest["license"]


def test_requirements_txt_holds_the_runtime_dependencies():
    lines = (CHECKOUT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    assert listed == PYPROJECT["project"]["dependencies"]
