"""What a 3D model is given of a sample."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from auto_labeling.threed import scenes


class Scene:
    """A point cloud or a 3D scene, as the method ``predict`` of a model gets it.

    Args:
        filepath: the sample's file, ``.pcd`` or ``.fo3d``
        points: the coordinates of its points, ``float32`` of shape ``(N, 3)``. For a scene, these
            are the points of all its visible point clouds, in the coordinates of the scene: those
            in which 3D labels are, too
        intensity: of each point, ``float32`` of shape ``(N,)``; None if no file has it
        fields: the sample's other fields by name, such as labels; read-only
    """

    def __init__(
        self,
        filepath: str,
        points: npt.NDArray[np.float32],
        intensity: npt.NDArray[np.float32] | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        self.filepath = filepath
        self.points = points
        self.intensity = intensity
        self.fields: Mapping[str, Any] = fields or {}

    @property
    def metadata(self) -> Any:
        """The sample's metadata; None if it was not computed."""
        return self.fields.get("metadata")

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def __repr__(self) -> str:
        return f"<Scene {os.path.basename(self.filepath)}: {len(self.points):,} points>"


class _Fields(Mapping[str, Any]):
    """The fields of a stored sample; each is made when it is asked for."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._stored = {name: value for name, value in document.items() if not name.startswith("_")}

    def __getitem__(self, name: str) -> Any:
        import fiftyone.core.odm as foo

        return foo.deserialize_value(self._stored[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


def of_sample(filepath: str, document: Mapping[str, Any]) -> Scene:
    """Reads the scene of a sample.

    Args:
        filepath: the sample's file
        document: the sample as the database stores it

    Returns:
        a :class:`Scene`

    Raises:
        AutoLabelingError: if its points cannot be read, with the reason
    """
    cloud = scenes.read_cloud(filepath)
    return Scene(filepath, cloud.xyz, cloud.intensity, _Fields(document))
