"""Plans of audits: the promise holds exactly, and the ways that break it fail the same test."""

import itertools

import numpy as np
import pytest
from scipy import stats

from auto_labeling.audits import outcomes
from auto_labeling.audits.plan import RISKS, TARGETS, false_certificate, most_wrong, solve
from auto_labeling.core.errors import AutoLabelingError
from tests.support.label_by_label import certified

#: Each size up to 500, and 300 above: evenly spaced by their logarithm.
SIZES = [*range(61, 501), *sorted({round(n) for n in np.geomspace(501, 10_000, 300)})]
SOME = [61, 62, 63, 65, 79, 80, 99, 100, 101, 150, 199, 200, 201, 250, 299, 300, 333, 400, 450, 500]
SOME += [501, 555, 600, 700, 800, 999, 1000, 1001, 1500, 2000, 2500, 3000, 3412, 4000, 5000, 6000]
SOME += [7000, 8000, 9999, 10_000]


def of_plan(plan):
    """The rule of a plan, as the chain wants it."""
    at = {look.labels: look.allowed for look in plan.looks}
    return lambda seen: at.get(seen, -1)


def false_certificates(size, target, rule, last):
    """The probability of a false certificate at the least favorable count."""
    return certified(size, most_wrong(size, target) + 1, rule, last)


def broken(sizes):
    """The plans that break their promise, with the probability."""
    found = {}
    for size, target, attempts in itertools.product(sizes, TARGETS, RISKS):
        plan = solve(size, target, attempts)
        probability = false_certificates(size, target, of_plan(plan), plan.last)
        if probability > RISKS[attempts]:
            found[size, target, attempts] = probability
    return found


def test_no_plan_gives_more_false_certificates_than_its_risk():
    assert len(SOME) == 40
    assert broken(SOME) == {}


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_no_plan_of_any_size_gives_more_false_certificates_than_its_risk():
    assert len(SIZES) == 740
    assert broken(SIZES) == {}


def table(tail, level, most):
    """The fewest labels for each number of errors, without a correction for several looks."""
    seen = np.arange(most + 1)
    return {int((tail(wrong, seen) <= level).argmax()): wrong for wrong in range(10)}


def tail(size, target):
    """P(at most ``wrong`` of ``seen`` labels are wrong) at the least favorable count."""
    count = most_wrong(size, target) + 1
    return lambda wrong, seen: stats.hypergeom.cdf(wrong, size, count, seen)


def test_the_uncorrected_table_breaks_the_promise():
    looks = table(lambda wrong, seen: stats.binom.cdf(wrong, seen, 0.05), 0.05, 400)
    assert list(looks)[:6] == [59, 93, 124, 153, 181, 208]  # as textbooks have it

    def of_first(number):
        some = dict(list(looks.items())[:number])
        return false_certificates(10**9, 95, lambda seen: some.get(seen, -1), max(some))

    assert of_first(1) <= 0.05
    assert of_first(6) == pytest.approx(0.126, abs=0.001)
    assert of_first(10) == pytest.approx(0.154, abs=0.001)


def test_peeking_after_each_label_breaks_the_promise():
    seen = np.arange(300)[:, None]
    improbable = tail(1_000, 95)(np.arange(10), seen) <= 0.05
    limits = improbable.sum(axis=1) - 1
    assert false_certificates(1_000, 95, limits.__getitem__, 299) > 0.11


def test_the_level_of_an_infinite_set_breaks_the_promise_of_a_finite_one():
    looks = table(tail(150, 95), 0.0140, 150)
    wrong = false_certificates(150, 95, lambda seen: looks.get(seen, -1), 150)
    assert 0.055 < wrong < 0.063


@pytest.mark.parametrize("size", [61, 100, 3_412, 10_000])
def test_the_least_favorable_count_is_the_smallest_that_makes_the_claim_false(size):
    for target in TARGETS:
        plan = solve(size, target)
        more = np.unique(np.geomspace(plan.most_wrong + 1, size, 30).astype(int))
        probabilities = [false_certificate(plan, int(wrong)) for wrong in more]
        assert probabilities == sorted(probabilities, reverse=True)
        assert 100 * plan.most_wrong <= (100 - target) * size < 100 * (plan.most_wrong + 1)


KNOWN = {
    (95, 1): [84, 123, 157, 189, 219, 249, 277, 305, 332, 359],
    (95, 2): [99, 140, 176, 209, 241, 271, 301, 329, 358, 386],
    (90, 1): [41, 60, 77, 93, 108, 122, 137, 150, 164, 177],
    (90, 2): [48, 69, 86, 103, 118, 133, 148, 162, 177, 190],
    (98, 2): [250, 355, 445, 529, 608, 685, 760, 832, 903, 974],
}


@pytest.mark.parametrize("chosen", KNOWN)
def test_large_sets_have_the_plan_of_an_infinite_one(chosen):
    plan = solve(100_000_000, *chosen)
    assert [look.labels for look in plan.looks] == KNOWN[chosen]
    assert [look.allowed for look in plan.looks] == list(range(10))


