"""The house of docs/architecture.md: who may import whom, and where FiftyOne's ``ctx`` stops."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT

PACKAGE = "auto_labeling"
OUTSIDE = {"tests", "benchmarks", "docs", "build", "dist"}

#: What the ways in call: the verbs of runs and of the review, and what models are called.
VERBS = {"audits", "core", "lifecycle", "review", "app"}
TOP = VERBS | {"models.catalog", "models.display_names", "models.class_text", "models.spec"}
TOP |= {"models.model_choice", "models.ratings"}

# Which of our modules each room may import; its own modules it always may.
MAY_IMPORT = {
    "__init__": {"operators", "panels", "cli", "sdk"},
    "operators": TOP,
    "panels": TOP,
    "cli": TOP | {"sdk", "demo", "serving", "__init__"},
    "sdk": TOP | {"__init__"},
    "demo": TOP | {"sdk", "__init__"},
    "serving": {"core", "lifecycle.labeling", "models.custom_check", "storage"},
    "app": VERBS | {"models"},
    "lifecycle": {"core", "engine", "models", "storage", "threed", "__init__"},
    "review": {"audits", "core", "lifecycle", "storage", "threed", "__init__"},
    "engine": {"core", "models", "storage", "threed", "__init__"},
    "audits": {"core"},
    "threed": {"core"},
    "models": {"core"},
    "storage": {"core"},
    "core": set(),
}

READS_PARAMS = {"app.request", "app.window"}
BUILDS_VIEWS = {"app", "operators", "panels"}
HEAVY = ("torch", "torchvision", "ultralytics", "fiftyone.zoo", "ray")
TRAINS = {"demo.train_sam"}  # a program that nothing imports
LONGEST_FILE = 350


def _sources():
    for path in sorted(CHECKOUT.rglob("*.py")):
        relative = path.relative_to(CHECKOUT)
        if relative.parts[0] not in OUTSIDE and not any(p.startswith(".") for p in relative.parts):
            yield relative


def _name(relative: Path) -> str:
    """``review/grid.py`` → ``review.grid``; a folder's ``__init__.py`` is the folder."""
    parts = relative.with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


SOURCES = {_name(relative): CHECKOUT / relative for relative in _sources()}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in SOURCES.items()}

each_module = pytest.mark.parametrize("module", SOURCES)


def _imports(tree, top_level_only=False):
    """The dotted names that a module imports, as far as the source shows them."""
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _of_ours(imported: str) -> str:
    """The module of ours behind an imported name: "" if it is not ours."""
    first, _, rest = imported.partition(".")
    if first != PACKAGE:
        return ""
    while rest and rest not in SOURCES:
        rest = rest.rpartition(".")[0]
    return rest or "__init__"


def _allowed(module: str, imported: str) -> bool:
    part = module.partition(".")[0]
    if imported.partition(".")[0] == part:
        return True
    return any(imported == a or imported.startswith(f"{a}.") for a in MAY_IMPORT[part])


def test_every_part_of_the_house_has_a_place_in_the_table():
    assert {module.partition(".")[0] for module in SOURCES} <= set(MAY_IMPORT)


@each_module
def test_imports_only_downwards(module):
    ours = {_of_ours(imported) for imported in _imports(TREES[module])} - {""}
    wrong = sorted(imported for imported in ours if not _allowed(module, imported))
    assert not wrong, f"{module} may not import {', '.join(wrong)} (docs/architecture.md)"


@each_module
def test_params_are_read_in_one_module(module):
    lines = [
        node.lineno
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Attribute)
        and node.attr == "params"
        and isinstance(node.value, ast.Name)
        and node.value.id in ("ctx", "context")
    ]
    assert not lines or module in READS_PARAMS, f"{module} reads ctx.params on lines {lines}"


@each_module
def test_views_are_built_at_the_top_only(module):
    types = [i for i in _imports(TREES[module]) if i.startswith("fiftyone.operators.types")]
    assert not types or module.partition(".")[0] in BUILDS_VIEWS


@each_module
def test_ctx_stops_at_the_top(module):
    if module.partition(".")[0] in BUILDS_VIEWS:
        return
    named = [n.lineno for n in ast.walk(TREES[module]) if isinstance(n, ast.arg) and n.arg == "ctx"]
    assert not named, f"{module} takes a ctx on lines {named}"


@each_module
def test_heavy_packages_are_imported_when_needed(module):
    top = _imports(TREES[module], top_level_only=True)
    heavy = [i for i in top if any(i == h or i.startswith(f"{h}.") for h in HEAVY)]
    assert not heavy or module in TRAINS, f"{module} imports {heavy} at its top, not in a function"


