"""Finds what a crash, an older version or a manual change left behind; repairs it if asked.

FiftyOne may be unable to read such a dataset, so no sample is loaded: all questions go to the
database. A person's labels are never deleted. Where only a person can decide, the remedy says how.
"""

from fiftyone.core.dataset import Dataset
from pydantic import BaseModel, ConfigDict

from auto_labeling.core.errors import AutoLabelingError
from auto_labeling.lifecycle import doctor_checks
from auto_labeling.lifecycle.doctor_checks import ProblemKind
from auto_labeling.storage import runs as storage


class Finding(BaseModel):
    """Something wrong with a dataset.

    Args:
        dataset: the name of the dataset
        kind: what is wrong, for programs: a
            :class:`ProblemKind`, whose values are strings
        subject: the name of the field, the id of the run or the path of the folder
        description: what is wrong, in a sentence
        remedy: what repair does, or what a person can do, in a sentence
        number: how many samples or files are affected; 0 if that does not matter
        can_repair: whether repair can fix it
        repaired: whether it has been repaired
    """

    model_config = ConfigDict(frozen=True)

    dataset: str
    kind: ProblemKind
    subject: str
    description: str
    remedy: str
    number: int = 0
    can_repair: bool = True
    repaired: bool = False


def examine(dataset: Dataset | None = None, repair: bool = False) -> list[Finding]:
    """Finds what has been left behind.

    Args:
        dataset (None): a :class:`fiftyone.core.dataset.Dataset`; None means all of the database
        repair (False): whether to repair what can be repaired

    Returns:
        a list of :class:`Finding`; after a repair, each says whether it was repaired
    """
    datasets = [dataset] if dataset is not None else storage.all_datasets()
    return [
        _finding(of_database, problem, repair)
        for of_database in datasets
        for problem in doctor_checks.problems(of_database)
    ]


def _finding(dataset: Dataset, problem: doctor_checks.Problem, repair: bool) -> Finding:
    repaired, remedy = False, problem.remedy
    if repair and problem.repair is not None:
        try:
            problem.repair()
            repaired = True
        except AutoLabelingError as error:  # another process was faster, or it is in use
            remedy = f"Could not be repaired: {error}"
    return Finding(
        dataset=dataset.name,
        kind=problem.kind,
        subject=problem.subject,
        description=problem.sentence,
        remedy=remedy,
        number=problem.number,
        can_repair=problem.repair is not None,
        repaired=repaired,
    )
