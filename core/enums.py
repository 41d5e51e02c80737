"""Settings that have few values: the task, the method, the model type and the target."""

from enum import Enum


class Choice(str, Enum):
    """The values of a setting that has few of them."""

    @property
    def label(self) -> str:
        """The value as people see it."""
        return self.value.replace("_", " ").capitalize()


class Task(Choice):
    """The kind of labels that a run generates."""

    CLASSIFICATION = "classification"
    DETECTION = "detection"
    INSTANCE_SEGMENTATION = "instance_segmentation"
    DETECTION_3D = "detection_3d"

    @property
    def label(self) -> str:
        """The value as people see it."""
        return "3D detection" if self.is_3d else super().label

    @property
    def label_within(self) -> str:
        """The value within a sentence."""
        return "3D detection" if self.is_3d else self.label.lower()

    @property
    def is_3d(self) -> bool:
        """Whether the labels are boxes in point clouds and 3D scenes, not in images."""
        return self is Task.DETECTION_3D


class Method(Choice):
    """How a run generates its labels."""

    ONE_STAGE = "one_stage"
    TWO_STAGE = "two_stage"
    EXISTING_DETECTIONS = "existing_detections"
    LIFT_LABELS = "lift_labels"
    LIFT_MODEL = "lift_model"

    @property
    def label(self) -> str:
        """The value as people see it."""
        return {
            "one_stage": "One-stage model",
            "two_stage": "Two-stage model",
            "existing_detections": "Existing detections",
            "lift_labels": "Existing 2D labels",
            "lift_model": "2D model on cameras",
        }[self.value]

    @property
    def lifts(self) -> bool:
        """Whether 2D labels of cameras become boxes in a point cloud."""
        return self in (Method.LIFT_LABELS, Method.LIFT_MODEL)


class ModelType(Choice):
    """Where a model's classes come from."""

    ZERO_SHOT = "zero_shot"
    FIXED_VOCABULARY = "fixed_vocabulary"

    @property
    def label(self) -> str:
        """The value as people see it."""
        return {"zero_shot": "Zero-shot", "fixed_vocabulary": "Fixed vocabulary"}[self.value]


class Target(Choice):
    """Which samples a run labels; frozen to sample ids when it starts."""

    ALL = "all"
    VIEW = "view"
    SELECTION = "selection"
    IDS = "ids"

    @property
    def label(self) -> str:
        """The value as people see it."""
        return {
            "all": "All samples",
            "view": "Current view",
            "selection": "Current selection",
            "ids": "Sample IDs",
        }[self.value]
