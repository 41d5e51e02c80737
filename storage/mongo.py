"""Documents that go to and come from the database: their types, and conditions on labels."""

from typing import Any

#: A document, a query, an update, or a stage of a pipeline.
Document = dict[str, Any]

#: A value in the database's expression language: a path such as ``"$$label"``, or an operator.
Expression = str | Document


#: The part of an update by which a sample or a dataset tells that it was changed now.
STAMP: Document = {"$currentDate": {"last_modified_at": True}}


def below(path: str, conditions: Document) -> Document:
    """Turns conditions on a label into conditions on a path.

    Args:
        path: where the label is
        conditions: a query on the label's own attributes; operators such as "$or" may hold others

    Returns:
        the query
    """
    query: Document = {}
    for key, value in conditions.items():
        if key.startswith("$"):
            query[key] = [below(path, one) for one in value]
        else:
            query[f"{path}.{key}"] = value
    return query
