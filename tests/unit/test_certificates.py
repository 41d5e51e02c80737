"""Certificates on paper: what they claim, and that no change of the file goes unnoticed."""

import copy
import json

import pytest

from auto_labeling.audits import certificate, certificate_page, events
from auto_labeling.audits.events import Verdict
from auto_labeling.audits.ledger import Ledger
from auto_labeling.core.errors import AuditRefused, AutoLabelingError
from tests.support.scripted_audits import Paper, entries_of, frozen

RUN = {
    "id": "run",
    "name": "<b>first & last</b>",
    "dataset": "photos",
    "label_field": "boxes",
    "model": "yolo",
    "weights": {"yolo.pt": "ab" * 32},
    "license": "AGPL-3.0",
}


def certified(size=1_000, wrong=2, **choices):
    paper = Paper(size, **choices)
    bad = {entry.label for entry in paper.entries[10 : 10 + wrong]}
    assert paper.finish(bad.__contains__, size=48)
    return paper, certificate.build(paper.ledger, paper.entries, RUN, "now", {"fiftyone": "1"})


def test_the_claim_says_what_was_promised():
    _, document = certified()
    assert document["claim"] == (
        "At least 95% of these 1,000 labels are right (risk 5%; 2 wrong of 147 looked at)"
    )
    assert (document["frozen"], document["rejected"], document["kept"]) == (1_000, 2, 998)
    low, high, confidence = document["interval"]
    assert low < document["estimate"] < high and low >= 0.95 and confidence == 0.9
    assert certificate.problems(document) == []
    _, document = certified(attempts=2, target=90)
    assert "90%" in document["claim"] and "risk 2.5%" in document["claim"]


def test_labels_that_were_all_looked_at_need_no_risk():
    _, document = certified(43, 2)
    assert document["claim"] == "All 43 labels were looked at; the 41 right ones are kept"
    assert document["risk"] == 0 and certificate.problems(document) == []


def test_there_is_none_before_an_audit_has_passed():
    paper = Paper(1_000)
    paper.answer(paper.page(), lambda _: True)
    for ledger in (Ledger("run"), paper.ledger):
        with pytest.raises(AuditRefused):
            certificate.certified(ledger)


def test_all_audits_and_the_pilot_are_listed():
    paper = Paper(1_000, attempts=2)
    pilot = [events.Entry(f"{number:024x}", "", "0" * 16, "cat") for number in (2001, 2002, 2003)]
    paper.ledger.pilot = pilot
    paper.ledger.pilot_verdicts = {pilot[0].label: Verdict.RIGHT, pilot[1].label: Verdict.WRONG}
    paper.answer(paper.page(), lambda label: label != paper.entries[0].label)
    first = paper.entries[0]
    paper.add(frozen(500, 2, attempts=2, seed="second"))
    paper.entries = entries_of(500, seed="second")
    paper.finish(lambda _: False)
    document = certificate.build(paper.ledger, paper.entries, RUN, "now", {})
    assert [one["result"] for one in document["audits"]] == ["failed", "passed"]
    assert document["pilot"] == {"labels": 3, "answered": 2, "right": 1}
    frozen_ids = {entry.label for entry in paper.entries}
    right = {first.label, pilot[0].label} - frozen_ids
    assert {label for label, _ in document["looked_at"]} == right
    assert {entry.label for entry in pilot[1:]} <= set(document["left_out"])
    assert certificate.problems(document) == []


def rehashed(document):
    return {**document, "sha256": certificate.fingerprint(document)}


def _seed(document):
    document["audits"][0]["seed"] = "another"


def _answer(document):
    document["audits"][0]["answers"][10][1] = "right"


def _more_wrong(document):
    document["audits"][0]["answers"][11:13] = [
        [a, "wrong"] for a, _ in document["audits"][0]["answers"][11:13]
    ]


def _looks(document):
    document["audits"][0]["looks"] = [[59, 0], [93, 1], [124, 2]]


def _label(document):
    document["labels"][500][1] = "1" * 16


def _fewer(document):
    del document["labels"][-1]


def _swapped(document):
    document["labels"][0], document["labels"][1] = document["labels"][1], document["labels"][0]
    entries = [events.Entry(label, "", content, "") for label, content in document["labels"]]
    document["audits"][0]["digest"] = events.digest(entries)


def _claim(document):
    document["claim"] = document["claim"].replace("95%", "98%")


def _target(document):
    document["audits"][0]["target"] = 98


def _risk(document):
    document["audits"][0]["risk"] = 0.2


def _attempts(document):
    document["audits"].append(copy.deepcopy(document["audits"][0]) | {"number": 2})


def _no_list(document):
    del document["left_out"]


def _gone(document):
    del document["audits"][0]["answers"]


CHANGES = [_seed, _answer, _more_wrong, _looks, _label, _fewer, _swapped, _claim, _target, _risk]
CHANGES += [_attempts, _gone, _no_list]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_file_is_seen_even_with_a_new_hash(change):
    _, document = certified()
    changed = copy.deepcopy(document)
    change(changed)
    assert "its hash is another" in certificate.problems(changed)[0]
    found = certificate.problems(rehashed(changed))
    assert found and "hash" not in found[0]


@pytest.mark.parametrize("name", ["made_at", "right", "versions", "run"])
def test_a_change_of_anything_else_is_seen_by_the_hash(name):
    _, document = certified()
    changed = {**document, name: {**RUN, "license": "MIT"} if name == "run" else "other"}
    assert certificate.problems(changed)


def test_both_kinds_of_file_hold_the_whole_certificate():
    _, document = certified()
    page = certificate_page.to_html(document)
    assert certificate_page.from_text(certificate_page.to_json(document)) == document
    assert certificate_page.from_text(page) == document
    assert "<b>first" not in page and "&lt;b&gt;first &amp; last" in page
    assert "At least 95% of these 1,000 labels are right" in page
    assert "http" not in page.replace("https://", "http")  # nothing is loaded


def test_a_page_whose_words_were_changed_is_not_valid():
    _, document = certified()
    page = certificate_page.to_html(document).replace(
        '<p class="claim">At least 95%', '<p class="claim">At least 99%'
    )
    assert certificate.problems(certificate_page.from_text(page))


@pytest.mark.parametrize("text", ["", "[]", "{}", "<html></html>", json.dumps({"kind": "x"})])
def test_other_files_are_refused(text):
    with pytest.raises(AutoLabelingError):
        certificate.problems(certificate_page.from_text(text))


def test_a_certificate_of_a_newer_version_is_refused():
    _, document = certified()
    with pytest.raises(AutoLabelingError, match="newer version"):
        certificate.problems({**document, "format": 2})


def test_only_the_summary_is_kept_beside_the_dataset():
    _, document = certified()
    assert "labels" not in certificate.summary(document)
    assert len(json.dumps(certificate.summary(document))) < 40_000
