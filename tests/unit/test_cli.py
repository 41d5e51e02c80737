"""The command line itself: its help, its exit statuses, what every verb has."""

import json

import pytest

from auto_labeling import cli
from auto_labeling.cli import output, verbs
from auto_labeling.core.errors import AutoLabelingError, ConfigError

VERBS = verbs.all_verbs()


def run(monkeypatch, function, *arguments):
    """Runs ``models`` with another function behind it."""
    entry = VERBS["models"]
    replaced = verbs.Verb(entry.name, function, entry.arguments, entry.examples)
    monkeypatch.setitem(verbs._verbs, "models", replaced)
    function.__doc__ = "For a test."
    return cli.main(["models", *arguments])


def fail(error):
    def function(args):
        raise error

    return function


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_says_what_it_does_and_how(name, capsys):
    with pytest.raises(SystemExit) as done:
        cli.main([name, "--help"])
    assert done.value.code == 0
    printed = capsys.readouterr().out
    assert "--json" in printed
    assert VERBS[name].examples
    for example in VERBS[name].examples:
        assert example.split()[0] == name and f"auto-labeling {example}" in printed
    for given in VERBS[name].arguments:
        assert given.keywords.get("help"), given.names


def test_help_lists_the_verbs_and_the_exit_statuses(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in VERBS)
    assert all(meaning in printed for meaning in verbs.STATUSES.values())


@pytest.mark.parametrize("arguments", [[], ["nonesuch"], ["models", "--nonesuch"]])
def test_a_wrong_command_line_is_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as done:
        cli.main(arguments)
    assert done.value.code == verbs.USAGE


def test_a_refusal_is_status_1_and_a_sentence(monkeypatch, capsys):
    assert run(monkeypatch, fail(AutoLabelingError("It is raining"))) == verbs.REFUSED
    printed = capsys.readouterr()
    assert printed.err == "auto-labeling: It is raining\n" and printed.out == ""


def test_a_refusal_names_every_wrong_field_in_json_too(monkeypatch, capsys):
    problems = {"model": "Choose a model", "task": "Choose a task"}
    assert run(monkeypatch, fail(ConfigError(problems)), "--json") == verbs.REFUSED
    printed = capsys.readouterr()
    assert json.loads(printed.out)["error"]["problems"] == problems
    assert printed.err.splitlines() == [f"auto-labeling: {k}: {v}" for k, v in problems.items()]


def test_an_interrupt_is_status_130(monkeypatch, capsys):
    assert run(monkeypatch, fail(KeyboardInterrupt())) == verbs.INTERRUPTED


def test_a_bug_shows_its_traceback_and_is_no_refusal(monkeypatch, capsys):
    assert run(monkeypatch, fail(ZeroDivisionError("oops"))) == verbs.BUG
    assert "ZeroDivisionError: oops" in capsys.readouterr().err


def test_a_verb_may_end_with_a_status_of_its_own(monkeypatch):
    assert run(monkeypatch, lambda args: verbs.RUN_FAILED) == verbs.RUN_FAILED


def test_a_table_aligns_and_shows_nothing_that_moves_the_cursor():
    rows = [{"class": "a\x1b[2J", "n": 1200, "mean": 0.51234}, {"class": "b", "n": 3, "mean": None}]
    lines = output.table(rows, ("class", "n", "mean")).splitlines()
    assert lines == ["class  n      mean", "a�[2J  1,200  0.512", "b      3      —"]
