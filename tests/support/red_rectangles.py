"""Models that find red things: their truth is what a picture shows, however the file stores it.

They are ordinary torch models of FiftyOne with raw outputs of the usual formats, so that they take
the engine's fast ways, in loader processes and all. They are deterministic, and slow or failing
when the environment or the picture asks for it.
"""

import os
import time

import numpy as np
from PIL import Image

#: Seconds that a model takes for each image.
DELAY = "RED_DELAY"

WIDTH, HEIGHT = 64, 48
RED, BACKGROUND = (240, 20, 20), (30, 90, 60)

#: Pictures of this color make a model raise, or answer with a box that is no number.
RAISES, IS_NAN = (20, 20, 240), (20, 240, 20)

CLASSES = ("low", "high")


def rectangle(number) -> tuple[int, int, int, int]:
    """The ``(left, top, width, height)`` of a picture's red rectangle, in pixels: all different."""
    left, top = number % 40, number // 40 % 28
    return left, top, 8 + number // 1120 * 4, 12


def box(number) -> list[float]:
    """The same as a relative bounding box."""
    left, top, width, height = rectangle(number)
    return [left / WIDTH, top / HEIGHT, width / WIDTH, height / HEIGHT]


def picture(number) -> Image.Image:
    """A picture with its rectangle."""
    pixels = np.full((HEIGHT, WIDTH, 3), BACKGROUND, np.uint8)
    left, top, width, height = rectangle(number)
    pixels[top : top + height, left : left + width] = RED
    return Image.fromarray(pixels)


def write(folder, count) -> list[str]:
    """Writes pictures as PNG files; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [str(folder / f"{number:05}.png") for number in range(count)]
    for number, path in enumerate(paths):
        picture(number).save(path, compress_level=1)
    return paths


class _Network:
    def __init__(self, kind):
        self._kind = kind
        self._delay = float(os.environ.get(DELAY, "0"))

    def to(self, _):
        return self

    def eval(self):
        return self

    def __call__(self, images):
        time.sleep(self._delay * len(images))
        red = (images[:, 0] > 180) & (images[:, 1] < 100) & (images[:, 2] < 100)
        outputs = [self._look(image, mask) for image, mask in zip(images, red, strict=True)]
        if self._kind == "logits":
            import torch

            return torch.stack(outputs)
        return outputs

    def _look(self, image, red):
        import torch

        if _is_all(image, RAISES):
            raise RuntimeError("a picture that no model can bear")
        rows, columns = red.any(1).nonzero().flatten(), red.any(0).nonzero().flatten()
        if self._kind == "logits":
            top = float(rows.min()) if len(rows) else 0.0
            return torch.tensor([14.0, top], dtype=torch.float32)
        corners = torch.zeros((0, 4))
        if len(rows):
            x1, x2, y1, y2 = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
            corners = torch.tensor([[x1, y1, x2, y2]], dtype=torch.float32)
        if _is_all(image, IS_NAN):
            corners = torch.full((1, 4), float("nan"))
        found = len(corners)
        output = {
            "boxes": corners,
            "labels": torch.full((found,), int(found and corners[0, 1] > 14)),
            "scores": torch.full((found,), 0.75),
        }
        if self._kind == "masks":
            output["masks"] = red[None, None].float().expand(found, -1, -1, -1)
        return output


def _is_all(image, colour):
    return all(
        abs(float(channel.float().mean()) - c) < 5 for channel, c in zip(image, colour, strict=True)
    )


def _model(kind):
    import fiftyone.utils.torch as fout
    from torchvision.transforms import PILToTensor

    processors = {
        "boxes": fout.DetectorOutputProcessor,
        "masks": fout.InstanceSegmenterOutputProcessor,
        "logits": fout.ClassifierOutputProcessor,
    }
    config = {
        "model": _Network(kind),
        "transforms": PILToTensor(),
        "ragged_batches": False,
        "classes": list(CLASSES),
        "output_processor_cls": processors[kind],
        "device": "cpu",
    }
    return fout.TorchImageModel(fout.TorchImageModelConfig(config))


def detector():
    """One box for each picture with something red."""
    return _model("boxes")


def segmenter():
    """One mask for each picture with something red."""
    return _model("masks")


def classifier():
    """Whether the red thing is high or low."""
    return _model("logits")
