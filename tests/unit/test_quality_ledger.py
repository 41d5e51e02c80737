"""The ledger of audits: what it refuses, and that its state is what its events give."""

import random

import pytest

from auto_labeling.audits import events
from auto_labeling.audits.audit import AuditState
from auto_labeling.audits.events import Entry, Verdict
from auto_labeling.audits.ledger import Ledger
from auto_labeling.audits.plan import most_wrong, solve
from auto_labeling.core.errors import AuditRefused, FailureReason
from tests.support.scripted_audits import Paper, entries_of, frozen, head, random_truth


def refused(act):
    """The reason for which the ledger refuses something; it must be unchanged after that."""
    with pytest.raises(AuditRefused) as caught:
        act()
    return caught.value.reason


def test_an_audit_without_an_error_passes_at_the_first_look():
    paper = Paper(1_000)
    assert paper.audit.state is AuditState.FROZEN and not paper.audit.uses_risk
    while not paper.audit.is_over:
        paper.answer(paper.page())
    assert paper.audit.state is AuditState.PASSED
    assert paper.audit.stop == (80, 0)


def test_it_fails_at_the_first_error_that_no_look_allows():
    paper = Paper(1_000)
    bad = {entry.label for entry in paper.entries[:10]}
    paper.answer(paper.page(), bad.__contains__)
    assert paper.audit.state is AuditState.FAILED
    assert paper.audit.stop == (10, 10)
    assert refused(lambda: paper.answer(["0" * 24])) is FailureReason.AUDIT_OVER


def test_unsure_changed_and_deleted_count_as_wrong():
    paper = Paper(1_000)
    labels = paper.page(4)
    verdicts = (Verdict.UNSURE, Verdict.CHANGED, Verdict.DELETED, Verdict.RIGHT)
    paper.add(events.Answered(audit=1, first=0, labels=tuple(labels), verdicts=verdicts, **head()))
    assert (paper.audit.seen, paper.audit.wrong) == (4, 3)
    assert paper.audit.more_without_error == solve(1_000).looks[3].labels - 4


def test_answers_of_another_order_are_refused():
    paper = Paper(1_000)
    labels = paper.page()
    by_confidence = sorted(labels)
    assert by_confidence != labels
    others = [entry.label for entry in paper.entries[500:524]]
    for given in (by_confidence, others, labels[1:] + labels[:1]):
        assert refused(lambda given=given: paper.answer(given)) is FailureReason.OTHER_ORDER
    assert paper.audit.seen == 0


def test_answers_out_of_order_are_refused():
    paper = Paper(1_000)
    labels = paper.page()
    later = labels[12:]
    assert refused(lambda: paper.answer(later, first=12)) is FailureReason.OUT_OF_ORDER
    paper.answer(labels[:12], by="bob")
    assert refused(lambda: paper.answer(labels[:12], first=0)) is FailureReason.OUT_OF_ORDER
    assert paper.audit.reviewers == ["bob"]


def test_answers_of_the_pilot_are_refused_as_looks():
    ledger, pilot = Ledger("run"), tuple(entries_of(70)[:2])
    ledger.add(events.PilotDrawn(labels=pilot, **head()))
    ledger.add(events.PilotAnswered(verdicts={pilot[0].label: Verdict.RIGHT}, **head()))
    ledger.add(frozen(1_000))
    first = entries_of(1_000)[0]
    ledger.add(events.Shown(audit=1, first=0, labels=(first,), **head()))
    counted = events.Answered(
        audit=1, first=0, labels=(pilot[0].label,), verdicts=(Verdict.RIGHT,), **head()
    )
    assert refused(lambda: ledger.add(counted)) is FailureReason.PILOT_LABEL
    strange = events.PilotAnswered(verdicts={"f" * 24: Verdict.RIGHT}, **head())
    assert refused(lambda: ledger.add(strange)) is FailureReason.OTHER_ORDER
    again = events.PilotDrawn(labels=pilot, **head())
    assert refused(lambda: ledger.add(again)) is FailureReason.OUT_OF_ORDER
    assert ledger.current.seen == 0


