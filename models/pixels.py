"""Reads an image as the App displays it, for models that load their own."""

from PIL import Image, ImageOps


def read(path: str) -> Image.Image:
    """Reads an image as 8-bit RGB, turned as its EXIF orientation says.

    Raises:
        OSError: if it is missing or not an image
    """
    with Image.open(path) as image:
        image.load()
        return ImageOps.exif_transpose(image).convert("RGB")
