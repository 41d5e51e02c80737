"""How many loader processes a machine's shared memory and file descriptors allow."""

import pytest
import torch

from auto_labeling.engine import shared_memory
from auto_labeling.engine.shared_memory import Item

MB = 10**6


@pytest.fixture
def machine(monkeypatch):
    def has(memory=float("inf"), files=float("inf")):
        monkeypatch.setattr(shared_memory, "free_memory", lambda: memory)
        monkeypatch.setattr(shared_memory, "free_files", lambda: files)

    return has


def test_tensors_are_counted_wherever_they_are():
    image = torch.zeros(3, 10, 10, dtype=torch.uint8)
    boxes = torch.zeros(5, 4)
    assert Item.of(image) == Item(300, 1)
    assert Item.of({"image": image, "prompts": [(boxes, "text"), None]}) == Item(380, 2)
    assert Item.of("not a tensor") == Item(0, 0)


@pytest.mark.parametrize(
    ("memory", "files", "expected"),
    [
        (float("inf"), float("inf"), 4),
        (1000 * MB, 10_000, 4),  # 12 batches of 16 MB, 192 tensors
        (250 * MB, 10_000, 3),
        (64 * MB, 10_000, 0),  # what a container has by default
        (1000 * MB, 100, 1),
        (1000 * MB, 0, 0),
    ],
)
def test_loader_processes_are_as_many_as_fit(machine, memory, files, expected):
    machine(memory, files)
    number, why = shared_memory.affordable(4, 2, 4, 16, Item(MB, 1))
    assert number == expected
    assert bool(why) is (expected < 4)


def test_what_is_missing_is_named(machine):
    machine(memory=64 * MB)
    assert shared_memory.affordable(4, 2, 4, 16, Item(MB, 1))[1].startswith(
        "Loader processes need about 192 MB of shared memory, and /dev/shm has 64 MB left "
        "(for a container: --shm-size=1g or more). Continuing with no loader processes"
    )
    machine(files=100)
    assert (
        "need about 192 open files, and this process may have 100"
        in (shared_memory.affordable(4, 2, 4, 16, Item(MB, 1))[1])
    )


def test_this_machine_says_what_it_has():
    assert shared_memory.free_memory() > 0
    assert shared_memory.free_files() > 0
