"""Correct a review: relabel labels, set thresholds, undo the last action, list the actions."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from fiftyone.core.collections import SampleCollection

from auto_labeling.core.errors import ConfigError
from auto_labeling.core.history import Action
from auto_labeling.review import relabeling, summary, undoing
from auto_labeling.review import thresholds as stored_thresholds
from auto_labeling.review.acting import in_review
from auto_labeling.review.duplicates import IOU, Duplicates
from auto_labeling.review.duplicates import find as find_duplicates
from auto_labeling.review.duplicates import reject as reject_duplicates
from auto_labeling.review.selection import choose
from auto_labeling.review.undoing import Undone
from auto_labeling.sdk import mapping_files
from auto_labeling.sdk.files import load_config
from auto_labeling.sdk.handle import Run
from auto_labeling.sdk.reviewing import require_tab


def relabel(
    run: Run,
    to: str | Mapping[str, str] | Path,
    tab: str = "",
    *,
    min_confidence: float | None = None,
    max_confidence: float | None = None,
    without_confidence: bool = False,
    classes: list[str] | None = None,
    label_ids: list[str] | None = None,
    sample_ids: list[str] | None = None,
    view: SampleCollection | None = None,
    group_slices: list[str] | None = None,
    expected: int | None = None,
    by: str = "",
) -> int:
    """Gives the labels that meet every condition another class, which may exist already.

    Relabeling a class as another existing one merges the two. A relabeled label keeps the class
    that the model gave as its attribute ``model_label``, also after approval.

    Args:
        run: a run in review
        to: the class that all these labels get; or a dict from class to class, or the ``Path`` of
            a file with one: JSON, or a line such as ``car,vehicle`` for each class
        tab (""): only labels in this tab: ``"review"``, ``"approval"`` or ``"rejected"``. By
            default, all labels of the run
        min_confidence (None): the minimum confidence; labels without one are skipped
        max_confidence (None): the maximum confidence; labels without one are skipped
        without_confidence (False): whether to select only labels without a confidence
        classes (None): the classes
        label_ids (None): the IDs of the labels
        sample_ids (None): the IDs of the samples
        view (None): a view of the dataset, to select the labels that it shows. A view of groups
            applies to each slice
        group_slices (None): the slices of a grouped dataset; by default, all
        expected (None): relabel only if exactly this many labels would get another class
        by (""): who relabels

    Returns:
        the number of labels that got another class

    Raises:
        ConfigError: if a name cannot be that of a class
        LabelsChanged: if the number of labels is not ``expected``
        IllegalTransition: if the run is not in review

    Example:
        >>> al.relabel(run, "round", classes=["circle"])
        4
        >>> al.relabel(run, {"square": "box", "star": "box"})
        8
    """
    if tab:
        require_tab(tab)
    chosen = choose(
        run.dataset,
        min_confidence=min_confidence,
        max_confidence=max_confidence,
        without_confidence=without_confidence,
        classes=classes,
        label_ids=label_ids,
        sample_ids=sample_ids,
        view=view,
        group_slices=group_slices,
    )
    names = mapping_files.read(to) if isinstance(to, Path) else to
    return relabeling.relabel(run.dataset, run.id, chosen, names, tab or None, expected, by)


def thresholds(
    run: Run, minimums: Mapping[str, float | None] | Path | None = None
) -> dict[str, float]:
    """Sets and returns the thresholds of a run: a minimum confidence for each class.

    They are saved with the run. ``promote(run, above_thresholds=True)`` promotes all labels above
    the threshold of their class; labels of classes without one are not promoted.

    Args:
        run: a run in review
        minimums (None): the thresholds to set, by class; None as a threshold removes it. A ``Path``
            is read as a YAML or JSON file. By default, nothing is set

    Returns:
        the thresholds by class

    Raises:
        ConfigError: with a sentence for each wrong threshold
        IllegalTransition: if thresholds are set and the run is not in review

    Example:
        >>> al.thresholds(run, {"circle": 0.5, "star": 0.9})
        {'circle': 0.5, 'star': 0.9}
        >>> al.promote(run, above_thresholds=True)
        4
    """
    if minimums is None:
        return dict(run.reload().record.thresholds)
    values = load_config(minimums) if isinstance(minimums, Path) else minimums
    stored_thresholds.save(run.dataset, run.id, values)
    return dict(run.reload().record.thresholds)


def duplicates(
    run: Run,
    iou: float = IOU,
    *,
    across_classes: bool = False,
    classes: list[str] | None = None,
    reject: bool = False,
    expected: int | None = None,
    by: str = "",
) -> Duplicates:
    """Finds boxes of one image that overlap so much that they stand for the same object.

    Of each such group one label is kept: a promoted one before others, then the most confident
    one. The others that are in review are the duplicates. 3D boxes are compared by their volume,
    instances by their boxes.

    Args:
        run: a run in review
        iou (0.7): the intersection over union from which two boxes are the same object
        across_classes (False): whether boxes of different classes may be the same object
        classes (None): only duplicates of these classes
        reject (False): whether to reject the duplicates
        expected (None): reject only if there are exactly this many
        by (""): who rejects

    Returns:
        the number of ``labels``, their number by class in ``classes``, and their ``label_ids``

    Raises:
        ConfigError: if the labels have no boxes, or ``iou`` is no overlap
        LabelsChanged: if the number of duplicates is not ``expected``
        IllegalTransition: if the run is not in review

    Example:
        >>> al.duplicates(run).labels
        0
        >>> al.duplicates(run, across_classes=True, reject=True).labels
        8
    """
    _require_list(classes)
    record = in_review(run.dataset, run.id)
    found = find_duplicates(run.dataset, record, iou, across_classes, classes)
    if not reject:
        return found
    number = reject_duplicates(run.dataset, run.id, found, expected, by)
    if run._shown is not None:
        added = summary.decision(run.dataset, run.record, source=False).added
        run._shown = (run._shown[0], added)
    return replace(found, labels=number, rejected=True)


def _require_list(classes: object) -> None:
    if isinstance(classes, str):
        raise ConfigError({"classes": "This must be a list, not str"})


def undo_last(run: Run, by: str = "", *, expected: int | None = None) -> Undone:
    """Undoes the last action on the labels of a run, by any person. It can be repeated.

    Promotions, rejections, their undoing, and relabeling are actions. Labels that people have
    edited since keep their edits. Approval is no action: nothing can be undone after it.

    Args:
        run: a run in review
        by (""): who undoes it
        expected (None): undo only if the last action has this number

    Returns:
        the ``action``, and the number of ``labels`` that are again as before, ``edited`` since and
        ``deleted`` since; ``sentence`` has all that in words

    Raises:
        IllegalTransition: if the run is not in review, no action is left, or the last one is
            another than ``expected``

    Example:
        >>> al.reject(run, classes=["star"], by="Ann")
        4
        >>> al.undo_last(run).sentence
        'Undone: rejected 4 labels by Ann'
    """
    undone = undoing.undo_last(run.dataset, run.id, by, expected)
    if run._shown is not None:
        run._shown = (run._shown[0] + undone.promoted, run._shown[1])
    return undone


def history(run: Run) -> list[Action]:
    """Lists the actions on the labels of a run, newest first, with who and when.

    Args:
        run: a run

    Returns:
        the actions, also those that were undone

    Example:
        >>> al.promote(run, by="Ann")
        12
        >>> [(action.sentence, action.by) for action in al.history(run)]
        [('promoted 12 labels', 'Ann')]
    """
    return undoing.history(run.dataset, run.record)
