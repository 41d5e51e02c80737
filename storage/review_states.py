"""What is stored on a staged label: its review state, and whether a person added it.

Every label that a run stages holds one of :data:`STATES` from birth. So one that holds none was
added by a person: ``storage/added_labels.py`` marks it, and approval keeps it. What it says
of a label in the database's own language is what approval and the counts before it go by.
"""

from auto_labeling.core.run import Run
from auto_labeling.storage.mongo import Document, Expression

#: The attribute that holds the review state.
REVIEW = "review"
UNPROMOTED = "unpromoted"
PROMOTED = "promoted"
REJECTED = "rejected"
STATES = (UNPROMOTED, PROMOTED, REJECTED)

#: The attribute, and its value, of labels that people have added.
SOURCE = "source"
PERSON = "person"

#: The attribute in its place, where labels have a ``source`` of their own.
REVIEW_SOURCE = "review_source"

#: The attribute that holds the marks of the actions that changed a label, in their order.
ACTIONS = "review_actions"

#: The attribute that holds the class that the model gave, of labels that were relabeled.
MODEL_LABEL = "model_label"

#: The key in ``info`` that marks a field as ours, with the run that it belongs to.
INFO = "auto_labeling"


def sources(run: Run) -> tuple[str, ...]:
    """The attributes that may say that a person added a label of a run."""
    return (REVIEW_SOURCE,) if run.own_source else (SOURCE, REVIEW_SOURCE)


def is_added(label: str, run: Run) -> Document:
    """Builds an expression: whether a person added a label.

    Args:
        label: the label, as expressions name it: ``"$$label"`` or ``"$field"``
        run: the run

    Returns:
        the expression
    """
    return {
        "$or": [
            {"$not": {"$in": [f"{label}.{REVIEW}", list(STATES)]}},
            *({"$eq": [f"{label}.{name}", PERSON]} for name in sources(run)),
        ]
    }


def is_kept(label: str, run: Run) -> Document:
    """Builds an expression: whether approval keeps a label.

    It keeps promoted labels, and those that a person added and no one rejected.

    Args:
        label: the label, as expressions name it
        run: the run

    Returns:
        the expression
    """
    # Of labels that no one added, only three states are there; one that has none was added.
    promoted = {"$not": [{"$in": [f"{label}.{REVIEW}", [UNPROMOTED, REJECTED]]}]}
    added = [{"$eq": [f"{label}.{name}", PERSON]} for name in sources(run)]
    not_rejected = {"$ne": [f"{label}.{REVIEW}", REJECTED]}
    return {"$or": [promoted, {"$and": [not_rejected, {"$or": added}]}]}


def bare(label: str, run: Run) -> Document:
    """Builds an expression: a label without our attributes.

    Args:
        label: the label, as expressions name it
        run: the run

    Returns:
        the expression
    """
    plain = _without(_without(label, REVIEW), ACTIONS)
    theirs = _without(plain, REVIEW_SOURCE)  # it has, or may have, a ``source`` of its own
    if run.own_source:
        return {"$cond": [{"$eq": [f"{label}.{REVIEW_SOURCE}", PERSON]}, theirs, plain]}
    return {
        "$switch": {
            "branches": [
                {"case": {"$eq": [f"{label}.{REVIEW_SOURCE}", PERSON]}, "then": theirs},
                {
                    "case": {"$eq": [f"{label}.{SOURCE}", PERSON]},
                    "then": _without(plain, SOURCE),
                },
            ],
            "default": plain,
        }
    }


def all_bare(labels: str, run: Run) -> Document:
    """Builds an expression: the labels of a list without our attributes.

    Args:
        labels: the list, as expressions name it
        run: the run

    Returns:
        the expression
    """

    def each(label: Expression) -> Document:
        return {"$map": {"input": labels, "as": "label", "in": label}}

    # Usually no one has added any: then no label is asked who did.
    added = [{"$in": [PERSON, {"$ifNull": [f"{labels}.{n}", []]}]} for n in sources(run)]
    plain = _without(_without("$$label", REVIEW), ACTIONS)
    return {"$cond": [{"$or": added}, each(bare("$$label", run)), each(plain)]}


def _without(label: Expression, name: str) -> Document:
    return {"$unsetField": {"field": name, "input": label}}
