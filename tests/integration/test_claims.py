"""Who has a chunk: the one to whom it was handed out last, and no one else marks it as done."""

import uuid

import pytest

from auto_labeling.storage.chunks import ChunkStore, Claim


@pytest.fixture
def chunks(dataset):
    return ChunkStore(dataset)


@pytest.fixture
def run_id():
    return uuid.uuid4().hex


def test_a_later_hand_out_overtakes_an_earlier_one(chunks, run_id):
    zombie, successor = Claim(1, 3), Claim(1, 7)
    assert chunks.claim(run_id, 0, zombie)
    assert chunks.claim(run_id, 0, successor)
    assert not chunks.mark_done(run_id, 0, zombie, [{"error": "of the zombie"}])
    assert chunks.failures(run_id, 0) is None
    assert chunks.mark_done(run_id, 0, successor, [])
    assert chunks.failures(run_id, 0) == []


def test_an_earlier_hand_out_that_comes_late_gets_nothing(chunks, run_id):
    assert chunks.claim(run_id, 0, Claim(2, 0))
    assert not chunks.claim(run_id, 0, Claim(1, 99))
    assert not chunks.mark_done(run_id, 0, Claim(1, 99), [])


def test_what_is_done_is_claimed_no_more(chunks, run_id):
    claim = Claim(1, 0)
    assert chunks.claim(run_id, 0, claim) and chunks.mark_done(run_id, 0, claim, [])
    assert not chunks.claim(run_id, 0, Claim(2, 0))
    chunks.reopen(run_id, 0)
    assert chunks.failures(run_id, 0) is None and chunks.claim(run_id, 0, Claim(2, 0))


def test_asking_twice_is_like_asking_once(chunks, run_id):
    """The database may have done what it was asked, though its answer was lost."""
    claim = Claim(1, 0)
    assert chunks.claim(run_id, 0, claim) and chunks.claim(run_id, 0, claim)
    assert chunks.mark_done(run_id, 0, claim, []) and chunks.mark_done(run_id, 0, claim, [])


def test_claiming_several_at_once_is_like_claiming_each(chunks, run_id):
    done, later, earlier = Claim(1, 0), Claim(1, 9), Claim(1, 1)
    assert chunks.claim(run_id, 0, done) and chunks.mark_done(run_id, 0, done, [])
    assert chunks.claim(run_id, 1, later)
    assert chunks.claim(run_id, 2, earlier)
    claims = {index: Claim(1, 3 + index) for index in range(5)}
    assert chunks.claim_all(run_id, claims) == {2, 3, 4}
    assert chunks.claim_all(run_id, claims) == {2, 3, 4}, "asked again, since an answer was lost"
    for index, claim in claims.items():
        assert chunks.mark_done(run_id, index, claim, []) == (index in (2, 3, 4))
