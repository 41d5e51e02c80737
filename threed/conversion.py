"""Writes the points of ``.las``, ``.laz`` and ``.bin`` files to ``.pcd`` files beside them.

FiftyOne shows ``.pcd`` files, and no others of these. The originals are not changed, and a file
that is there is never overwritten: a second conversion does nothing.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from auto_labeling.core import failure_reasons
from auto_labeling.core.errors import AutoLabelingError, FailureReason
from auto_labeling.threed.clouds import open_file, unreadable

ENDINGS = (".las", ".laz", ".bin")

#: The numbers of each point in a ``.bin`` file: KITTI has x, y, z and intensity; nuScenes, whose
#: files end in ``.pcd.bin``, has a ring beside them. Each is a ``float32``.
KITTI, NUSCENES = 4, 5

#: Coordinates beyond this, in meters, are no sensor's: the file holds something else.
_MAX_RANGE = 1e5
#: What a ``float32`` may shift a point by, in the unit of the file, before eight bytes are used.
_EXACT = 1e-3

#: The fields of a point, and the type of each.
_Columns = Mapping[str, npt.NDArray[np.generic]]


def target_of(filepath: str) -> str:
    """The path of the ``.pcd`` file of a file: ``a.bin`` → ``a.pcd``, ``a.pcd.bin`` → ``a.pcd``."""
    stem = os.path.splitext(filepath)[0]
    return stem if stem.lower().endswith(".pcd") else f"{stem}.pcd"


def convert(filepath: str, columns: int | None = None) -> bool:
    """Writes the points of a file to a ``.pcd`` file beside it.

    Args:
        filepath: a ``.las``, ``.laz`` or ``.bin`` file
        columns (None): the numbers of each point in a ``.bin`` file; by default, 5 if its name ends
            in ``.pcd.bin``, as in nuScenes, else 4

    Returns:
        False if that file exists, which is then left alone

    Raises:
        AutoLabelingError: if the points cannot be read or written, with the reason
    """
    target = target_of(filepath)
    if os.path.lexists(target):
        return False
    read = _bin(filepath, columns) if filepath.lower().endswith(".bin") else _las(filepath)
    return _write(target, read)


def _bin(filepath: str, columns: int | None) -> _Columns:
    columns = columns or (NUSCENES if filepath.lower().endswith(".pcd.bin") else KITTI)
    with open_file(filepath) as file:
        data = file.read()
    if columns < 3 or len(data) % (4 * columns):
        raise unreadable(
            f"{filepath} has {len(data):,} bytes, which are not points of {columns} numbers of 4 "
            "bytes. Name the right number of columns"
        )
    rows = np.frombuffer(data, "<f4").reshape(-1, columns)
    if not (np.abs(rows[:, :3]) < _MAX_RANGE).all():  # NaN is not below it either
        raise unreadable(
            f"{filepath} does not hold points of {columns} numbers each: some coordinates are not "
            f"finite, or beyond {_MAX_RANGE:,.0f}. Name the right number of columns"
        )
    named = {"x": rows[:, 0], "y": rows[:, 1], "z": rows[:, 2]}
    return named if columns == 3 else {**named, "intensity": rows[:, 3]}


def _las(filepath: str) -> _Columns:
    try:
        import laspy
    except ImportError as error:
        raise AutoLabelingError(
            f"{filepath} cannot be read without the package laspy: pip install 'laspy[lazrs]'",
            reason=FailureReason.PACKAGES_MISSING,
        ) from error
    open_file(filepath).close()
    try:
        las = laspy.read(filepath)
        columns = {axis: np.asarray(getattr(las, axis), np.float64) for axis in "xyz"}
        intensity = np.asarray(las.intensity, np.float32)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise unreadable(f"{filepath} cannot be read: {reason}") from error
    narrow = {axis: values.astype(np.float32) for axis, values in columns.items()}
    exact = all(np.abs(narrow[a] - columns[a]).max(initial=0) < _EXACT for a in columns)
    return {**(narrow if exact else columns), "intensity": intensity}


def _write(target: str, columns: _Columns) -> bool:
    """Writes a file whole or not at all; False if another one was faster."""
    import pypcd4

    cloud = pypcd4.PointCloud.from_points(
        list(columns.values()), list(columns), [values.dtype for values in columns.values()]
    )
    folder, name = os.path.split(target)
    partial = os.path.join(folder, f".{name}.{secrets.token_hex(4)}.part")
    try:
        with open(partial, "xb") as file:
            cloud.save(file, pypcd4.Encoding.BINARY)
            file.flush()
            os.fsync(file.fileno())
        return _put(partial, target)
    except OSError as error:
        raise AutoLabelingError(
            f"{target} cannot be written: {error.strerror or error}",
            reason=failure_reasons.of_error(error),
        ) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)


def _put(partial: str, target: str) -> bool:
    """Gives a file its name, unless something has that name."""
    try:
        os.link(partial, target)  # unlike a renaming, it never replaces
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            return False
        os.rename(partial, target)
    return True
