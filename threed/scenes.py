"""The points of a sample: of a ``.pcd`` file, or of all point clouds in a scene (``.fo3d``).

They are in the coordinates of the scene, where 3D labels are: each node's position, rotation and
scale are applied, and those of all nodes above it. FiftyOne's own projections ignore them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from auto_labeling.threed import pcd_files, ply_files
from auto_labeling.threed.clouds import Cloud, open_file, unreadable


def read_points(filepath: str) -> npt.NDArray[np.float32]:
    """Reads the points of a ``.pcd`` file or of a scene.

    Args:
        filepath: the path of the file

    Returns:
        the coordinates, ``float32`` of shape ``(N, 3)``

    Raises:
        AutoLabelingError: if they cannot be read, with the reason
    """
    return read_cloud(filepath).xyz


def read_cloud(filepath: str) -> Cloud:
    """Reads the points of a ``.pcd`` file or of a scene, with what each file has beside them.

    Args:
        filepath: the path of the file

    Returns:
        a :class:`Cloud`. Its intensity is NaN for the points of files that have none, if others
        have it

    Raises:
        AutoLabelingError: if they cannot be read, with the reason
    """
    kind = os.path.splitext(filepath)[1].lower()
    if kind == ".pcd":
        return pcd_files.read(filepath)
    if kind == ".fo3d":
        return _of_scene(filepath)
    raise unreadable(
        f"{filepath} is neither a point cloud (.pcd) nor a scene (.fo3d), so it has no points"
    )


def _of_scene(filepath: str) -> Cloud:
    clouds = []
    others = []
    for node, matrix in _nodes(_scene(filepath), np.eye(4)):
        if path := getattr(node, "pcd_path", None):
            cloud = pcd_files.read(_asset(filepath, node, path))
            is_centered = node.center_geometry
        elif path := getattr(node, "ply_path", None):
            cloud = ply_files.read(_asset(filepath, node, path))
            # The App leaves a PLY file with normals where it is.
            is_centered = node.center_geometry and not cloud.has_normals
        else:
            others.append(type(node).__name__)
            continue
        clouds.append(_moved(cloud, matrix, is_centered))
    if not clouds:
        kinds = ", ".join(sorted(set(others)))
        raise unreadable(
            f"The scene {filepath} has no visible point cloud (.pcd or .ply)"
            + (f": it holds {kinds}" if kinds else "")
        )
    return _merged(clouds)


def _scene(filepath: str) -> Any:
    import fiftyone as fo

    open_file(filepath).close()
    try:
        return fo.Scene.from_fo3d(filepath)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise unreadable(f"{filepath} is not a scene that FiftyOne can read: {reason}") from error


def _nodes(node: Any, above: npt.NDArray[np.float64]) -> Iterator[tuple[Any, npt.NDArray[Any]]]:
    """The visible nodes below one, each with the matrix from its coordinates to the scene's."""
    matrix = above @ node.local_transform_matrix
    for child in node.children:
        if child.visible:
            yield child, matrix @ child.local_transform_matrix
            yield from _nodes(child, matrix)


def _asset(filepath: str, node: Any, path: str) -> str:
    full = os.path.join(os.path.dirname(os.path.abspath(filepath)), path)
    if not os.path.isfile(full):
        raise unreadable(
            f"The scene {filepath} names the file {path} in its node '{node.name}', and there is "
            f"no file {os.path.normpath(full)}"
        )
    return full


def _moved(cloud: Cloud, matrix: npt.NDArray[np.float64], is_centered: bool) -> Cloud:
    """A cloud in the coordinates of its scene; a centered one is moved to its node's origin."""
    xyz = cloud.xyz.astype(np.float64)
    if is_centered and len(xyz):
        xyz -= (xyz.min(axis=0) + xyz.max(axis=0)) / 2
    moved = xyz @ matrix[:3, :3].T + matrix[:3, 3]
    return Cloud(moved.astype(np.float32), cloud.intensity)


def _merged(clouds: list[Cloud]) -> Cloud:
    xyz = np.concatenate([cloud.xyz for cloud in clouds])
    if all(cloud.intensity is None for cloud in clouds):
        return Cloud(xyz)
    parts = [
        np.full(len(c.xyz), np.nan, np.float32) if c.intensity is None else c.intensity
        for c in clouds
    ]
    return Cloud(xyz, np.concatenate(parts))
