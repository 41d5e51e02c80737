"""The certificate as one web page that needs nothing else, and certificates as files."""

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.core.text import count

_DATA = re.compile(r'<script type="application/json" id="certificate">(.*?)</script>', re.DOTALL)

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2433; background: #fff;
  margin: 3rem auto; padding: 0 1.5rem; max-width: 46rem; }
h1 { font-size: 1.1rem; font-weight: 600; color: #4a5568; margin: 0; }
.claim { font-size: 1.7rem; line-height: 1.3; font-weight: 600; margin: .5rem 0 1.5rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid #e2e8f0;
  vertical-align: top; overflow-wrap: anywhere; }
th { font-weight: 500; color: #4a5568; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
p.note { color: #4a5568; }
@media print { body { margin: 0; } }
"""


def to_json(document: Mapping[str, Any]) -> str:
    """A certificate as the text of a JSON file."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def to_html(document: Mapping[str, Any]) -> str:
    """A certificate as the text of an HTML file, which holds the whole document too."""
    data = json.dumps(document, ensure_ascii=False).replace("<", "\\u003c")
    run, audits = document["run"], document["audits"]
    audit = next(one for one in audits if one["number"] == document["audit"])
    low, high, confidence = document["interval"]
    facts = {
        "Dataset": run["dataset"],
        "Run": f"{run['name']} ({run['id']})",
        "Label field": run["label_field"],
        "Model": run["model"],
        "Weights": ", ".join(f"{name}: sha256 {sha}" for name, sha in run["weights"].items()),
        "License": run["license"],
        "A label is right if": document["right"],
        "Scope": audit["scope"],
        "Frozen": count(document["frozen"], "label"),
        "Rejected": count(document["rejected"], "label"),
        "Kept": count(document["kept"], "label"),
        "Estimate": f"{document['estimate']:.1%} right "
        f"({confidence:.0%} interval: {low:.1%} to {high:.1%})",
        "Reviewers": ", ".join(filter(None, audit["reviewers"])),
        "Frozen at": audit["frozen_at"],
        "Passed at": audit["ended_at"],
        "Seed": audit["seed"],
        "Hash of the labels": audit["digest"],
        "Pilot": f"{count(document['pilot']['answered'], 'label')} looked at, which do not count"
        if document["pilot"]["labels"]
        else "",
        "Hash of this document": document["sha256"],
        "Versions": ", ".join(f"{name} {value}" for name, value in document["versions"].items()),
    }
    rows = "".join(
        f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>"
        for name, value in facts.items()
        if value
    )
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(document['claim'])}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        "<h1>Certificate of label quality</h1>",
        f'<p class="claim">{_text(document["claim"])}</p>',
        f"<table>{rows}</table>",
        "<h2>Audits of this run</h2>",
        _audits(audits),
        "<h2>Plan</h2>",
        f"<p>{_text(_plan(audit))}</p>",
        "<h2>By class</h2>",
        _classes(document["classes"]),
        '<p class="note">Intervals by class are information, not a promise.</p>',
        '<p class="note">To verify this file and its labels:',
        "<code>auto-labeling certificate DATASET RUN --verify FILE</code></p>",
        f'<script type="application/json" id="certificate">{data}</script>',
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def from_text(text: str) -> dict[str, Any]:
    """Reads a certificate from the text of a JSON or HTML file.

    Raises:
        AutoLabelingError: if it is neither
    """
    embedded = _DATA.search(text)
    try:
        document = json.loads(embedded[1] if embedded else text)
    except ValueError as error:
        raise AutoLabelingError("This file is not a certificate: it cannot be read") from error
    if not isinstance(document, dict):
        raise AutoLabelingError("This file is not a certificate of Auto-Labeling")
    if embedded and _page_of(document) != text:
        document = {**document, "page": "changed"}  # so that its hash is another
    return document


def _page_of(document: Mapping[str, Any]) -> str | None:
    """The page of a document; None if it is none that a page can be made of."""
    try:
        return to_html(document)
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration):
        return None


def _audits(audits: Any) -> str:
    head = "<tr><th>Audit</th><th>Result</th><th class=n>Labels</th><th class=n>Looked at</th>"
    head += "<th class=n>Wrong</th><th class=n>Target</th><th class=n>Risk</th></tr>"
    rows = []
    for one in audits:
        wrong = sum(verdict != "right" for _, verdict in one["answers"])
        numbers = (
            f"{one['size']:,}",
            f"{len(one['answers']):,}",
            f"{wrong:,}",
            f"{one['target']}%",
            f"{one['risk']:.1%}",
        )
        cells = "".join(f"<td class=n>{_text(number)}</td>" for number in numbers)
        rows.append(f"<tr><td>{one['number']}</td><td>{_text(one['result'])}</td>{cells}</tr>")
    return f"<table>{head}{''.join(rows)}</table>"


def _plan(audit: Mapping[str, Any]) -> str:
    if len(audit["looks"]) == 1 and audit["looks"][0][0] == audit["size"]:
        return "All labels were looked at."
    looks = "; ".join(f"{allowed} wrong in {labels:,}" for labels, allowed in audit["looks"])
    return f"The audit passes with at most: {looks}."


def _classes(rows: Any) -> str:
    head = "<tr><th>Class</th><th class=n>Looked at</th><th class=n>Wrong</th>"
    head += "<th class=n>Right, 95% interval</th></tr>"
    body = "".join(
        f"<tr><td>{_text(row['class'])}</td><td class=n>{row['seen']:,}</td>"
        f"<td class=n>{row['wrong']:,}</td>"
        f"<td class=n>{row['interval'][0]:.1%} to {row['interval'][1]:.1%}</td></tr>"
        for row in rows
    )
    return f"<table>{head}{body}</table>"


def _text(value: object) -> str:
    return html.escape(str(value))
