"""The GPUs of this machine. A separate process counts them, since torch takes memory."""

import shutil
import subprocess
import sys
from collections.abc import Mapping

from auto_labeling.core.errors import AutoLabelingError

VARIABLE = "CUDA_VISIBLE_DEVICES"

_COUNT = "import torch; print(torch.version.cuda or '', torch.cuda.device_count(), sep='|')"


def count() -> int:
    """Counts the GPUs that torch can use here.

    Raises:
        AutoLabelingError: if it can use none, with the reason
    """
    process = subprocess.run([sys.executable, "-c", _COUNT], capture_output=True, text=True)
    if process.returncode:
        raise AutoLabelingError(f"--gpus needs torch: {process.stderr.strip().splitlines()[-1]}")
    cuda, _, number = process.stdout.strip().splitlines()[-1].partition("|")
    if int(number):
        return int(number)
    if not cuda:
        reason = "this torch was built without CUDA"
    elif shutil.which("nvidia-smi"):
        reason = "nvidia-smi is installed, so its driver may not match this torch; run `nvidia-smi`"
    else:
        reason = "no NVIDIA driver is installed here, or the container was started without its GPUs"
    raise AutoLabelingError(
        f"--gpus found no GPU that torch can use: {reason}. Without --gpus, "
        "`auto-labeling launch` runs on the CPU"
    )


def chosen(number: int, available: int, environment: Mapping[str, str]) -> list[str]:
    """Returns the value of CUDA_VISIBLE_DEVICES for the worker of each GPU.

    Args:
        number: the number of workers; 0 for all GPUs
        available: the number of GPUs
        environment: the environment variables, where CUDA_VISIBLE_DEVICES may list the GPUs

    Raises:
        AutoLabelingError: if there are fewer GPUs
    """
    if number > available:
        raise AutoLabelingError(f"--gpus {number}: there are only {available} GPUs here")
    named = [name.strip() for name in environment.get(VARIABLE, "").split(",") if name.strip()]
    visible = named[:available] if len(named) >= available else list(map(str, range(available)))
    return visible[: number or available]
