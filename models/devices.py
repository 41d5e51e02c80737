"""The devices of this machine, found without torch, whose import takes seconds."""

import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path
from types import ModuleType

_DRIVER = Path("/proc/driver/nvidia/gpus")


def gpus() -> int:
    """How many GPUs a model could use in this process; none if torch was built without them."""
    torch = sys.modules.get("torch")
    # Another thread may still be importing it.
    if torch is not None and not getattr(torch.__spec__, "_initializing", False):
        return torch.cuda.device_count() or _apple(torch)
    if not _built_for_gpus():
        return 0
    listed = nvidia()
    if listed is not None:
        return listed
    if sys.platform == "darwin":
        return int(platform.machine() == "arm64")
    return int(shutil.which("nvidia-smi") is not None)


def nvidia() -> int | None:
    """How many NVIDIA GPUs processes like this one may use.

    Returns:
        None if neither the environment nor the driver lists them
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([name for name in visible.split(",") if name.strip() not in ("", "-1")])
    return len(list(_DRIVER.iterdir())) if _DRIVER.is_dir() else None


def exists(device: str) -> bool:
    """Whether this machine has a device that a run names; "" means any device."""
    if device in ("", "cpu"):
        return True
    number = device.partition(":")[2]
    return gpus() > int(number or 0)


def _apple(torch: ModuleType) -> int:
    backend = getattr(torch.backends, "mps", None)
    return int(backend is not None and backend.is_available())


def _built_for_gpus() -> bool:
    try:
        return not importlib.metadata.version("torch").endswith("+cpu")
    except importlib.metadata.PackageNotFoundError:
        return False
