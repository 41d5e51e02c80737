"""The counts of a run: of its samples, of its labels, and of the labels that an approval keeps."""

from enum import Enum

from pydantic import BaseModel, ConfigDict, computed_field


class LeftOut(str, Enum):
    """Why a label of a model is not staged, in the order of the checks."""

    NOT_FINITE = "not_finite"
    OTHER_CLASS = "other_class"
    LOW_CONFIDENCE = "low_confidence"
    NO_AREA = "no_area"
    NO_SIZE = "no_size"  # of a 3D box
    DUPLICATE = "duplicate"
    NO_MASK = "no_mask"
    TOO_FEW_POINTS = "too_few_points"  # of 2D labels that are lifted, as the next two
    NO_CLUSTER = "no_cluster"
    SAME_OBJECT = "same_object"
    OVER_LIMIT = "over_limit"

    @property
    def phrase(self) -> str:
        """A phrase for labels that were left out for this reason."""
        return _PHRASES[self]


_PHRASES = {
    LeftOut.NOT_FINITE: "with a box or confidence that is not a number",
    LeftOut.OTHER_CLASS: "of other classes",
    LeftOut.LOW_CONFIDENCE: "below the minimum confidence",
    LeftOut.NO_AREA: "without area inside the image",
    LeftOut.NO_SIZE: "with a dimension of 0 or less",
    LeftOut.DUPLICATE: "of an object that another prompt of the class also found",
    LeftOut.NO_MASK: "without a mask",
    LeftOut.TOO_FEW_POINTS: "with fewer than 5 points of the cloud",
    LeftOut.NO_CLUSTER: "that no group of points fits",
    LeftOut.SAME_OBJECT: "of an object that another camera's label stands for",
    LeftOut.OVER_LIMIT: "over the maximum labels per image",
}


class Account(BaseModel):
    """The counts of a run's samples, and of the labels that its model returned. They add up.

    A label counts as given when the model returns it. FiftyOne's own models apply the minimum
    confidence themselves, so they never return labels below it. Where a custom model, a remote
    model or a field with boxes returns such labels, they are left out, and counted. Labels of
    failed samples do not count.

    Args:
        samples: the target samples: the sum of the next five
        labeled: samples with labels
        nothing_found: samples that were processed and have no label
        failed: samples that failed
        not_processed: samples that were not processed (yet)
        deleted: samples that were deleted from the dataset since the start
        staged: labels that were written to the staging field
        left_out: how many labels were left out, by :class:`LeftOut`
        not_found: requested classes without a label
        classes: how many classes the staged labels have; None in records of older versions
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    samples: int = 0
    labeled: int = 0
    nothing_found: int = 0
    failed: int = 0
    not_processed: int = 0
    deleted: int = 0
    staged: int = 0
    left_out: dict[LeftOut, int] = {}
    not_found: tuple[str, ...] = ()
    classes: int | None = None

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def given(self) -> int:
        """The labels that the model returned: staged plus left out."""
        return self.staged + sum(self.left_out.values())


class Decision(BaseModel, extra="ignore", frozen=True):
    """The effect of an approval on a run's labels, counted beforehand.

    Args:
        promoted: the promoted labels, which are kept
        added: labels that people added and neither promoted nor rejected; they are kept, too
        left: all other labels, which are removed
        rejected: the rejected labels among those
        empty: samples in which the model found nothing
        bare: samples with labels, of which none is kept
        people: at approval: the promoted and the rejected labels by the person who decided that
        relabeled: at approval: the promoted labels by the class that the model gave, and theirs
        since_added: if the labels of a field are replaced: labels added there since the import
        since_changed: the same, changed there
        since_deleted: the same, deleted there
    """

    promoted: int = 0
    added: int = 0
    left: int = 0
    rejected: int = 0
    empty: int = 0
    bare: int = 0
    since_added: int = 0
    since_changed: int = 0
    since_deleted: int = 0
    people: dict[str, dict[str, int]] = {}
    relabeled: dict[str, dict[str, int]] = {}

    @property
    def kept(self) -> int:
        """How many labels are approved."""
        return self.promoted + self.added

    @property
    def not_looked_at(self) -> int:
        """How many labels of the run no one has promoted or rejected."""
        return self.left - self.rejected

    @property
    def counts(self) -> str:
        """The labels by what people did with them, in one line."""
        parts = [
            f"{self.promoted:,} promoted",
            f"{self.rejected:,} rejected",
            f"{self.not_looked_at:,} not looked at",
            f"{self.added:,} added by people",
        ]
        return ", ".join(parts)

    @property
    def since(self) -> int:
        """How many labels people added, changed or deleted in the source since the import."""
        return self.since_added + self.since_changed + self.since_deleted

    @property
    def labels(self) -> int:
        """How many labels there are."""
        return self.kept + self.left
