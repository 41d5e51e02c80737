"""Which batches are tried again after a loader process died, and who is to blame."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from auto_labeling.engine.in_flight import MAX_DEATHS, InFlight


def numbered(count, size=4):
    targets = [SimpleNamespace(sample_id=str(number)) for number in range(count)]
    return [targets[i : i + size] for i in range(0, count, size)]


def drive(count, deadly, in_flight, spurious):
    """Plays loader processes that die of some samples, and sometimes for no reason of theirs.

    Returns the ids that came back, in order, and those that were given up.
    """
    sent = InFlight(numbered(count))
    back, given_up = [], []
    spurious = list(spurious)
    for _ in range(50 * count + 50):
        if sent.peek() is None:
            return back, given_up
        width = 1 if sent.has_suspects else in_flight
        iterator, under_way, died = iter(sent), [], False
        while not died:
            while len(under_way) < width and (batch := next(iterator, None)) is not None:
                under_way.append(batch)
            if not under_way:
                break
            ids = {target.sample_id for batch in under_way for target in batch}
            died = bool(ids & deadly) or (bool(spurious) and spurious.pop())
            if died:
                target = sent.process_died()
                given_up += [target.sample_id] if target else []
            else:
                back += [target.sample_id for target in under_way.pop(0)]
                sent.received()
    raise AssertionError("it never ends")


@given(
    count=st.integers(0, 40),
    deadly=st.sets(st.integers(0, 39), max_size=4),
    in_flight=st.integers(1, 4),
)
def test_only_the_samples_that_kill_are_given_up(count, deadly, in_flight):
    deadly = {str(number) for number in deadly if number < count}
    back, given_up = drive(count, deadly, in_flight, [])
    assert set(given_up) == deadly
    assert [int(i) for i in back] == [n for n in range(count) if str(n) not in deadly]


@given(count=st.integers(1, 40), in_flight=st.integers(1, 4), first=st.integers(0, 20))
def test_one_death_without_a_cause_costs_nothing(count, in_flight, first):
    back, given_up = drive(count, set(), in_flight, [True] + [False] * first)
    assert given_up == []
    assert [int(i) for i in back] == list(range(count))


def test_a_sample_is_given_up_after_it_has_killed_alone():
    sent = InFlight(numbered(1))
    deaths = 0
    while sent.peek() is not None:
        next(iter(sent))
        deaths += 1
        sent.process_died()
    assert deaths == 1 + MAX_DEATHS
