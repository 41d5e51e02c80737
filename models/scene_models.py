"""Models that label scenes: whatever has a method ``predict``, as FiftyOne's models are called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import fiftyone.core.models as fom

from auto_labeling.core.errors import FailureReason, ModelUnavailable


class SceneModel(fom.Model):
    """A model of a person's own that labels scenes, one after the other.

    Args:
        model: an object with a method ``predict``, which takes a scene and returns 3D detections
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        #: The classes that it names, if it does.
        self.classes = getattr(model, "classes", None)

    @property
    def media_type(self) -> str:
        """FiftyOne's word for what it labels."""
        return "3d"

    def __enter__(self) -> SceneModel:
        if hasattr(self._model, "__enter__"):
            self._model.__enter__()
        return self

    def __exit__(self, *args: Any) -> None:
        if hasattr(self._model, "__exit__"):
            self._model.__exit__(*args)

    def predict(self, arg: Any) -> Any:
        """Returns the labels of a scene."""
        return self._model.predict(arg)


class BatchSceneModel(SceneModel):
    """A model that labels several scenes at once."""

    def predict_all(self, args: Iterable[Any]) -> Any:
        """Returns the labels of each scene."""
        return self._model.predict_all(args)


def wrap(model: Any, name: str) -> SceneModel:
    """Makes a model that the engine can run of what a person brings.

    Args:
        model: what their code returns
        name: how the run names it

    Returns:
        a :class:`SceneModel`

    Raises:
        ModelUnavailable: if it has no method ``predict``, or is a model of images
    """
    if not callable(getattr(model, "predict", None)):
        raise ModelUnavailable(
            f"'{name}' returns a {type(model).__name__}, which has no method 'predict'",
            reason=FailureReason.WRONG_CHECKPOINT,
        )
    if isinstance(model, fom.Model) and model.media_type in ("image", "video"):
        raise ModelUnavailable(
            f"{name} is a model of {model.media_type}s; 3D detection needs a model of 3D scenes",
            reason=FailureReason.WRONG_CHECKPOINT,
        )
    own = getattr(type(model), "predict_all", None)
    batches = own is not None and own is not fom.Model.predict_all
    return BatchSceneModel(model) if batches else SceneModel(model)
