"""Finds what a crash, an older version or a manual change left behind; repairs it if asked.

Whatever it looks at may be unreadable for FiftyOne, so no sample is ever loaded: all is asked of
the database. A person's labels are never deleted; where only a person can decide, it says so.
"""

from fiftyone.core.dataset import Dataset
from pydantic import BaseModel, ConfigDict

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.lifecycle import ailments
from auto_labeling.storage import runs as storage


class Finding(BaseModel):
    """Something that is not as it should be.

    Args:
        dataset: the name of the dataset
        kind: ``undeclared``, ``orphan``, ``moved``, ``fieldless``, ``workerless``, ``unfinished``,
            ``marks`` or ``masks``
        subject: the field, run or folder that it is about
        said: what it is, in a sentence
        remedy: what repair does, or what a person can do, in a sentence
        number: how many samples or files it is about; 0 if that does not matter
        can_repair: whether repair mends it
        repaired: whether it has been mended
    """

    model_config = ConfigDict(frozen=True)

    dataset: str
    kind: str
    subject: str
    said: str
    remedy: str
    number: int = 0
    can_repair: bool = True
    repaired: bool = False


def examine(dataset: Dataset | None = None, repair: bool = False) -> list[Finding]:
    """Finds what has been left behind.

    Args:
        dataset (None): a :class:`fiftyone.core.dataset.Dataset`; None means all of the database
        repair (False): whether to mend what can be mended

    Returns:
        a list of :class:`Finding`; after a repair, what was found and what has become of it
    """
    found = []
    for one in [dataset] if dataset is not None else storage.all_datasets():
        for ailment in ailments.of(one):
            found.append(_finding(one, ailment, repair))
    return found


def _finding(dataset: Dataset, ailment: ailments.Ailment, repair: bool) -> Finding:
    repaired, remedy = False, ailment.remedy
    if repair and ailment.mend is not None:
        try:
            ailment.mend()
            repaired = True
        except AutoLabelingError as error:  # another process was faster, or it is in use
            remedy = f"Could not be repaired: {error}"
    return Finding(
        dataset=dataset.name,
        kind=ailment.kind,
        subject=ailment.subject,
        said=ailment.said,
        remedy=remedy,
        number=ailment.number,
        can_repair=ailment.mend is not None,
        repaired=repaired,
    )
