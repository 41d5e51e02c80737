"""Instance masks: in the document, or as PNG files at the run's mask location.

A file's name derives from run, sample and position, so that a sample that is labeled again
overwrites its files; files of a sample that never got its labels are removed before it is tried
again.
"""

import itertools
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from auto_labeling.engine.loading import describe
from auto_labeling.run import Run

#: Files are waited for longer than they are worked on.
_THREADS = 4


class MaskStore:
    """Puts the masks of a run's labels where the run wants them.

    Args:
        run: the run
    """

    def __init__(self, run: Run):
        self._folder = Path(run.mask_folder) if run.mask_folder else None
        self._pool = ThreadPoolExecutor(_THREADS)
        self._made = set()

    def save(self, documents) -> tuple[list, list]:
        """Saves the masks of a batch.

        Args:
            documents: ``(target, document)`` pairs whose masks are arrays

        Returns:
            ``(documents, failures)``: those pairs, ready to be stored, and ``(target,
            error text)`` of those whose masks could not be written
        """
        jobs = [(t, d, self._pool.submit(self._write, t.sample_id, d)) for t, d in documents]
        saved, failures = [], []
        for target, document, job in jobs:
            try:
                job.result()
            except OSError as error:
                failures.append((target, describe(error)))
            else:
                saved.append((target, document))
        return saved, failures

    def forget(self, sample_ids):
        """Removes what an earlier attempt wrote for samples that have no labels."""
        if self._folder is None or not self._folder.is_dir():
            return
        for sample_id in sample_ids:
            # They are numbered without a gap. The last one goes first, so that there is none when
            # this is stopped; listing a shard for each sample would take ever longer.
            paths = itertools.takewhile(os.path.exists, self._paths(sample_id))
            for path in reversed(list(paths)):
                Path(path).unlink(missing_ok=True)

    def remove_all(self):
        """Removes all mask files of the run; its folder holds nothing else."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, sample_id, document):
        """Puts the masks of a sample's labels where they belong."""
        labels = (document or {}).get("detections", ())
        masked = [label for label in labels if label.get("mask") is not None]
        if self._folder is None:
            for label in masked:
                label["mask"] = inline(label["mask"])
            return
        if masked:
            self._make_shard(sample_id)
        for label, path in zip(masked, self._paths(sample_id), strict=False):  # they have no end
            label["mask_path"] = path
            with open(path, "wb") as file:
                file.write(png(label.pop("mask")))

    def _paths(self, sample_id):
        """The files of a sample's masks, one after the other, without end."""
        shard = self._shard(sample_id)
        return (f"{shard}{os.sep}{sample_id}-{number}.png" for number in itertools.count())

    def _make_shard(self, sample_id):
        shard = self._shard(sample_id)
        if shard not in self._made:
            shard.mkdir(parents=True, exist_ok=True)
            self._made.add(shard)

    def _shard(self, sample_id):
        # The last characters of an ObjectId are a counter: they spread evenly.
        return self._folder / sample_id[-2:]


def inline(mask) -> bytes:
    """A mask as FiftyOne keeps it in a document."""
    import fiftyone.core.utils as fou

    return fou.serialize_numpy_array(np.asarray(mask))


def png(mask) -> bytes:
    """A mask as a PNG file of 0 and 255, as FiftyOne writes it."""
    import cv2

    pixels, options = np.asarray(mask), [cv2.IMWRITE_PNG_COMPRESSION, 1]
    if pixels.dtype == bool:
        # One bit a pixel: a third of the work and half of the file, and read back the same.
        pixels, options = pixels.view(np.uint8), [*options, cv2.IMWRITE_PNG_BILEVEL, 1]
    done, data = cv2.imencode(".png", pixels, options)
    if not done:
        raise OSError("A mask could not be written as PNG")
    return data.tobytes()
