"""A run's account for people, with possible reasons for missing labels."""

from collections.abc import Sequence

from auto_labeling.core import text
from auto_labeling.core.account import Account, LeftOut
from auto_labeling.core.run import Run, RunState

#: Classes that a sentence names; the others are counted.
_MAX_NAMES = 5

#: What helps where the range of values of images was guessed.
COMPARE = (
    "If boxes look wrong, compare the image file with what you see. The guide explains the rule."
)

_SAMPLES = {
    "labeled": "labeled",
    "nothing_found": "nothing found",
    "failed": "failed",
    "not_processed": "not processed",
    "deleted": "deleted since the start",
}


def samples_in_words(account: Account) -> str:
    """``"40 target samples: 32 labeled, 8 nothing found"``."""
    parts = [
        f"{n:,} {outcome}" for name, outcome in _SAMPLES.items() if (n := getattr(account, name))
    ]
    return f"{text.count(account.samples, 'target sample')}: {', '.join(parts) or '0 labeled'}"


def labels_in_words(account: Account) -> str:
    """``"80 from the model: 70 staged, 10 left out (8 without a mask, 2 of other classes)"``."""
    sentence = f"{account.given:,} from the model: {account.staged:,} staged"
    if account.left_out:
        left_out = account.given - account.staged
        sentence += f", {left_out:,} left out ({reasons_in_words(account)})"
    return sentence


def reasons_in_words(account: Account) -> str:
    """How many labels were left out for which reason, the most frequent first."""
    counts = sorted(account.left_out.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{number:,} {reason.phrase}" for reason, number in counts)


def remarks(run: Run, account: Account | None = None) -> list[str]:
    """Notes that there are no labels, or none of a requested class, and the possible reason.

    And that images of more than 8 bits had to be read by a guess.

    Args:
        run: the run
        account (None): its account; by default, the one on its record

    Returns:
        a list of texts of a few sentences; empty if there is nothing to remark on
    """
    account = account or run.account
    if run.source or run.is_active:
        return []
    guess = [f"{run.guesses}. {COMPARE}"] if run.guesses else []
    guess += [f"{run.tilted}."] if run.tilted else []
    return (_of_account(run, account) if account else []) + guess


def _of_account(run: Run, account: Account) -> list[str]:
    looked_at = account.labeled + account.nothing_found
    if not looked_at:
        return (
            [_of_unlabeled(account)] if run.state is RunState.IN_REVIEW and account.samples else []
        )
    if not account.staged:
        return [f"{_no_labels(run, account, looked_at)} {_reasons_for_no_labels(run, account)}"]
    if names := account.not_found:
        return [f"{_missing_classes(names)} {_reasons_for_missing_classes(run, names)}"]
    return []


def _of_unlabeled(account: Account) -> str:
    parts = [
        f"{text.count(number, 'sample')} {outcome}"
        for number, outcome in (
            (account.failed, "failed"),
            (account.not_processed, "not processed"),
            (account.deleted, "deleted since the start"),
        )
        if number
    ]
    sentence = f"No sample was labeled: {', '.join(parts)}."
    retry = account.failed or account.not_processed
    return f"{sentence} Resume the run to try them again." if retry else sentence


def _no_labels(run: Run, account: Account, looked_at: int) -> str:
    if account.given:
        number, verb = text.count(account.given, "label"), "was" if account.given == 1 else "were"
        every = f"The {number}" if account.given == 1 else f"All {number}"
        return f"{every} that the model returned {verb} left out: {reasons_in_words(account)}."
    where = "the sample" if looked_at == 1 else f"any of the {text.count(looked_at, 'sample')}"
    if run.config.source_field:
        return f"The field '{run.config.source_field}' has no box in {where}."
    return f"The model found nothing in {where}."


def _reasons_for_no_labels(run: Run, account: Account) -> str:
    if account.left_out:
        most_frequent = max(account.left_out, key=account.left_out.__getitem__)
        return _REMEDIES[most_frequent]
    if run.config.source_field:
        return "Choose a field with boxes, or a two-stage model, which detects the objects itself."
    reasons = [f"the minimum confidence{_minimum_confidence(run)} is too high"]
    if run.config.classes:
        reasons.append("the model uses other names for the classes")
    reasons.append("the model does not suit these images")
    return f"Possible reason: {_or(reasons)}. Preview a few samples to find out."


_REMEDIES = {
    LeftOut.NOT_FINITE: "The model's numbers overflow: run it without mixed precision, or on "
    "another device.",
    LeftOut.OTHER_CLASS: "The model may use other names for your classes: compare them with the "
    "classes that it knows.",
    LeftOut.LOW_CONFIDENCE: "Try a lower minimum confidence.",
    LeftOut.NO_AREA: "The boxes lie outside the images: check that the model, or the field with "
    "the boxes, fits these images.",
    LeftOut.NO_SIZE: "Check the dimensions that the model returns: all three must be above 0.",
    LeftOut.DUPLICATE: "Try fewer prompts for a class.",
    LeftOut.NO_MASK: "Try another segmenter, or keep labels without a mask.",
    LeftOut.TOO_FEW_POINTS: "These objects are too far away for the sensor, or hidden from it.",
    LeftOut.NO_CLUSTER: "Check the calibration of the cameras: a preflight compares it with the "
    "points.",
    LeftOut.SAME_OBJECT: "Nothing to do: each object gets one box.",
    LeftOut.OVER_LIMIT: "Try a higher maximum of labels per image.",
}


def _missing_classes(names: Sequence[str]) -> str:
    shown = [f"'{name}'" for name in names[:_MAX_NAMES]]
    if (rest := len(names) - _MAX_NAMES) > 0:
        shown.append(f"{rest:,} more")
    noun = "a class" if len(names) == 1 else "classes"
    return f"There are no labels of {_or(shown)}, {noun} that you requested."


def _reasons_for_missing_classes(run: Run, names: Sequence[str]) -> str:
    them = "it" if len(names) == 1 else "them"
    return (
        f"Possible reasons: the images do not show {them}, the model uses other names for {them}, "
        f"or the minimum confidence{_minimum_confidence(run)} is too high for {them}."
    )


def _minimum_confidence(run: Run) -> str:
    return "" if run.config.confidence is None else f" of {run.config.confidence:g}"


def _or(parts: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
