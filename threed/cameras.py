"""Cameras in three dimensions: where in an image a point of the scene is."""

from dataclasses import dataclass

import cv2
import numpy as np

#: Points closer to the camera than this, in meters, are not in its image.
_NEAR = 0.1

#: The angle from the optical axis, in degrees, up to which distortion is looked at.
_WIDEST = 88.0


@dataclass(frozen=True)
class Camera:
    """A calibrated camera: x to the right, y down, z forward.

    Attributes:
        name: what people know it by, such as the name of its slice
        matrix: ``(3, 3)`` intrinsic matrix, in pixels
        to_camera: ``(4, 4)`` matrix that takes positions of the scene to the camera's axes
        width: the width of its images, in pixels
        height: the height of its images, in pixels
        distortion: OpenCV's coefficients, 4 of them for a fisheye; None if there is none
        fisheye: whether the lens is OpenCV's fisheye model
    """

    name: str
    matrix: np.ndarray
    to_camera: np.ndarray
    width: int
    height: int
    distortion: np.ndarray | None = None
    fisheye: bool = False

    @property
    def position(self) -> np.ndarray:
        """Where the camera is in the scene, in meters: ``(3,)``."""
        return -self.to_camera[:3, :3].T @ self.to_camera[:3, 3]

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions in the image, also beyond its borders.

        A distorted lens has no answer for points far outside of its view: OpenCV's polynomial
        folds them back into the image, so they count as not seen.

        Args:
            points: ``(N, 3)`` positions in the scene, in meters

        Returns:
            ``(N, 2)`` pixels, and ``(N,)`` booleans: in front of the camera, so that the pixel
            means something
        """
        points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        seen_from = points @ self.to_camera[:3, :3].T + self.to_camera[:3, 3]
        depth = seen_from[:, 2]
        ahead = depth > _NEAR
        flat = seen_from[:, :2] / np.where(ahead, depth, 1.0)[:, None]
        if self.distortion is None or not np.any(self.distortion):
            pixels = flat @ self.matrix[:2, :2].T + self.matrix[:2, 2]
            return pixels, ahead
        ahead &= np.hypot(flat[:, 0], flat[:, 1]) < self._widest_radius()
        pixels = np.full((len(points), 2), np.nan)
        if ahead.any():
            pixels[ahead] = self._distorted(flat[ahead])
        return pixels, ahead

    def sees(self, points: np.ndarray) -> np.ndarray:
        """Which positions are within the image: ``(N,)`` booleans."""
        pixels, ahead = self.project(points)
        pixels = np.where(ahead[:, None], pixels, -1.0)
        inside = (pixels >= 0).all(axis=1)
        return ahead & inside & (pixels[:, 0] < self.width) & (pixels[:, 1] < self.height)

    def _distorted(self, flat: np.ndarray) -> np.ndarray:
        """Pixels of ``(N, 2)`` positions on the plane one meter ahead of the camera."""
        ahead = np.column_stack([flat, np.ones(len(flat))])
        none, distortion = np.zeros(3), np.asarray(self.distortion, dtype=np.float64)
        if self.fisheye:
            found, _ = cv2.fisheye.projectPoints(
                ahead.reshape(1, -1, 3), none, none, self.matrix, distortion
            )
        else:
            found, _ = cv2.projectPoints(ahead, none, none, self.matrix, distortion)
        return found.reshape(-1, 2)

    def _widest_radius(self) -> float:
        """The radius, on the plane one meter ahead, at which the lens folds back."""
        radius = np.tan(np.radians(np.linspace(0, _WIDEST, 200)))
        along = np.column_stack([radius, np.zeros(200)])
        grows = np.diff(self._distorted(along)[:, 0]) > 0
        return float(radius[-1] if grows.all() else radius[int(np.argmin(grows))])
