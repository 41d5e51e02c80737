"""``docs/reference.md`` is what the code says."""

from docs import reference


def test_the_reference_is_up_to_date():
    assert reference.PATH.read_text(encoding="utf-8") == reference.text(), "run `make docs`"