@each_module
def test_files_can_be_read_in_one_sitting(module):
    lines = len(SOURCES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"{module} has {lines} lines"
    assert not {"utils", "util", "helpers", "misc", "common"} & set(module.split("."))


def test_the_entry_imports_nothing_of_ours_at_its_top():
    ours = [i for i in _imports(TREES["__init__"]) if _of_ours(i)]
    assert not ours, "FiftyOne executes this file at every look-up; import inside register()"


def test_the_lock_names_no_host():
    lock = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock


TEST_FILES = {
    str(path.relative_to(CHECKOUT)): path.read_text(encoding="utf-8")
    for path in sorted((CHECKOUT / "tests").rglob("*.py"))
}
#: Imports of code beside the product, also those in the text of programs that a test runs.
_TEST_IMPORT = re.compile(
    r"\bfrom ((?:tests|benchmarks|conftest)[\w.]* import \w+)"
    r"|\bimport ((?:tests|benchmarks|conftest)\b[\w.]*)"
)


def test_tests_share_code_in_the_support_package_only():
    wrong = {}
    for file, text in TEST_FILES.items():
        imported = ["".join(parts).replace(" import ", ".") for parts in _TEST_IMPORT.findall(text)]
        if names := [name for name in imported if not name.startswith("tests.support.")]:
            wrong[file] = names
    assert not wrong, "move what is shared to tests/support"


#: Tests that sleep because the length of the pause is their subject, or to slow a loader down.
SLEEPS = {"tests/chaos/test_database_pause.py", "tests/integration/test_engine.py"}


def test_tests_wait_for_conditions_not_for_time():
    wrong = {}
    for file, text in TEST_FILES.items():
        if "time.sleep(" not in text or file in SLEEPS or file.startswith("tests/support/"):
            continue
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
        if lines := [call.lineno for call in calls if ast.unparse(call.func) == "time.sleep"]:
            wrong[file] = lines
    assert not wrong, "use tests.support.waiting.wait_until"


def test_unit_tests_read_no_clock():
    clock = re.compile(r"\btime\.(?:time|monotonic|perf_counter|process_time)\b")
    files = [file for file in TEST_FILES if file.startswith("tests/unit/")]
    wrong = [file for file in files if clock.search(TEST_FILES[file])]
    assert not wrong, "milliseconds depend on the load of the machine: count instead"


#: Parameters of ``panels/`` that mean the same everywhere; ``panels/ui/__init__.py`` explains them.
EVERYWHERE_IN_PANELS = {"state", "panel", "page", "parent", "name", "label"}
EVERYWHERE_IN_PANELS |= {"more", "sx", "props"}

#: First words of a sentence about the result, which needs no ``Returns:``.
ABOUT_RESULT = re.compile(r"(Returns|Yields|Whether|How|Which|Why|What|The|An?|All|Each|Those)\b")


def _within(module, parent, has_base):
    """Yields ``(place, function, whether its class has a base)`` for all that is not private."""
    for node in ast.iter_child_nodes(parent):
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name.startswith("_"):
            continue
        if isinstance(node, ast.ClassDef):
            yield from _within(module, node, bool(node.bases))
        else:
            yield f"{module}.{node.name} (line {node.lineno})", node, has_base


def _parameters(place, function):
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [one for one in (arguments.vararg, arguments.kwarg) if one]
    names = [one.arg for one in every if one.arg not in ("self", "cls", "ctx")]
    if place.startswith("panels."):
        names = [n for n in names if n not in EVERYWHERE_IN_PANELS and not n.startswith("on_")]
    return names


def _raises(function):
    """Whether the function raises something that it does not catch itself."""
    pending = list(function.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Raise) and node.exc is not None:
            return True
        if isinstance(node, ast.Try) and node.handlers:
            handlers = [statement for handler in node.handlers for statement in handler.body]
            pending += [*handlers, *node.orelse, *node.finalbody]
        elif not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            pending += [child for child in ast.iter_child_nodes(node)]
    return False


def _missing(place, function):
    """Yields what a docstring lacks."""
    text = ast.get_docstring(function) or ""
    names = _parameters(place, function)
    if len(names) < 2:
        return
    _, _, arguments = text.partition("Args:\n")
    for name in names:
        if not re.search(rf"^ +\**{name}( \(.*\))?:", arguments, re.MULTILINE):
            yield name
    result = ast.unparse(function.returns) if function.returns else ""
    has_result = result not in ("", "None", "NoReturn")
    described = ABOUT_RESULT.match(text) or re.search(r"^(Returns|Yields):$", text, re.MULTILINE)
    if has_result and not described:
        yield "Returns"
    if _raises(function) and "Raises:" not in text and not text.startswith("Raises"):
        yield "Raises"


def test_functions_of_two_parameters_or_more_describe_them():
    wrong = {}
    for module, tree in TREES.items():
        for place, function, has_base in _within(module, tree, False):
            if has_base and not ast.get_docstring(function):
                continue  # it inherits the docstring
            if missing := list(_missing(place, function)):
                wrong[place] = missing
    assert not wrong, "Args: with each parameter, Returns: and Raises:, as in Google's style"
