"""The page ``docs/benchmarks.md``: each benchmark writes its own section, and no other."""

import platform
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def write(section: str, markdown: str):
    """Puts a benchmark's results between its two marks on the page.

    Args:
        section: the section's name
        markdown: the results
    """
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Benchmarks\n"
    first, last = f"<!-- {section} -->", f"<!-- /{section} -->"
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}."
    body = f"{first}\n## {section.capitalize()}\n\n{machine} {markdown}\n{last}"
    if first in page:
        before, _, rest = page.partition(first)
        page = before + body + rest.partition(last)[2]
    else:
        page = f"{page.rstrip()}\n\n{body}\n"
    PAGE.write_text(page, encoding="utf-8")


def rows(section: str) -> dict[str, str]:
    """The rows of a section's table, by the key in their first column."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    body = page.partition(f"<!-- {section} -->")[2].partition(f"<!-- /{section} -->")[0]
    lines = [line for line in body.splitlines() if line.startswith("| `")]
    return {line.split("`")[1]: line for line in lines}
