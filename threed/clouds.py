"""Points of one file, and the errors of files whose points cannot be read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt

from auto_labeling.core.errors import AutoLabelingError, FailureReason

#: The fields that hold a point's intensity, as usual writers name them.
_INTENSITIES = ("intensity", "i", "reflectance", "scalar_intensity")


@dataclass(frozen=True)
class Cloud:
    """Points, in the unit of their file, which is meters in most.

    Args:
        xyz: the coordinates, ``float32`` of shape ``(N, 3)``
        intensity: of each point, ``float32`` of shape ``(N,)``; None if the file has none
        has_normals: whether the file has a normal for each point
    """

    xyz: npt.NDArray[np.float32]
    intensity: npt.NDArray[np.float32] | None = None
    has_normals: bool = False

    @classmethod
    def of_columns(cls, columns: Mapping[str, npt.NDArray[np.generic]]) -> Cloud:
        """Makes a cloud of the fields of a file; points that are not finite are left out.

        Organized clouds have such points where the sensor saw nothing.

        Args:
            columns: the values by the name of the field: ``x``, ``y``, ``z`` and perhaps others
        """
        xyz = np.stack([columns[axis].astype(np.float32) for axis in "xyz"], axis=1)
        finite = np.isfinite(xyz).all(axis=1)
        by_name = {name.lower(): values for name, values in columns.items()}
        named = next((by_name[name] for name in _INTENSITIES if name in by_name), None)
        return cls(
            xyz[finite],
            None if named is None else named[finite].astype(np.float32),
            not {"normal_x", "nx"}.isdisjoint(by_name),
        )


def unreadable(sentence: str) -> AutoLabelingError:
    """The error of a file whose points cannot be read; ``sentence`` names the file and why."""
    return AutoLabelingError(sentence, reason=FailureReason.POINTS_UNREADABLE)


def too_short(filepath: str, read: int, announced: int) -> AutoLabelingError:
    """The error of a file that holds fewer points than its header announces.

    Args:
        filepath: the file
        read: how many points it holds
        announced: how many points its header names
    """
    return unreadable(
        f"{filepath} ends early: its header announces {announced:,} points, and it holds {read:,}"
    )


def open_file(filepath: str) -> IO[bytes]:
    """Opens a file with points.

    Args:
        filepath: its path

    Raises:
        AutoLabelingError: if it is not there, or may not be read
    """
    try:
        return open(filepath, "rb")
    except FileNotFoundError as error:
        raise unreadable(f"There is no file {filepath}") from error
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise unreadable(f"{filepath} cannot be read: {reason}") from error
