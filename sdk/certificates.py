"""Certificates of audits as files."""

import os
from pathlib import Path
from typing import Any

from auto_labeling.audits import certificate_page
from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.review import certifying
from auto_labeling.review.certifying import Verification
from auto_labeling.sdk.handle import Run


def certificate(run: Run, path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Returns the certificate of the audit that has passed.

    Args:
        run: a run, in review or approved
        path (None): a file to write it to: a web page if its name ends in ``.html``, else JSON

    Returns:
        the certificate as a dict for JSON

    Raises:
        AuditRefused: if no audit has passed

    Example:
        >>> al.promote(run)
        12
        >>> audit = al.quality.freeze(run)
        >>> audit = al.quality.answer(run, al.quality.page(run).ids)
        >>> al.quality.certificate(run, "certificate.html")["claim"]
        'All 12 labels were looked at, and all are right'
        >>> al.quality.verify(run, "certificate.html").is_valid
        True
    """
    document = certifying.make(run.dataset, run.id)
    if path is not None:
        is_page = Path(path).suffix.casefold() in (".html", ".htm")
        to_text = certificate_page.to_html if is_page else certificate_page.to_json
        _write(Path(path), to_text(document))
    return document


def verify(run: Run, path: str | os.PathLike[str]) -> Verification:
    """Checks a certificate: that its claim follows, and that its labels are unchanged.

    Args:
        run: the run, in review or approved
        path: the file, JSON or a web page

    Returns:
        the numbers of labels that are covered, changed, removed and added since

    Raises:
        AutoLabelingError: if the file is no certificate, or cannot be read

    Example:
        >>> al.promote(run)
        12
        >>> audit = al.quality.freeze(run)
        >>> audit = al.quality.answer(run, al.quality.page(run).ids)
        >>> document = al.quality.certificate(run, "certificate.json")
        >>> al.quality.verify(run, "certificate.json").sentence
        'The certificate is valid. It covers 12 labels, all unchanged'
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AutoLabelingError(f"{path} cannot be read: {error}") from error
    return certifying.verify(run.dataset, run.id, certificate_page.from_text(text))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AutoLabelingError(f"{path} cannot be written: {error}") from error
