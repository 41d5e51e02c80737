"""Reads image files as the App displays them."""

import numpy as np
from PIL import Image, ImageFile, ImageOps

_ORIENTATION = 0x0112


def read(path: str) -> Image.Image:
    """Reads an image as 8-bit RGB, turned as its EXIF orientation says.

    Browsers turn images by that orientation, so boxes must be in the turned frame; FiftyOne's
    own loader does not turn them.

    Args:
        path: the file's path

    Raises:
        OSError: if it is missing, not an image, or truncated
        PIL.Image.DecompressionBombError: if it is too large to be decoded safely
    """
    # Ultralytics sets this to True for the whole process: half of an image would be labeled.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with Image.open(path) as image:
        image.load()
        if image.getexif().get(_ORIENTATION, 1) != 1:
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            return _from_16_bit(image)
        if image.mode == "P" and "transparency" in image.info:
            image = image.convert("RGBA")
        return image.convert("RGB")


def _from_16_bit(image):
    # Pillow's convert() would clip 16-bit values at 255: a white image.
    pixels = np.asarray(image).astype(np.uint32)
    return Image.fromarray((pixels >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