def test_labels_that_were_not_shown_are_refused():
    paper = Paper(1_000)
    labels = [entry.label for entry in paper.entries[:24]]
    assert refused(lambda: paper.answer(labels)) is FailureReason.NOT_SHOWN
    paper.show(12)
    assert refused(lambda: paper.answer(labels)) is FailureReason.NOT_SHOWN


def test_a_page_never_crosses_a_look():
    paper = Paper(1_000)
    look = paper.audit.next_look.labels
    assert refused(lambda: paper.show(look + 1)) is FailureReason.CROSSES_LOOK
    paper.answer(paper.page(48), lambda label: label == paper.entries[0].label)
    assert len(paper.page(48)) == look - 48
    paper.answer(paper.page(48))
    assert (paper.audit.seen, paper.audit.state) == (look, AuditState.OPEN)


def test_labels_are_shown_in_the_order_of_the_frozen_set():
    paper = Paper(1_000)
    for labels in (paper.entries[1::-1], [paper.entries[0]] * 2):
        event = events.Shown(audit=1, first=0, labels=tuple(labels), **head())
        assert refused(lambda event=event: paper.add(event)) is FailureReason.OTHER_ORDER
    paper.show(10)
    again = events.Shown(audit=1, first=5, labels=tuple(paper.entries[5:15]), **head())
    assert refused(lambda: paper.add(again)) is FailureReason.OUT_OF_ORDER
    back = events.Shown(audit=1, first=10, labels=tuple(paper.entries[9:12]), **head())
    assert refused(lambda: paper.add(back)) is FailureReason.OTHER_ORDER


def test_undo_reaches_back_to_the_last_look():
    paper = Paper(1_000)
    bad = {paper.entries[0].label, paper.entries[85].label}
    paper.answer(paper.page(10), bad.__contains__)
    paper.add(events.Undone(audit=1, first=0, **head()))
    assert (paper.audit.seen, paper.audit.wrong) == (0, 0)
    while paper.audit.seen < 80:
        paper.answer(paper.page(), bad.__contains__)
    undo = events.Undone(audit=1, first=79, **head())
    assert refused(lambda: paper.add(undo)) is FailureReason.OUT_OF_ORDER
    paper.answer(paper.page(10), bad.__contains__)
    paper.add(events.Undone(audit=1, first=80, **head()))
    assert (paper.audit.seen, paper.audit.wrong, paper.audit.floor) == (80, 1, 80)


def test_an_audit_that_has_shown_a_label_has_used_its_share():
    paper = Paper(1_000)
    paper.add(frozen(900))  # nothing was shown: the set may change
    assert paper.ledger.used == 0 and len(paper.ledger.audits) == 1
    paper.entries = entries_of(900)
    paper.page(1)
    assert refused(lambda: paper.add(frozen(800, 2))) is FailureReason.OUT_OF_ORDER
    paper.add(events.Abandoned(audit=1, **head()))
    assert refused(lambda: paper.add(frozen(800, 2))) is FailureReason.NO_ATTEMPT_LEFT
    two = frozen(800, 2, attempts=2)
    assert refused(lambda: paper.add(two)) is FailureReason.NO_ATTEMPT_LEFT
    assert refused(lambda: paper.page(2)) is FailureReason.AUDIT_OVER
    assert [audit.state for audit in paper.ledger.audits] == [AuditState.ABANDONED]


def test_two_attempts_are_two_audits_at_half_the_risk():
    paper = Paper(1_000, attempts=2)
    assert not paper.finish(lambda label: True)
    third = frozen(500, 3, attempts=2, seed="third")
    assert refused(lambda: paper.add(third)) is FailureReason.OUT_OF_ORDER
    assert len(paper.ledger.excluded) == len(paper.audit.shown)
    paper.add(frozen(500, 2, attempts=2, seed="second"))
    paper.entries = entries_of(500, seed="second")
    assert paper.finish(lambda label: False)
    assert [audit.frozen.risk for audit in paper.ledger.audits] == [0.025, 0.025]
    assert refused(lambda: paper.add(third)) is FailureReason.NO_ATTEMPT_LEFT


