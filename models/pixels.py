"""Reads image files as the App displays them."""

import numpy as np
from PIL import Image, ImageFile, ImageOps

_ORIENTATION = 0x0112

#: More would take gigabytes to decode. Pillow has this limit too, but libraries lift it for the
#: whole process.
_MOST_PIXELS = 178_956_970


def read(path: str) -> Image.Image:
    """Reads an image as 8-bit RGB, turned as its EXIF orientation says.

    Browsers turn images by that orientation, so boxes must be in the turned frame; FiftyOne's
    own loader does not turn them.

    Args:
        path: the file's path

    Raises:
        OSError: if it is missing, not an image, or truncated
        ValueError: if it is too large to be decoded safely
    """
    # Ultralytics sets this to True for the whole process: half of an image would be labeled.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with Image.open(path) as image:
        if image.width * image.height > _MOST_PIXELS:
            raise ValueError(f"{image.width:,} by {image.height:,} pixels are too many to decode")
        image.load()
        if image.getexif().get(_ORIENTATION, 1) != 1:
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            return _from_16_bit(image)
        if image.mode == "P" and "transparency" in image.info:
            image = image.convert("RGBA")
        # Pillow copies an image that is in this mode already.
        return image if image.mode == "RGB" else image.convert("RGB")


def _from_16_bit(image):
    # Pillow's convert() would clip 16-bit values at 255: a white image.
    pixels = np.asarray(image).astype(np.uint32)
    return Image.fromarray((pixels >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
