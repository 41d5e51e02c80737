"""Fresh places to install into: a Python environment and a plugins directory.

A fresh environment sees the packages of the one that runs the tests, but not its editable install
of this checkout: folders named in a ``.pth`` file are searched, their own ``.pth`` files are not
read. Only so can a test tell which copy of the code a process holds.
"""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

DISCOVERY = Path(__file__).with_name("discovery.py")
NAME = "@auto-labeling/auto-labeling"


@dataclass
class Environment:
    """A Python environment and a plugins directory, both fresh."""

    python: Path
    plugins: Path
    elsewhere: Path

    def run(self, *command, check=True) -> subprocess.CompletedProcess:
        """Runs a command far from any checkout, with this plugins directory."""
        hidden = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONSAFEPATH")
        variables = {k: v for k, v in os.environ.items() if k not in hidden}
        variables["FIFTYONE_PLUGINS_DIR"] = str(self.plugins)
        result = subprocess.run(
            [str(part) for part in command],
            cwd=self.elsewhere,
            env=variables,
            capture_output=True,
            text=True,
            timeout=100,
        )
        if check:
            assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
        return result

    def fiftyone(self, *arguments) -> str:
        """Runs the ``fiftyone`` command. Returns what it prints."""
        command = "from fiftyone.core.cli import main; main()"
        return self.run(self.python, "-c", command, *arguments).stdout

    def script(self, name: str) -> Path:
        return self.python.with_name(name)

    def discover(self) -> dict:
        """Asks a fresh process what FiftyOne discovers, and which code it holds."""
        return json.loads(self.run(self.python, DISCOVERY, NAME).stdout.splitlines()[-1])


def around(python: Path, folder: Path) -> Environment:
    """An interpreter with a fresh plugins directory."""
    (folder / "plugins").mkdir()
    (folder / "elsewhere").mkdir()
    return Environment(python, folder / "plugins", folder / "elsewhere")


def make_environment(folder: Path, wheel: Path | None = None) -> Environment:
    """Makes an :class:`Environment`, with ``wheel`` installed by pip if one is given."""
    home = folder / "environment"
    venv.create(home, symlinks=True)
    scripts = home / ("Scripts" if sys.platform == "win32" else "bin")
    environment = around(scripts / "python", folder)
    if wheel:  # before the other packages become visible, so that pip leaves them alone
        pip = [sys.executable, "-m", "pip", "--python", environment.python]
        environment.run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(environment.run(environment.python, "-c", ask).stdout.strip())
    paths = dict.fromkeys(sysconfig.get_path(key) for key in ("purelib", "platlib"))
    (site / "tests.pth").write_text("\n".join(paths) + "\n")
    return environment