def test_small_sets_need_fewer_labels():
    assert [look.labels for look in solve(80).looks] == [44, 59, 69, 76, 80]
    assert [look.labels for look in solve(300).looks][:5] == [72, 102, 126, 148, 168]
    assert [look.labels for look in solve(1_000).looks][:5] == [80, 116, 147, 175, 202]


def test_up_to_sixty_labels_are_all_looked_at():
    plan = solve(60)
    assert plan.is_census and plan.first == plan.last == 60
    assert outcomes.likely_labels(plan) == (60, 60)
    assert not solve(61).is_census


# --- what it costs -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attempts", "right", "least", "most"),
    [(1, 0.99, 0.98, 135), (1, 0.98, 0.83, 205), (2, 0.99, 0.98, 160)],
)
def test_good_labels_pass_with_few_looked_at(attempts, right, least, most):
    plan = solve(100_000, 95, attempts)
    assert outcomes.pass_probability(plan, right) >= least
    assert outcomes.mean_labels(plan, right) <= most


def test_the_cost_is_known_beforehand():
    plan = solve(10_000_000)
    assert plan.first == 84
    assert outcomes.likely_labels(plan) == (103, 197)
    assert outcomes.pass_probability(plan, 1.0) == 1
    assert outcomes.pass_probability(plan, 0.5) < 1e-9


def test_the_mean_is_that_of_the_chain():
    size, wrong = 500, 9
    plan = solve(size)
    rng = np.random.default_rng(5)
    stops = [stop(plan, rng.permutation(size) < wrong)[0] for _ in range(2_000)]
    assert outcomes.mean_labels(plan, 1 - wrong / size) == pytest.approx(np.mean(stops), rel=0.02)


def stop(plan, is_wrong):
    """Where an audit stops: ``(labels seen, wrong, whether it passed)``."""
    counts = np.cumsum(is_wrong)
    for look in plan.looks:
        if counts[look.labels - 1] <= look.allowed:
            return look.labels, int(counts[look.labels - 1]), True
        if counts[look.labels - 1] > plan.looks[-1].allowed:
            break
    fatal = int((counts > plan.looks[-1].allowed).argmax())
    return fatal + 1, int(counts[fatal]), False


def test_more_labels_without_an_error():
    plan = solve(10_000_000)
    assert plan.more_without_error(0, 0) == 84
    assert plan.more_without_error(84, 1) == 39
    assert plan.more_without_error(100, 10) is None
    assert plan.next_look(84).labels == 123
    assert plan.next_look(359) is None


# --- what is said afterwards ---------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [0, 2, 10, 30])
def test_the_interval_covers_the_truth_as_often_as_it_says(wrong):
    size = 200
    plan, coverage = solve(size), 0.0
    sequences = outcomes._sequences(plan)
    ends = [
        *(
            (look.labels, look.allowed, p)
            for look, p in zip(plan.looks, sequences.pass_probabilities(size, wrong), strict=True)
        ),
        *((seen, 10, p) for seen, p in enumerate(sequences.failing(size, wrong))),
    ]
    assert sum(p for *_, p in ends) == pytest.approx(1)
    for seen, errors, probability in ends:
        if probability > 1e-6:
            given = outcomes.interval(plan, seen, errors)
            if given.low - 1e-12 <= 1 - wrong / size <= given.high + 1e-12:
                coverage += probability
    assert coverage >= 0.95


@pytest.mark.parametrize("size", [80, 500, 3_412])
def test_the_interval_meets_the_target_wherever_the_audit_passes(size):
    plan = solve(size)
    confidence = outcomes.agreeing(plan)
    for look in plan.looks:
        given = outcomes.interval(plan, look.labels, look.allowed, confidence)
        assert given.low >= 0.95 - 1e-12
    failed = outcomes.interval(plan, plan.last // 2, len(plan.looks), confidence)
    assert failed.low < 0.95


def test_an_interval_never_contradicts_what_was_seen():
    plan = solve(500)
    assert outcomes.interval(plan, 77, 0).high == 1
    assert outcomes.interval(plan, 10, 10).high <= 1 - 10 / 500
    assert outcomes.interval(solve(50), 50, 3) == outcomes.Interval(0.94, 0.94, 1.0)


def test_intervals_of_classes_are_those_of_clopper_and_pearson():
    for seen, wrong in [(1, 0), (20, 0), (20, 3), (5, 5), (200, 7)]:
        given = outcomes.clopper_pearson(seen, wrong)
        known = stats.binomtest(seen - wrong, seen).proportion_ci(0.95, "exact")
        assert (given.low, given.high) == pytest.approx((known.low, known.high), abs=1e-9)


def test_arguments_that_are_no_plan_are_refused_together():
    with pytest.raises(AutoLabelingError, match=r"no labels.*target.*attempts"):
        solve(0, 97, 3)
