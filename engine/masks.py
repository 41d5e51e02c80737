"""Instance masks: in the document, or as PNG files at the run's mask location.

A file's name derives from run, sample and position, so that a sample that is labeled again
overwrites its files; files of a sample that never got its labels are removed before it is tried
again. A sample's files are written elsewhere first and then renamed, so that a file with such a
name is always whole.
"""

import errno
import itertools
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from auto_labeling.core.errors import CannotWrite, FailureReason
from auto_labeling.core.names import UNFINISHED_MASKS
from auto_labeling.core.run import Run
from auto_labeling.engine.batches import Failure, Waiting, describe
from auto_labeling.engine.documents import Document

#: Writing a file is mostly waiting for the disk.
_THREADS = 4

#: Errors that every further file would meet, and their cause for people.
_HOPELESS: dict[int, str] = {
    errno.ENOSPC: "its disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "the worker has no permission",
    errno.EPERM: "the worker has no permission",
    errno.EROFS: "it is read-only",
    errno.ENOENT: "the folder was removed",
    errno.ENOTDIR: "part of its path is a file, not a folder",
    errno.EIO: "its disk does not respond (input/output error)",
    errno.ESTALE: "its network share is gone",
    errno.ENOTCONN: "its network share is gone",
}
_REMEDY = "Give the worker write permission, then resume"
_REMEDIES = {
    errno.ENOSPC: "Free some space there, then resume",
    errno.EDQUOT: "Free some space there, then resume",
}
_REASONS = {
    errno.ENOSPC: FailureReason.DISK_FULL,
    errno.EDQUOT: FailureReason.DISK_FULL,
    errno.EACCES: FailureReason.PERMISSION_DENIED,
    errno.EPERM: FailureReason.PERMISSION_DENIED,
    errno.EROFS: FailureReason.PERMISSION_DENIED,
}


