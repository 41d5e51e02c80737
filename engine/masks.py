"""Instance masks: in the document, or as PNG files at the run's mask location.

A file's name derives from run, sample and position, so that a sample that is labeled again
overwrites its files; files of a sample that never got its labels are removed before it is tried
again.
"""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from auto_labeling.engine.loading import describe
from auto_labeling.run import Run

_THREADS = 2


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
        saved, failures = [], []
        jobs = [(t, d, self._jobs(t, d)) for t, d in documents]
        for target, document, futures in jobs:
            try:
                for label, future in futures:
                    future.result()
                    label.pop("mask")
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
            for path in self._shard(sample_id).glob(f"{sample_id}-*.png"):
                path.unlink(missing_ok=True)

    def remove_all(self):
        """Removes all mask files of the run; its folder holds nothing else."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _jobs(self, target, document):
        """Begins to write a sample's masks; returns ``(label, future)`` of each."""
        futures = []
        for ordinal, label in enumerate((document or {}).get("detections", ())):
            mask = label.get("mask")
            if mask is None:
                label.pop("mask", None)
            elif self._folder is None:
                label["mask"] = inline(mask)
            else:
                path = self._shard(target.sample_id) / f"{target.sample_id}-{ordinal}.png"
                label["mask_path"] = str(path)
                futures.append((label, self._pool.submit(self._write, path, mask)))
        return futures

    def _shard(self, sample_id):
        # The last characters of an ObjectId are a counter: they spread evenly.
        return self._folder / sample_id[-2:]

    def _write(self, path, mask):
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        path.write_bytes(png(mask))


def inline(mask) -> bytes:
    """A mask as FiftyOne keeps it in a document."""
    import fiftyone.core.utils as fou

    return fou.serialize_numpy_array(np.asarray(mask))


def png(mask) -> bytes:
    """A mask as a PNG file of 0 and 255, as FiftyOne writes it."""
    import cv2

    pixels = np.asarray(mask)
    pixels = pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels
    done, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise OSError("A mask could not be written as PNG")
    return data.tobytes()
