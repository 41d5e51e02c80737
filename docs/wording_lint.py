"""Checks the words that people read against ``docs/style.md``: ``make lint`` runs it.

It checks the Markdown pages, the strings in code that look like sentences, and in comments and
docstrings the words that are never right.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]

#: Discouraged words, and what to write in their place.
DISCOURAGED = {
    r"meanwhile|in the meantime": "since then, during the run",
    r"anew": "again",
    r"any more": "no longer",
    r"nobody|somebody|anybody|everybody|whoever": "no one, you, people, the person who",
    r"if need be": "if needed",
    r"lest": "so that … not",
    r"thereof": "of it",
    r"as it is|as they are": "unchanged",
    r"is said|are said|is told|are told|says so": "shows, lists, reports",
    r"tells? you so": "shows this",
    r"goes on|go on with": "continues",
    r"tak(?:e|es|en|ing) (?:\w+ )?back": "undo, move back",
    r"(?:is|are|was|were) to be": "must be, will be",
    r"that there (?:is|are)": "known, available",
    r"of (?:its|their|our|your) own": "its own …",
    r"likewise|thus|hence|whereby|wherein|whilst|upon": "also, so, where, while, on",
    r"in vain|as a rule": "without success, usually",
    r"empty: all": "Leave empty for all.",
    r"licen(?:ce|ces|ced)": "license",
    r"colours?|behaviours?|favours?": "color, behavior, favor",
    r"(?:un)?labell(?:ed|ing)|cancell(?:ed|ing)": "labeled, labeling, canceled, canceling",
}

#: Discouraged in comments and docstrings, too; there, some of the others may be right.
DISCOURAGED_IN_CODE = {
    words: better
    for words, better in DISCOURAGED.items()
    if not re.match(r"as it is|is said|\(\?:is|that there|of \(\?:its|tells|empty", words)
}


def _compiled(words: dict[str, str]) -> dict[re.Pattern[str], str]:
    return {re.compile(rf"\b(?:{one})\b", re.I): better for one, better in words.items()}


_DISCOURAGED, _DISCOURAGED_IN_CODE = _compiled(DISCOURAGED), _compiled(DISCOURAGED_IN_CODE)

#: The most words in a sentence.
MAX_WORDS = 30

#: The reference is made from code, which is checked itself; the style guide lists the words.
NOT_CHECKED = {"docs/reference.md", "docs/style.md", "tests/unit/test_wording_lint.py"}

_MARK = "wording: ok"
_SENTENCE_END = re.compile(r"(?<=[.!?:;])[\"')*_]*\s+|\s+(?=[-\u2013\u2014] )")
_WORD = re.compile(r"[A-Za-z][\w'-]*")
_LOOKS_LIKE_WORDS = re.compile(r"[A-Za-z]+,? [a-z]+,? [a-z]+")


@dataclass(frozen=True)
class Finding:
    """A place that breaks a rule.

    Args:
        path: the file, relative to the checkout
        line: the number of the line, from 1
        text: the problem
    """

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def problems(text: str) -> Iterator[str]:
    """Finds problems in a piece of text.

    Args:
        text: one or more sentences

    Yields:
        a line for each discouraged word and each sentence that is too long
    """
    yield from _words(text, _DISCOURAGED)
    for sentence in _SENTENCE_END.split(text):
        number = len(_WORD.findall(sentence))
        if number > MAX_WORDS:
            yield f"a sentence of {number} words, more than {MAX_WORDS}: '{sentence[:60].strip()}…'"


def _words(text: str, discouraged: dict[re.Pattern[str], str]) -> Iterator[str]:
    for pattern, better in discouraged.items():
        for match in pattern.finditer(text):
            yield f"'{match[0]}': write {better!r}"


def in_markdown(text: str) -> Iterator[tuple[int, str]]:
    """Finds problems in a Markdown page, outside code and the addresses of links.

    Args:
        text: the page

    Yields:
        ``(line, problem)``
    """
    for line, block in _blocks(text):
        for problem in problems(block):
            yield line, problem


def in_python(source: str) -> Iterator[tuple[int, str]]:
    """Finds problems in the strings of a module that look like sentences.

    Docstrings are for readers of the code and not checked, except those that are ``--help``.

    Args:
        source: the module's text

    Yields:
        ``(line, problem)``
    """
    lines = source.splitlines()
    for node, text in _strings(ast.parse(source)):
        if _MARK in "".join(lines[node.lineno - 1 : node.end_lineno]):
            continue
        if _LOOKS_LIKE_WORDS.search(text):
            for problem in problems(text):
                yield node.lineno, problem


def in_comments(source: str) -> Iterator[tuple[int, str]]:
    """Finds discouraged words in the comments and docstrings of a module.

    Args:
        source: the module's text

    Yields:
        ``(line, problem)``
    """
    texts = [
        (token.start[0], token.string)
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    for node in ast.walk(ast.parse(source)):
        value = node.value if isinstance(node, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            texts += enumerate(value.value.splitlines(), start=value.lineno)
    for line, text in texts:
        if _MARK not in text:
            for problem in _words(text, _DISCOURAGED_IN_CODE):
                yield line, problem


def findings(checkout: Path = CHECKOUT) -> list[Finding]:
    """Checks all pages, the modules of the package, and the comments of all modules.

    Args:
        checkout: the folder of the repository

    Returns:
        all findings, those in pages first
    """
    pages = [checkout / "README.md", checkout / "CONTRIBUTING.md", checkout / "CHANGELOG.md"]
    pages += sorted((checkout / "docs").rglob("*.md")) + sorted((checkout / "skills").rglob("*.md"))
    folders = sorted(
        {path.parent for path in checkout.glob("*/__init__.py")} - {checkout / "tests"}
    )
    modules = [checkout / "__init__.py"]
    modules += [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    tests = [
        path for folder in ("tests", "benchmarks") for path in (checkout / folder).rglob("*.py")
    ]
    commented = [*modules, *sorted((checkout / "docs").glob("*.py")), *sorted(tests)]
    return [
        *_check(checkout, pages, in_markdown, NOT_CHECKED),
        *_check(checkout, modules, in_python),
        *_check(checkout, commented, in_comments, NOT_CHECKED),
    ]


def main() -> int:
    """Prints the findings; returns the exit status."""
    found = findings()
    for finding in found:
        print(finding)
    if found:
        print(
            f"{len(found)} findings; docs/style.md has the rules, and docs/wording_lint.py the list"
        )
    return bool(found)


def _check(
    checkout: Path,
    paths: Iterable[Path],
    check: Callable[[str], Iterator[tuple[int, str]]],
    without: Container[str] = (),
) -> Iterator[Finding]:
    for path in paths:
        name = path.relative_to(checkout).as_posix()
        if name not in without:
            for line, text in check(path.read_text(encoding="utf-8")):
                yield Finding(name, line, text)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Yields the paragraphs, list items and table cells of a page: ``(line, text)``."""
    start, fenced = 0, False
    block: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        is_fence = line.lstrip().startswith("```")
        is_code = fenced or is_fence or line.startswith("    ")
        begins = re.match(r"\s*([-*+]|\d+\.)\s|#|\|", line)
        if block and (is_code or begins or not line.strip()):
            yield start, " ".join(block)
            block = []
        fenced ^= is_fence
        if is_code or not line.strip() or _MARK in line:
            continue
        for cell in line.split("|") if line.startswith("|") else [line]:
            if line.startswith("|"):
                yield number, _plain(cell)
                continue
            if not block:
                start = number
            block.append(_plain(cell))


def _plain(line: str) -> str:
    """Returns a line of Markdown without its markup, with each piece of code as one word."""
    line = re.sub(r"`[^`]*`", "x", line)
    line = re.sub(r"\]\([^)]*\)", "]", line)
    line = re.sub(r"<!--.*?-->", "", line)
    return re.sub(r"^\s*([-*+]|\d+\.|#+)\s+", "", line)


def _strings(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """Yields the strings of a module, f-strings as a whole: ``(node, text)``."""
    skip = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [p.value if isinstance(p, ast.Constant) else "x" for p in node.values]
            skip |= {id(part) for part in ast.walk(node) if part is not node}
            yield node, "".join(map(str, parts))
        elif isinstance(node, ast.FunctionDef) and _is_verb(node):
            yield node.body[0], ast.get_docstring(node) or ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skip:
            yield node, node.value


def _is_verb(function: ast.FunctionDef) -> bool:
    """Whether a function's docstring is the help of a command."""
    calls = (d.func for d in function.decorator_list if isinstance(d, ast.Call))
    return any(isinstance(call, ast.Name) and call.id == "verb" for call in calls)


if __name__ == "__main__":
    sys.exit(main())
