"""A slice with pictures from above: ``from auto_labeling.sdk import birds_eye``.

.. code-block:: python

    birds_eye.make_slice(dataset, "/data/birds_eye")
    # ... label the slice "birds_eye" with a model of your own ...
    birds_eye.boxes_in_3d(dataset, "rotated_boxes", "cuboids")
"""

from auto_labeling.lifecycle.birds_eye import BOUNDS as BOUNDS
from auto_labeling.lifecycle.birds_eye import SCALE as SCALE
from auto_labeling.lifecycle.birds_eye import boxes_in_3d as boxes_in_3d
from auto_labeling.lifecycle.birds_eye import make_slice as make_slice
