"""Parts of ``auto-labeling launch`` that need no database."""

import signal
import subprocess

import pytest

from auto_labeling.core import text
from auto_labeling.core.errors import AutoLabelingError, FailureReason
from auto_labeling.serving import exit_reasons, gpus, log_file
from auto_labeling.serving.log_file import Tail
from auto_labeling.serving.options import Options


@pytest.mark.parametrize(
    ("wanted", "found", "variable", "expected"),
    [
        (0, 3, None, ["0", "1", "2"]),
        (2, 3, "", ["0", "1"]),
        (0, 2, "2,3", ["2", "3"]),
        (1, 2, " 2 , 3", ["2"]),
        (0, 2, "GPU-a,MIG-b,GPU-c", ["GPU-a", "MIG-b"]),
    ],
)
def test_which_gpus_services_get(wanted, found, variable, expected):
    environment = {} if variable is None else {gpus.VARIABLE: variable}
    assert gpus.chosen(wanted, found, environment) == expected


def test_more_gpus_than_there_are_are_refused():
    with pytest.raises(AutoLabelingError, match="there are only 2 GPUs"):
        gpus.chosen(3, 2, {})


def test_without_a_gpu_it_says_so(monkeypatch):
    def answer(*_, **__):
        return subprocess.CompletedProcess([], 0, stdout="|0\n", stderr="")

    monkeypatch.setattr(gpus.subprocess, "run", answer)
    with pytest.raises(AutoLabelingError, match=r"built without CUDA.*runs on the CPU"):
        gpus.count()


@pytest.mark.parametrize(
    ("status", "out_of_memory", "reason", "sentence"),
    [
        (-signal.SIGKILL, True, FailureReason.OUT_OF_MEMORY, "ran out of memory on gpu-3"),
        (
            -signal.SIGKILL,
            False,
            FailureReason.KILLED,
            "killed, by a person or because memory ran out",
        ),
        (-signal.SIGBUS, False, FailureReason.BUS_ERROR, "/dev/shm"),
        (-signal.SIGSEGV, False, FailureReason.CRASHED, "segmentation fault"),
        (-signal.SIGUSR1, False, FailureReason.SIGNALED, f"signal {signal.SIGUSR1:d}"),
        (3, False, FailureReason.EXITED, "exited unexpectedly with status 3"),
        (None, False, FailureReason.NOT_REPORTED, "could not report to the database how it ended"),
    ],
)
def test_how_a_process_died_has_a_reason_and_a_sentence(status, out_of_memory, reason, sentence):
    assert exit_reasons.reason_of(status, out_of_memory) is reason
    assert sentence in exit_reasons.sentence(reason, "gpu-3", status)


LOSSES = (
    FailureReason.UNWANTED,
    FailureReason.WORKER_STOPPED,
    FailureReason.WORKER_DISAPPEARED,
    FailureReason.NOT_REPORTED,
    FailureReason.OUT_OF_MEMORY,
    FailureReason.KILLED,
    FailureReason.BUS_ERROR,
    FailureReason.CRASHED,
    FailureReason.SIGNALED,
    FailureReason.EXITED,
)


@pytest.mark.parametrize("reason", LOSSES)
def test_each_reason_has_a_sentence(reason):
    assert exit_reasons.sentence(reason, "gpu-3", -signal.SIGSEGV).startswith("The ")


def test_linux_is_asked_whom_it_has_killed():
    assert exit_reasons.out_of_memory_kills() >= 0


def test_the_tail_of_a_log_is_what_a_terminal_would_show(tmp_path):
    log = tmp_path / "log"
    followed = Tail(log)
    assert followed.last_lines() == followed.new_lines() == [] and followed.size() == 0
    log.write_bytes(b"\x1b[31mred\x1b[0m\n\n 10%|#\r 20%|##\r\n\xff broken\nhalf")
    assert followed.new_lines() == ["red", " 20%|##", "� broken"]
    assert followed.last_lines() == ["red", " 20%|##", "� broken", "half"]
    with log.open("ab") as file:
        file.write(b" a line\n" + b"x" * 100_000 + b"\nlast\n")
    assert followed.new_lines() == ["half a line"]
    assert followed.last_lines() == ["last"]


def test_old_logs_are_removed_and_nothing_else(tmp_path):
    for number in range(log_file._MAX_LOGS + 3):
        (tmp_path / f"20260101-{number:06}-operation-abc.log").touch()
    (tmp_path / "mine.log").touch()
    log_file.prune(tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert len(left) == log_file._MAX_LOGS + 1 and "mine.log" in left
    assert left[0] == "20260101-000003-operation-abc.log"


def test_a_folder_that_takes_no_logs_is_refused_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AutoLabelingError, match="Cannot write logs to"):
        Options(log_dir=tmp_path / "file" / "logs")


def test_durations_are_said_in_words():
    assert [text.duration(s) for s in (3.2, 75, 7322)] == ["3 s", "1 min 15 s", "2 h 2 min"]