class MaskStore:
    """Stores the masks of a run's labels: in the dataset, or as files at the run's mask location.

    Args:
        run: the run
    """

    def __init__(self, run: Run) -> None:
        self._folder = Path(run.mask_folder) if run.mask_folder else None
        self._pool = ThreadPoolExecutor(_THREADS)
        self._made: set[Path] = set()

    def prepare(self) -> None:
        """Makes the run's folder, and removes the unfinished files of an earlier attempt.

        Raises:
            CannotWrite: if nothing can be written there
        """
        if self._folder is None:
            return
        try:
            self.tidy()
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder) as file:
                file.write(bytes(1))
        except OSError as error:
            raise self._refusal(error) from error

    def tidy(self) -> None:
        """Removes unfinished files. No worker of the run may be at work."""
        if self._folder is not None:
            shutil.rmtree(self._folder / UNFINISHED_MASKS, ignore_errors=True)

    def save(
        self, documents: Iterable[tuple[Waiting, Document | None]]
    ) -> tuple[list[tuple[Waiting, Document | None]], list[Failure], CannotWrite | None]:
        """Saves the masks of a batch.

        Args:
            documents: ``(target, document)`` pairs whose masks are arrays

        Returns:
            ``(documents, failures, refusal)``: those pairs, ready to be stored; ``(target, error
            text)`` of those whose masks could not be written; and the error that every further
            sample would meet, or None. Samples that met it are in neither list, and have no files
        """
        jobs = [(t, d, self._pool.submit(self._write, t.sample_id, d)) for t, d in documents]
        saved: list[tuple[Waiting, Document | None]] = []
        failures: list[Failure] = []
        refusal: CannotWrite | None = None
        for target, document, job in jobs:
            try:
                job.result()
            except OSError as error:
                if error.errno in _HOPELESS:
                    refusal = refusal or self._refusal(error)
                else:
                    failures.append((target, describe(error)))
            else:
                saved.append((target, document))
        return saved, failures, refusal

    def _refusal(self, error: OSError) -> CannotWrite:
        number = error.errno or 0
        cause = _HOPELESS.get(number) or error.strerror or str(error)
        remedy = _REMEDIES.get(number, _REMEDY)
        return CannotWrite(
            f"No masks can be written to {self._folder}: {cause}. Labels so far are kept. {remedy}",
            reason=_REASONS.get(number, FailureReason.STORAGE_GONE),
        )

    def forget(self, sample_ids: Iterable[str]) -> None:
        """Removes the files that an earlier attempt wrote for samples without labels."""
        folder = self._folder
        if folder is None or not folder.is_dir():
            return
        for sample_id in sample_ids:
            # They are numbered without a gap. The last one goes first, so that there is none when
            # this is stopped; listing a shard for each sample would take ever longer.
            paths = itertools.takewhile(os.path.exists, _paths(folder, sample_id))
            for path in reversed(list(paths)):
                Path(path).unlink(missing_ok=True)

    def _write(self, sample_id: str, document: Document | None) -> None:
        """Stores the masks of a sample's labels."""
        labels = (document or {}).get("detections", ())
        masked = [label for label in labels if label.get("mask") is not None]
        if self._folder is None:
            for label in masked:
                label["mask"] = inline(label["mask"])
            return
        if masked:
            files = zip(masked, _paths(self._folder, sample_id), strict=False)  # without end
            self._write_files(self._folder, sample_id, list(files))

    def _write_files(
        self, folder: Path, sample_id: str, files: Sequence[tuple[Document, str]]
    ) -> None:
        """Writes the files of a sample: all of them, or none."""
        self._make_folder(_shard(folder, sample_id))
        unfinished = self._make_folder(folder / UNFINISHED_MASKS)
        parts: list[Path] = []
        renamed: list[str] = []
        try:
            for label, _ in files:
                parts.append(unfinished / f"{sample_id}-{secrets.token_hex(8)}")
                with open(parts[-1], "xb") as file:
                    file.write(png(label["mask"]))
            for part, (_, path) in zip(parts, files, strict=True):
                os.replace(part, path)
                renamed.append(path)
        except BaseException:
            for written in [*parts, *map(Path, renamed)]:
                written.unlink(missing_ok=True)
            raise
        for label, path in files:
            del label["mask"]
            label["mask_path"] = path

    def _make_folder(self, folder: Path) -> Path:
        if folder not in self._made:
            folder.mkdir(parents=True, exist_ok=True)
            self._made.add(folder)
        return folder


def _paths(folder: Path, sample_id: str) -> Iterator[str]:
    """The files of a sample's masks, one after the other, without end."""
    shard = _shard(folder, sample_id)
    return (f"{shard}{os.sep}{sample_id}-{number}.png" for number in itertools.count())


def _shard(folder: Path, sample_id: str) -> Path:
    # The last characters of an ObjectId are a counter: they spread evenly.
    return folder / sample_id[-2:]


def inline(mask: Any) -> bytes:
    """A mask as FiftyOne keeps it in a document."""
    import fiftyone.core.utils as fou

    return fou.serialize_numpy_array(np.asarray(mask))


def png(mask: Any) -> bytes:
    """A mask as a PNG file of 0 and 255, as FiftyOne writes it.

    Raises:
        OSError: if OpenCV cannot encode it
    """
    import cv2

    pixels, options = np.asarray(mask), [cv2.IMWRITE_PNG_COMPRESSION, 1]
    if pixels.dtype == bool:
        # One bit a pixel: a third of the work and half of the file, and read back the same.
        pixels, options = pixels.view(np.uint8), [*options, cv2.IMWRITE_PNG_BILEVEL, 1]
    try:
        done, data = cv2.imencode(".png", pixels, options)
    except cv2.error as error:
        raise OSError(f"A mask of {pixels.shape} could not be written as PNG: {error}") from error
    if not done:
        raise OSError("A mask could not be written as PNG")
    return data.tobytes()
