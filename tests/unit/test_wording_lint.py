"""The lint of the words that people read (docs/style.md)."""

import pytest

from docs import wording_lint as lint

LONG = " ".join(["word"] * 31)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Labels this dataset. Leave empty for all.", 0),
        ("Meanwhile, somebody changed it", 2),
        ("It has more than any other", 0),
        ("Nobodys in a latest list", 0),  # whole words only
        (f"{LONG}.", 1),
        (f"{LONG[:50]}. {LONG[:50]}.", 0),
    ],
)
def test_discouraged_words_and_long_sentences_are_found(text, number):
    assert len(list(lint.problems(text))) == number


def test_code_and_marked_lines_of_a_page_are_exempt():
    page = (
        "# Title\n\nOne `meanwhile` in [a link](anew.md).\n\n```\nsomebody\n```\n\n    nobody\n\n"
        "He said so meanwhile. <!-- wording: ok -->\n"
    )
    assert not list(lint.in_markdown(page))


def test_a_sentence_of_a_page_goes_over_lines_but_not_over_items():
    half = " ".join(["word"] * 16)
    assert not list(lint.in_markdown(f"- {half}\n- {half}\n"))
    assert not list(lint.in_markdown(f"| {half} | {half} |\n"))
    [(line, text)] = lint.in_markdown(f"First.\n\n{half}\n{half}\n")
    assert line == 3 and "32 words" in text


def test_strings_and_help_are_checked_and_docstrings_are_not():
    source = (
        '"""Somebody reads this module."""\n'
        'KEY = "meanwhile"\n'
        'TEXT = "the run goes on"\n'
        'QUOTED = "the run goes on"  # wording: ok\n'
        "def f(n):\n"
        '    """Nobody sees this at all."""\n'
        '    return f"there are {n} labels, "\\\n'
        '        "and nobody else"\n'
        '@verb("show")\n'
        "def show(args):\n"
        '    """Shows a run as it is now."""\n'
    )
    assert sorted(line for line, _ in lint.in_python(source)) == [3, 7, 11]


def test_comments_and_docstrings_have_no_discouraged_words():
    source = (
        '"""Somebody reads\n\nthis anew."""\n'
        'KEY = "nobody"  # any more\n'
        "NUMBER = 1  # as it is, for once\n"
        "OTHER = 2  # nobody's wording: ok\n"
    )
    assert sorted(line for line, _ in lint.in_comments(source)) == [1, 3, 4]


def test_pages_and_modules_of_the_package_are_checked(tmp_path):
    for name in ("cli/__init__.py", "cli/verbs.py", "tests/__init__.py", "benchmarks/rig.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text('TEXT = "the run goes on"\n')
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/guide.md", "__init__.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text('"""It goes on"""\n')
    (tmp_path / "CONTRIBUTING.md").write_text("It continues.\n")
    found = [finding.path for finding in lint.findings(tmp_path)]
    pages = ["README.md", "CHANGELOG.md", "docs/guide.md"]
    modules = ["cli/__init__.py", "cli/verbs.py"]
    assert found == [*pages, *modules, "__init__.py"]


def test_pages_and_code_keep_the_rules():
    found = lint.findings()
    assert not found, "\n".join(map(str, found))
