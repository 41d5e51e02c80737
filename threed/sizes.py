"""How large objects of a class usually are: what a box takes for the sides that no sensor saw.

Means of nuScenes' training set, as OpenPCDet's configuration has them
(``tools/cfgs/nuscenes_models/cbgs_voxel0075_res3d_centerpoint.yaml``), and KITTI's cyclist.
"""

from collections.abc import Mapping

#: Length, width and height in meters, by class.
SIZES: dict[str, tuple[float, float, float]] = {
    "car": (4.63, 1.97, 1.74),
    "truck": (6.93, 2.51, 2.84),
    "bus": (10.5, 2.94, 3.47),
    "trailer": (12.29, 2.90, 3.87),
    "construction vehicle": (6.37, 2.85, 3.19),
    "motorcycle": (2.11, 0.77, 1.47),
    "bicycle": (1.70, 0.60, 1.28),
    "cyclist": (1.76, 0.60, 1.73),
    "pedestrian": (0.73, 0.67, 1.77),
    "traffic cone": (0.41, 0.41, 1.07),
    "barrier": (2.53, 0.50, 0.98),
}

#: Other names of the same classes.
_ALSO = {
    "person": "pedestrian",
    "rider": "cyclist",
    "van": "car",
    "vehicle": "car",
    "suv": "car",
    "motorbike": "motorcycle",
    "bike": "bicycle",
    "lorry": "truck",
    "semi": "trailer",
    "cone": "traffic cone",
}


def size_of(
    label: str, own: Mapping[str, tuple[float, float, float]] | None = None
) -> tuple[float, float, float] | None:
    """The usual size of a class.

    Args:
        label: the class; case, underscores and hyphens do not matter
        own: sizes that come before the known ones

    Returns:
        length, width and height in meters; None if the class is unknown
    """
    name = plain(label)
    for known, size in (own or {}).items():
        if plain(known) == name:
            return size
    return SIZES.get(_ALSO.get(name, name))


def plain(label: str) -> str:
    """A class's name without case, underscores and hyphens."""
    return " ".join(label.lower().replace("_", " ").replace("-", " ").split())
