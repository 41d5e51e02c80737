"""``auto-labeling launch --gpus``: a service for each GPU, here with stand-ins for the services."""

import os
import signal
import subprocess
import sys
import threading

from auto_labeling.serving import gpus
from auto_labeling.serving.fleet import Fleet
from tests.support.waiting import wait_until

#: Writes down which GPU it has; then waits for SIGTERM, or ends with the status it was given.
MEMBER = """
import os, signal, sys, time
with open(sys.argv[1], "a") as file:
    file.write(os.environ["CUDA_VISIBLE_DEVICES"] + "\\n")
if sys.argv[2] != "wait":
    sys.exit(int(sys.argv[2]))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
open(sys.argv[1] + "." + os.environ["CUDA_VISIBLE_DEVICES"], "w").write(str(os.getpid()))
time.sleep(60)
"""


def _fleet(folder, way, **how):
    command = [sys.executable, "-c", MEMBER, str(folder / "gpus"), way]
    return Fleet(command, [{gpus.VARIABLE: gpu} for gpu in ("0", "3")], **how)


def test_a_fleet_gives_each_service_its_gpu_and_the_worst_status_counts(tmp_path):
    assert _fleet(tmp_path, "3", restart=False).run() == 3
    assert sorted((tmp_path / "gpus").read_text().split()) == ["0", "3"]


def test_a_fleet_starts_what_was_killed_again_and_passes_the_request_to_stop_on(tmp_path):
    def disturb():
        pids = [_pid(tmp_path, gpu) for gpu in ("0", "3")]
        (tmp_path / "gpus.0").unlink()
        os.kill(pids[0], signal.SIGKILL)
        assert _pid(tmp_path, "0") != pids[0]
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=disturb, daemon=True).start()
    assert _fleet(tmp_path, "wait").run() == 7
    assert sorted((tmp_path / "gpus").read_text().split()) == ["0", "0", "3"]


def _pid(folder, gpu):
    path = folder / f"gpus.{gpu}"
    return int(wait_until(lambda: path.exists() and path.read_text(), f"{path.name} is written"))


def test_a_machine_without_a_gpu_is_told_so(tmp_path):
    words = ["-m", "auto_labeling.cli", "launch", "--gpus", "--log-dir", str(tmp_path)]
    hidden = {**os.environ, gpus.VARIABLE: ""}
    ran = subprocess.run([sys.executable, *words], env=hidden, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "--gpus found no GPU that torch can use" in ran.stderr
    assert "Traceback" not in ran.stderr
