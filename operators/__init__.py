"""The operators that FiftyOne registers for us."""

from auto_labeling.operators.generate import GenerateLabels

OPERATORS = (GenerateLabels,)
