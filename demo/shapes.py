"""Images of colored shapes with exact ground truth, drawn from a seed.

The same seed gives the same scenes, and scene ``i`` does not depend on their number. The class of a
shape depends on its outline alone; color, size, rotation and background are noise. A few shapes are
small, pale or half hidden, so that detectors make some mistakes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

CLASSES = ("circle", "square", "triangle", "star")
WIDTH, HEIGHT = 320, 240

_MAX_SHAPES = 6
_RADII = (12, 46)
_MIN_VISIBLE = 0.75  # of a shape's area; a shape that would hide more of another is not drawn
_MIN_CONTRAST = 30  # between a shape's color and the background behind it, in Lab
_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Shape:
    """The visible part of one shape.

    Args:
        label: one of :data:`CLASSES`
        box: ``(x, y, width, height)`` in [0, 1], tight around the mask
        mask: a bool array of the image's height and width
    """

    label: str
    box: tuple[float, float, float, float]
    mask: np.ndarray = field(repr=False, compare=False)

    @property
    def cropped(self) -> np.ndarray:
        """The mask, cropped to its box."""
        rows, columns = _extent(self.mask)
        return self.mask[rows, columns]


@dataclass(frozen=True)
class Scene:
    """An RGB image, a uint8 array of (height, width, 3), and its shapes from back to front."""

    image: np.ndarray = field(repr=False)
    objects: list[Shape]


def generate(n: int, seed: int) -> Iterator[Scene]:
    """Yields the first ``n`` scenes of a seed.

    Args:
        n: the number of scenes
        seed: the seed
    """
    for index in range(n):
        yield _scene(np.random.default_rng((seed, index)))


def write(folder: str | os.PathLike[str], n: int, seed: int) -> list[tuple[Path, list[Shape]]]:
    """Writes the first ``n`` scenes of a seed as JPEG files.

    Args:
        folder: the folder for the files; it is created if it does not exist
        n: the number of scenes
        seed: the seed

    Returns:
        a list of ``(path, objects)``: each file, and the shapes in its image

    Raises:
        OSError: if a file cannot be written
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[tuple[Path, list[Shape]]] = []
    for index, scene in enumerate(generate(n, seed)):
        path = folder / f"shapes-{seed}-{index:05d}.jpg"
        image = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)
        if not cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 92]):
            raise OSError(f"Could not write {path}")
        written.append((path, scene.objects))
    return written


def _scene(rng: np.random.Generator) -> Scene:
    image = _background(rng)
    drawn: list[tuple[str, np.ndarray]] = []
    areas: list[int] = []
    for _ in range(int(rng.integers(1, _MAX_SHAPES + 1))):
        label = CLASSES[int(rng.integers(len(CLASSES)))]
        coverage = _coverage(label, rng)
        mask = coverage >= 0.5
        below = [(other, seen & ~mask) for other, seen in drawn]
        color = _color(rng, image, mask)
        if color is None or not _all_visible(below, areas):
            continue
        _paint(image, coverage, color, rng)
        drawn = [*below, (label, mask)]
        areas.append(int(mask.sum()))
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.1))
    image = image + rng.normal(0, rng.uniform(2, 12), image.shape)
    objects = [Shape(label, _box(mask), mask) for label, mask in drawn]
    return Scene(np.clip(np.rint(image), 0, 255).astype(np.uint8), objects)


def _all_visible(drawn: list[tuple[str, np.ndarray]], areas: list[int]) -> bool:
    return all(
        seen.sum() >= _MIN_VISIBLE * area for (_, seen), area in zip(drawn, areas, strict=True)
    )


def _background(rng: np.random.Generator) -> np.ndarray:
    """Draws soft blotches of two colors, crossed by a few thin lines, as a float32 RGB image."""
    rows, columns = int(rng.integers(2, 9)), int(rng.integers(2, 12))
    cells = rng.uniform(0, 1, (rows, columns)).astype(np.float32)
    blotches = cv2.resize(cells, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)[..., None]
    low, high = rng.uniform(20, 235, (2, 3))
    image = low + (high - low) * (0.5 + (blotches - 0.5) * rng.uniform(0.2, 0.9))
    image = np.ascontiguousarray(np.clip(image, 0, 255), dtype=np.float32)
    for _ in range(int(rng.integers(0, 7))):
        ends = rng.integers((0, 0), (WIDTH, HEIGHT), (2, 2))
        color = tuple(float(c) for c in rng.uniform(0, 255, 3))
        cv2.line(image, ends[0].tolist(), ends[1].tolist(), color, int(rng.integers(1, 4)))
    return image


def _coverage(label: str, rng: np.random.Generator) -> np.ndarray:
    """Draws a shape at a random place: the covered part of each pixel, from 0 to 1."""
    radius = rng.uniform(*_RADII)
    center = rng.uniform((radius, radius), (WIDTH - radius, HEIGHT - radius))
    corners = center + radius * _outline(label, rng)
    points = np.rint(corners * 2**_SUBPIXEL_BITS).astype(np.int32)
    canvas = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(canvas, [points], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return canvas.astype(np.float32) / 255


def _outline(label: str, rng: np.random.Generator) -> np.ndarray:
    """Returns the corners of a shape in the unit circle, an array of (corners, 2)."""
    count, inner = {
        "circle": (64, 1.0),
        "square": (4, 1.0),
        "triangle": (3, 1.0),
        "star": (10, rng.uniform(0.38, 0.55)),
    }[label]
    angles = rng.uniform(0, 2 * np.pi) + np.arange(count) * 2 * np.pi / count
    reach = np.where(np.arange(count) % 2, inner, 1.0)
    return np.stack([np.cos(angles) * reach, np.sin(angles) * reach], axis=1)


def _color(rng: np.random.Generator, image: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """Chooses an RGB color that stands out from the background; None if none was found."""
    background = _lab(image[mask].mean(axis=0))
    for _ in range(20):
        color = rng.uniform(10, 245, 3)
        if np.linalg.norm(_lab(color) - background) >= _MIN_CONTRAST:
            return color
    return None


def _lab(color: np.ndarray) -> np.ndarray:
    pixel = (color / 255).astype(np.float32).reshape(1, 1, 3)
    return cv2.cvtColor(pixel, cv2.COLOR_RGB2Lab).reshape(3)


def _paint(
    image: np.ndarray, coverage: np.ndarray, color: np.ndarray, rng: np.random.Generator
) -> None:
    """Blends a shape with a little texture into the image."""
    grain = rng.normal(0, rng.uniform(0, 18), (HEIGHT // 4, WIDTH // 4)).astype(np.float32)
    surface = color + cv2.resize(grain, (WIDTH, HEIGHT))[..., None]
    image += coverage[..., None] * (surface.astype(np.float32) - image)
    np.clip(image, 0, 255, out=image)


def _box(mask: np.ndarray) -> tuple[float, float, float, float]:
    rows, columns = _extent(mask)
    width, height = (columns.stop - columns.start) / WIDTH, (rows.stop - rows.start) / HEIGHT
    return (float(columns.start / WIDTH), float(rows.start / HEIGHT), float(width), float(height))


def _extent(mask: np.ndarray) -> tuple[slice, slice]:
    """Returns the rows and the columns of a mask's box."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