@pytest.mark.parametrize(
    "change",
    [
        {"looks": ((59, 0), (93, 1), (124, 2))},  # of the uncorrected table
        {"risk": 0.1},
        {"looks": ((80, 1), (116, 1))},
        {"target": 97},
        {"size": 0},
        {"size": 60},
    ],
)
def test_a_plan_that_does_not_hold_is_refused(change):
    event = frozen(1_000).model_copy(update=change)
    assert refused(lambda: Ledger("run").add(event)) is FailureReason.OTHER_PLAN


def test_up_to_sixty_labels_are_all_looked_at():
    paper = Paper(43)
    bad = {paper.entries[3].label, *(entry.label for entry in paper.entries[10:25])}
    assert paper.finish(bad.__contains__, size=12)
    assert paper.audit.stop == (43, 16)


def test_the_state_is_what_replaying_the_events_gives():
    choices = random.Random(3)
    for _ in range(20):
        paper = Paper(choices.choice([50, 200, 1_000]), attempts=2)
        bad = {e.label for e in paper.entries if choices.random() < choices.choice([0, 0.02, 0.2])}
        while not paper.audit.is_over and len(paper.events) < 60:
            kind = choices.random()
            if kind < 0.75:
                paper.answer(paper.page(choices.randint(1, 48)), bad.__contains__)
            elif kind < 0.9 and paper.audit.floor < paper.audit.seen:
                first = choices.randrange(paper.audit.floor, paper.audit.seen)
                paper.add(events.Undone(audit=1, first=first, **head()))
            elif kind > 0.98:
                paper.add(events.Abandoned(audit=1, **head()))
        stored = [events.read(event.model_dump(mode="json")) for event in paper.events]
        assert Ledger.replay("run", stored) == paper.ledger


def test_the_hash_of_a_label_is_of_what_makes_it_right():
    box = {"label": "cat", "bounding_box": [0, 0, 1, 0.5], "confidence": 0.5}
    same = events.content_hash(box)
    for change in ({"tags": ["x"]}, {"review": "promoted"}, {"confidence": 1}, {"mask": None}):
        assert events.content_hash({**box, **change}) == same
    assert events.content_hash({**box, "bounding_box": [0.0, 0.0, 1.0, 0.5]}) == same
    for change in ({"label": "dog"}, {"bounding_box": [0, 0, 1, 0.6]}, {"mask": b"1"}):
        assert events.content_hash({**box, **change}) != same
    entry = Entry("a", "b", same, "cat")
    assert events.digest([entry]) != events.digest([entry._replace(content="0")])


def certificates(runs, size, wrong, first_seed=0):
    """How many of some scripted audits end with a certificate."""
    passed = 0
    for number in range(first_seed, first_seed + runs):
        bad = random_truth(size, wrong, number)
        passed += Paper(size, seed=f"{number}").finish(bad.__contains__)
    return passed


@pytest.mark.parametrize("runs", [400, pytest.param(2_000, marks=pytest.mark.soak)])
def test_false_certificates_are_as_rare_as_promised(runs):
    size = 100
    assert certificates(runs, size, most_wrong(size, 95) + 1) <= 0.065 * runs


def test_good_labels_get_their_certificate():
    assert certificates(50, 200, 1) >= 49


def test_a_pilot_is_drawn_once_and_before_the_first_audit():
    ledger, drawn = Ledger("run"), events.PilotDrawn(labels=tuple(entries_of(3)), **head())
    ledger.add(frozen(1_000))  # its set holds the pilot's labels, so it is frozen again after it
    ledger.add(drawn)
    assert ledger.audits == []
    assert refused(lambda: ledger.add(drawn)) is FailureReason.OUT_OF_ORDER
    paper = Paper(1_000)
    paper.page(1)
    assert refused(lambda: paper.add(drawn)) is FailureReason.OUT_OF_ORDER
    settled = events.Settled(audit=2, rejected=0, promoted=0, **head())
    assert refused(lambda: paper.add(settled)) is FailureReason.NO_AUDIT
