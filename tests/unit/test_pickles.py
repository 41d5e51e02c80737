"""Pickles are read without running anything, whichever code they hold."""

import pickle
from collections import OrderedDict

import pytest

from auto_labeling.models import pickles


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_are_read_as_they_are(protocol):
    things = [1, 2.5, "x", "x" * 300, None, True, (1, (2, 3), ()), [1, [2]], {"a": {1: 2}}, 2**70]
    things += [b"y", b"y" * 300] if protocol > 2 else []
    assert pickles.read(pickle.dumps(things, protocol)) == things


def test_what_would_run_code_is_a_name_and_a_state():
    made = pickles.read(pickle.dumps([ValueError("x"), OrderedDict(a=1), {1, 2}], 4))
    assert [getattr(thing, "made_by", None) for thing in made[:2]] == [
        "builtins.ValueError",
        "collections.OrderedDict",
    ]
    assert made[1].items == {"a": 1} and sorted(made[2]) == [1, 2]


_TOO_LONG = b"\x80\x04" + b"N" * pickles.MAX_BYTES
_CUT_OFF = b"\x80\x02}q\x00(X\x01\x00\x00\x00a"


@pytest.mark.parametrize(
    "data", [b"", b"nonsense", b"\x80\x04.", b"(((((", _CUT_OFF, b"0" * 100, _TOO_LONG]
)
def test_what_is_no_pickle_is_a_value_error(data):
    with pytest.raises(ValueError):
        pickles.read(data)


def test_a_key_that_would_crash_whoever_hashes_it_is_left_out():
    deep = b"\x80\x02}" + b")" + b"\x85" * 500_000 + b"NsX\x01\x00\x00\x00aK\x01s."
    assert pickles.read(deep) == {"a": 1}
