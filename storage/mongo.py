"""Types of what goes to and comes from the database, whose own documents have none."""

from typing import Any

#: A document, a query, an update, or a stage of a pipeline.
Document = dict[str, Any]

#: A value in the database's expression language: a path such as ``"$$label"``, or an operator.
Expression = str | Document
