"""A process that labels keeps its memory; afterwards it gives it back."""

import gc
import resource
import subprocess
import sys

import pytest

_ALLOCATES = """
import resource, sys
from auto_labeling.engine import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        for block in [bytearray(6_000_000) for _ in range(3)]:
            block[::4096] = bytes(len(block[::4096]))
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with memory.steady():
    faults()
    print(faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is told how to keep memory")
def test_large_blocks_cost_no_new_pages_once_they_were_there():
    said = subprocess.run(
        [sys.executable, "-c", _ALLOCATES], capture_output=True, text=True, check=True
    )
    pages_of_one_round = 3 * 6_000_000 // resource.getpagesize()
    assert int(said.stdout) < pages_of_one_round


def test_the_collector_is_as_it_was():
    from auto_labeling.engine import memory

    before = gc.get_threshold(), gc.get_freeze_count()
    with pytest.raises(ZeroDivisionError), memory.steady():
        assert gc.get_threshold() != before[0]
        raise ZeroDivisionError
    assert (gc.get_threshold(), gc.get_freeze_count()) == before


@pytest.mark.parametrize("task", ["classification"], indirect=True)
def test_the_model_is_loaded_before_memory_is_kept_and_released_after_it(
    numbered, config, monkeypatch
):
    from auto_labeling.engine import generation, prediction
    from auto_labeling.lifecycle import labeling
    from auto_labeling.models import zoo

    frozen, before = {}, gc.get_freeze_count()

    def noting(owner, name):
        function = getattr(owner, name)

        def noted(*args):
            frozen[name] = gc.get_freeze_count() > before
            return function(*args)

        monkeypatch.setattr(owner, name, noted)

    noting(generation, "_load")
    noting(prediction.Predictor, "forward")
    noting(zoo, "release")
    labeling.generate(numbered, labeling.start(numbered, config).id)
    assert frozen == {"_load": False, "forward": True, "release": False}
