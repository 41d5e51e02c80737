"""A model, asked about batches of image files; a bad sample never costs its batch."""

from concurrent.futures import ThreadPoolExecutor

import fiftyone.core.models as fom
import numpy as np
from PIL import Image

BATCH_SIZE = 8


class Predictor:
    """Runs a model on image files.

    Args:
        model: a :class:`fiftyone.core.models.Model`
    """

    def __init__(self, model):
        self._model = model
        self._is_torch = isinstance(model, fom.TorchModelMixin)
        # Torch models that preprocess to different sizes cannot stack a batch.
        self.batch_size = 1 if self._is_torch and model.ragged_batches else BATCH_SIZE
        self._pool = ThreadPoolExecutor(2)

    def __enter__(self) -> "Predictor":
        self._model.__enter__()
        return self

    def __exit__(self, *args):
        self._pool.shutdown(cancel_futures=True)
        return self._model.__exit__(*args)

    @property
    def device(self) -> str:
        """The device that the model runs on."""
        return str(self._model.device) if self._is_torch else "cpu"

    def predict(self, batches):
        """Yields, for each batch of file paths, a list with a label or an exception for each.

        Images of the next batch are decoded while the model works on the current one.

        Args:
            batches: an iterable of lists of file paths
        """
        upcoming = None
        for paths in batches:
            following = [self._pool.submit(self._read, path) for path in paths]
            if upcoming is not None:
                yield self._predict_decoded([_outcome(future) for future in upcoming])
            upcoming = following
        if upcoming is not None:
            yield self._predict_decoded([_outcome(future) for future in upcoming])

    def _predict_decoded(self, images):
        outputs = list(images)  # exceptions of decoding stay where they are
        good = [i for i, image in enumerate(images) if not isinstance(image, Exception)]
        for index, output in zip(good, self._forward([images[i] for i in good]), strict=True):
            outputs[index] = output
        return outputs

    def _forward(self, images):
        if not images:
            return []
        try:
            outputs = list(self._model.predict_all(images))
            if len(outputs) != len(images):
                raise ValueError(f"{len(outputs)} outputs for {len(images)} images")
            return outputs
        except Exception as error:  # noqa: BLE001 - a model may raise anything
            if len(images) == 1:
                return [error]
            return [self._forward([image])[0] for image in images]

    def _read(self, path):
        with Image.open(path) as image:
            rgb = image.convert("RGB")
        return rgb if self._is_torch else np.asarray(rgb)


def _outcome(future):
    error = future.exception()
    return future.result() if error is None else error
