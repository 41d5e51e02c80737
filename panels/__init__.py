"""The panels; ``register`` hands them to FiftyOne."""

from auto_labeling.panels.panel import AutoLabelingPanel

PANELS = (AutoLabelingPanel,)
