"""Loader processes where ``/dev/shm`` is as small as a container's, and smaller."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support import red_rectangles
from tests.support.paths import CHECKOUT

PICTURES = 24
_SMALL = "mount -t tmpfs -o size={size} none /dev/shm && exec {python} -m {module} {folder}"


def test_too_little_shared_memory_is_named_and_costs_no_sample(tmp_path, database):
    # 0.4 MB a picture, in batches of four, on up to eight ways at once: 13 MB.
    inside = _SMALL.format(
        size="4m",
        python=sys.executable,
        module="tests.integration.test_shared_memory",
        folder=tmp_path,
    )
    apart = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if subprocess.run([*apart, "mount -t tmpfs none /dev/shm"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a /dev/shm of their own")
    ran = subprocess.run(
        [*apart, inside], cwd=CHECKOUT, env=dict(os.environ), capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    detected, surprised = json.loads(ran.stdout.splitlines()[-1])
    assert detected["read"] == surprised["read"] == list(range(PICTURES))
    assert "need about 13 MB of shared memory, and /dev/shm has 4 MB" in detected["log"]
    assert "another way" not in detected["log"] and "died" not in detected["log"]
    assert "another way" in surprised["log"], "or this test proves nothing of the way back"


def main(folder):
    """Reads pictures twice: as loaders do, and as if no one had looked at ``/dev/shm``."""
    from auto_labeling.engine import shared_memory

    paths = []
    for number in range(PICTURES):
        paths.append(folder / f"{number}.png")
        picture = Image.new("RGB", (400, 336), (number, 0, 0))
        picture.save(paths[-1])
    answers = [read(paths)]
    shared_memory.free_memory = lambda: float("inf")
    answers.append(read(paths))
    print(json.dumps(answers))


def read(paths):
    from auto_labeling.engine import loading
    from auto_labeling.engine.batches import Waiting
    from auto_labeling.engine.reading import Reader

    # A file, since loader processes log too.
    log = paths[0].with_name(f"{len(list(paths[0].parent.iterdir()))}.log")
    handler = logging.FileHandler(log)
    logging.getLogger("auto_labeling").addHandler(handler)
    targets = [Waiting(str(n), {"filepath": str(path)}) for n, path in enumerate(paths)]
    batches = iter([targets[i : i + 4] for i in range(0, len(targets), 4)])
    found = []
    for loaded in loading.load(Reader(model()), batches, 2):
        assert not loaded.failures
        found += [int(image[0, 0, 0]) for image in loaded.batch]
    logging.getLogger("auto_labeling").removeHandler(handler)
    return {"read": sorted(found), "log": log.read_text()}


def model():
    """One whose batches are lists of tensors, as most of the zoo's are."""
    import fiftyone.utils.torch as fout
    from torchvision.transforms import PILToTensor

    config = {
        "model": red_rectangles._Network("boxes"),
        "transforms": PILToTensor(),
        "classes": ["a"],
    }
    config |= {"ragged_batches": True, "device": "cpu"}
    config["output_processor_cls"] = fout.DetectorOutputProcessor
    return fout.TorchImageModel(fout.TorchImageModelConfig(config))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
