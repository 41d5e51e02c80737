"""The panels; ``register`` hands them to FiftyOne."""

from auto_labeling.panels.auto_labeling import AutoLabelingPanel

PANELS = (AutoLabelingPanel,)
