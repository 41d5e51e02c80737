"""A Ray cluster of several nodes on this machine, whose Python lacks our package."""

import contextlib
import os
import socket
import subprocess
import sysconfig
import time
import venv
from pathlib import Path

import psutil

from tests.support.paths import CHECKOUT

SECONDS = 60


def bare_python(folder) -> str:
    """An interpreter that sees all installed libraries and no ``auto_labeling``.

    An editable install is found by a hook of this environment, which a path alone does not bring.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    [site] = Path(folder).glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"])
    return str(Path(folder) / "bin" / "python")


class Cluster:
    """Nodes of Ray, each a group of processes started by ``ray start``.

    Args:
        python: the interpreter of the nodes
        folder: where Ray keeps its files; its path must be short
    """

    def __init__(self, python: str, folder):
        self._python = python
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("FIFTYONE_", "RAY_"))},
            **settings(folder),
            "PYTHONPATH": str(CHECKOUT),  # for the models in tests/; its folder is no package
        }
        self._log = Path(folder) / "start.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self.address = f"127.0.0.1:{_free_port()}"
        self.nodes = []
        self._started = 0

    def add(self, cpus: int = 1, hide: str = ""):
        """Starts a node, and waits until the cluster knows it; the first is the head.

        Args:
            cpus (1): how many CPUs it has
            hide (""): a folder that is empty there
        """
        head = ["--head", "--port", self.address.partition(":")[2], "--include-dashboard=false"]
        # An address of its own, or a driver might take it for the node that it is on.
        self._started += 1
        other = ["--address", self.address, "--node-ip-address", f"127.0.0.{self._started}"]
        where = other if self.nodes else head
        log = self._log.open("ab")
        node = subprocess.Popen(
            [
                *(_hiding(hide) if hide else ()),
                *(self._python, "-m", "ray.scripts.scripts", "start", "--block", *where),
                *("--num-cpus", str(cpus), "--num-gpus", "0"),
                *("--object-store-memory", str(80 * 2**20), "--disable-usage-stats"),
            ],
            env=self._environment,
            stdout=log,
            stderr=log,
        )
        self.nodes.append(node)
        deadline = time.monotonic() + SECONDS
        while not any("raylet" in _name(child) for child in _children(node)):
            assert node.poll() is None and time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.2)
        address = f"127.0.0.{self._started}"
        while len(known := self._known()) != len(self.nodes) or address not in known:
            assert node.poll() is None and time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.2)

    def _known(self) -> list[str]:
        """The addresses of the nodes that the head takes for alive."""
        from ray._raylet import GcsClient
        from ray.core.generated.gcs_pb2 import GcsNodeInfo

        found = GcsClient(address=self.address).get_all_node_info(timeout=5)
        alive = [info for info in found.values() if info.state == GcsNodeInfo.ALIVE]
        # The head may go by this machine's own address.
        return ["127.0.0.1"] + [i.node_manager_address for i in alive if not i.is_head_node]

    def actors(self, node) -> list[psutil.Process]:
        """The processes of our actors on a node, without their loader processes."""
        ours = [child for child in _children(node) if "ray::Worker" in _name(child)]
        pids = {child.pid for child in ours}
        return [child for child in ours if child.ppid() not in pids]

    def kill(self, node):
        """Kills a node, with all its processes, as a power cut would."""
        for process in _children(node):
            _kill(process)
        node.kill()
        node.wait()
        self.nodes.remove(node)

    def stop(self):
        """Kills all nodes."""
        for node in reversed(self.nodes.copy()):
            self.kill(node)


def settings(folder) -> dict:
    """The environment of a private Ray, that notices a dead node soon."""
    return {
        "RAY_TMPDIR": str(folder),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
        "RAY_health_check_period_ms": "500",
        "RAY_health_check_timeout_ms": "2000",
        "RAY_health_check_failure_threshold": "3",
    }


def lacks_our_package(python: str) -> bool:
    """Whether an interpreter has FiftyOne, and not us."""
    command = (
        "import importlib.util as u; print(u.find_spec('auto_labeling'), u.find_spec('fiftyone'))"
    )
    answer = subprocess.run([python, "-c", command], capture_output=True, text=True, cwd="/")
    return answer.stdout.startswith("None ModuleSpec")


def _hiding(folder):
    """The beginning of a command that runs in a mount namespace of its own."""
    script = 'mount -t tmpfs none "$0" && exec "$@"'
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, folder)


def _children(node):
    try:
        return psutil.Process(node.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _name(process):
    try:
        return " ".join(process.cmdline()[:1])
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def _kill(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def _free_port():
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]
