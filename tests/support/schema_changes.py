"""Changes of a dataset's schema, for processes that make them at once."""

import fiftyone as fo

from auto_labeling.storage import schema

ROUNDS = 20


def change(dataset, mine):
    """Declares fields, and forgets every other one of them."""
    for number in range(ROUNDS):
        schema.declare(dataset, f"{mine}{number}", fo.Detections, "", {"by": mine})
        schema.declare_attributes(dataset, f"{mine}{number}", {"review": fo.StringField()})
        if number % 2:
            schema.undeclare(dataset, f"{mine}{number - 1}")
