"""Which GPUs a machine has, asked of a process of its own: asking takes seconds and memory."""

import shutil
import subprocess
import sys
from collections.abc import Mapping

from auto_labeling.core.errors import AutoLabelingError

VARIABLE = "CUDA_VISIBLE_DEVICES"

_COUNT = "import torch; print(torch.version.cuda or '', torch.cuda.device_count(), sep='|')"


def count() -> int:
    """How many GPUs torch can use here.

    Raises:
        AutoLabelingError: if it can use none, and why
    """
    asked = subprocess.run([sys.executable, "-c", _COUNT], capture_output=True, text=True)
    if asked.returncode:
        raise AutoLabelingError(f"--gpus needs torch: {asked.stderr.strip().splitlines()[-1]}")
    cuda, _, found = asked.stdout.strip().splitlines()[-1].partition("|")
    if int(found):
        return int(found)
    if not cuda:
        why = "this torch was built without CUDA"
    elif shutil.which("nvidia-smi"):
        why = "nvidia-smi is installed, so its driver may not match this torch; run `nvidia-smi`"
    else:
        why = "no NVIDIA driver is installed here, or the container was started without its GPUs"
    raise AutoLabelingError(
        f"--gpus found no GPU that torch can use: {why}. Without --gpus, "
        "`auto-labeling launch` runs on the CPU"
    )


def chosen(wanted: int, found: int, environment: Mapping[str, str]) -> list[str]:
    """What CUDA_VISIBLE_DEVICES is for each of some GPUs.

    Args:
        wanted: how many; 0 means all
        found: how many there are
        environment: where CUDA_VISIBLE_DEVICES may say which those are

    Raises:
        AutoLabelingError: if there are not so many
    """
    if wanted > found:
        raise AutoLabelingError(f"--gpus {wanted}: there are only {found} GPUs here")
    named = [name.strip() for name in environment.get(VARIABLE, "").split(",") if name.strip()]
    visible = named[:found] if len(named) >= found else [str(number) for number in range(found)]
    return visible[: wanted or found]
