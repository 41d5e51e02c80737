"""The contents of a custom model's files, read without running their code.

They are those of this machine's file; on a worker the same path may be another file.
"""

import os
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from auto_labeling.core import text
from auto_labeling.core.run import ModelType, Task
from auto_labeling.models import downloads, label_kinds, pickles
from auto_labeling.models.spec import ModelSpec

ULTRALYTICS, SCRIPT, MODULE, STATE = "ultralytics", "TorchScript", "module", "state"

# The task of Ultralytics' networks that do not say it themselves: the end of the class's name.
_TASKS = {
    "OBBModel": "obb",
    "PoseModel": "pose",
    "SemanticSegmentationModel": "semantic",
    "SemanticModel": "semantic",
    "SegmentationModel": "segment",
    "SegModel": "segment",
    "ClassificationModel": "classify",
    "DepthModel": "depth",
    "DetectionModel": "detect",
    "WorldModel": "detect",
    "YOLOEModel": "detect",
}


@dataclass(frozen=True)
class Checkpoint:
    """The contents of a file.

    Args:
        holds: :data:`ULTRALYTICS`, :data:`SCRIPT`, :data:`MODULE` for a pickled network, or
            :data:`STATE` for weights without one; empty if it cannot be told
        task: Ultralytics' word for the network's task; empty if it cannot be told
        names: the class of each output; None if it cannot be told
        problem: the problem with the names; empty if there is none
    """

    holds: str = ""
    task: str = ""
    names: tuple[str, ...] | None = None
    problem: str = ""


def read(path: str) -> Checkpoint:
    """Reads a file on this machine; one that is not there gives an empty :class:`Checkpoint`."""
    try:
        stat = os.stat(path)
    except (OSError, ValueError):
        return Checkpoint()
    return _read(path, stat.st_mtime_ns, stat.st_size)


def misfit(spec: ModelSpec, path: str) -> str:
    """Why a file does not fit its entry in the catalog.

    Args:
        spec: the :class:`auto_labeling.models.spec.ModelSpec`
        path: the file, or the id of a Hugging Face model

    Returns:
        a sentence; empty if it can, or it is not on this machine
    """
    name, checkpoint = os.path.basename(path), read(path)
    if spec.family == "custom-ultralytics":
        if not path.endswith(".pt"):
            return f"{name} is not a .pt file: name a checkpoint trained with Ultralytics"
        if checkpoint.holds == ULTRALYTICS:
            return label_kinds.misfit(name, checkpoint.task, spec.task) or checkpoint.problem
        if checkpoint.holds:
            return f"{name} holds {_CONTENTS[checkpoint.holds]}, not an Ultralytics checkpoint"
    if spec.family == "custom-torch" and checkpoint.holds in (ULTRALYTICS, STATE):
        return f"{name} holds {_CONTENTS[checkpoint.holds]}, not a network that classifies"
    if spec.source == "zoo" and spec.model_type is ModelType.FIXED_VOCABULARY:
        return of_hub(path, downloads.hub_config(path).get("architectures"), spec.task)
    return ""


def of_hub(name: str, architectures: Any, task: Task) -> str:
    """Why a Hugging Face model cannot do a task, by its architecture; empty if it can.

    Args:
        name: its id, or its folder
        architectures: the list in its configuration, if there is one
        task: the :class:`auto_labeling.core.run.Task`
    """
    first = architectures[0] if isinstance(architectures, (list, tuple)) and architectures else ""
    if not isinstance(first, str):
        return ""
    return label_kinds.misfit(name, label_kinds.of_architecture(first), task)


def class_names(path: str) -> tuple[str, ...] | None:
    """The class of each output of an Ultralytics checkpoint, if it is on this machine."""
    names = read(path).names
    # Ultralytics puts the words of ImageNet in place of its codes.
    return None if names and names[0].startswith("n0") else names


def by_output(
    name: str, names: Iterable[Any] | Mapping[Any, Any] | None, outputs: int | None
) -> tuple[tuple[str, ...] | None, str]:
    """Puts the names of classes to the outputs of a network, by position.

    Args:
        name: of the model, for people
        names: a list, or a dict from number to name, which may begin at 1
        outputs: how many outputs there are, if that is known

    Returns:
        ``(names, problem)``: a name for each output, or None and a sentence
    """
    try:
        if names is None:
            raise TypeError
        known = names if isinstance(names, dict) else dict(enumerate(names))
        numbered = sorted((int(number), label) for number, label in known.items())
        if not all(isinstance(label, (str, int, float)) for _, label in numbered):
            raise TypeError
    except (TypeError, ValueError):
        return None, f"{name} does not name its classes by number"
    labels = tuple(str(label) for _, label in numbered)
    is_whole = [number for number, _ in numbered] == list(range(len(labels)))
    if outputs is None or outputs == len(labels):
        return labels, ""
    if len(labels) > outputs and is_whole:
        return labels[:outputs], ""
    gaps = "" if is_whole else f", numbered {', '.join(str(n) for n, _ in numbered[:8])}"
    return None, mismatch(name, outputs, len(labels), gaps)


def mismatch(name: str, outputs: int, classes: int, detail: str = "") -> str:
    """A sentence on a network whose outputs are not as many as their names.

    Args:
        name: of the model, for people
        outputs: how many outputs it has
        classes: how many names there are
        detail (""): more about the names, to follow their number
    """
    return (
        f"{name} has {text.count(outputs, 'output')} and names {text.count(classes, 'class')}"
        f"{detail}: name each output, in order"
    )


_CONTENTS = {
    ULTRALYTICS: "an Ultralytics checkpoint",
    SCRIPT: "a TorchScript program",
    MODULE: "a pickled network",
    STATE: "weights without a network (a state dict)",
}


@lru_cache(maxsize=64)
def _read(path: str, _changed: int, _size: int) -> Checkpoint:
    try:
        with zipfile.ZipFile(path) as archive:
            inside = {name.partition("/")[2]: name for name in archive.namelist()}
            if "constants.pkl" in inside:
                return Checkpoint(SCRIPT)
            if "data.pkl" not in inside:
                return Checkpoint()
            with archive.open(inside["data.pkl"]) as file:
                return _of(os.path.basename(path), pickles.read(file.read(pickles.MAX_BYTES + 1)))
    except (OSError, ValueError, RuntimeError, NotImplementedError, EOFError, zipfile.BadZipFile):
        return Checkpoint()  # loading it reports the problem


def _of(path: str, root: Any) -> Checkpoint:
    if isinstance(root, pickles.Thing):
        # A state dict is an OrderedDict of tensors.
        return Checkpoint(STATE if root.made_by.endswith("OrderedDict") else MODULE)
    if not isinstance(root, dict):
        return Checkpoint()
    network = root.get("ema") or root.get("model")
    if not isinstance(network, pickles.Thing) or not isinstance(network.state, dict):
        return Checkpoint(STATE)
    if not network.made_by.startswith("ultralytics.") and "train_args" not in root:
        return Checkpoint()  # another library's
    names, problem = by_output(path, network.attribute("names"), _outputs(network))
    return Checkpoint(ULTRALYTICS, _task(network), names, problem)


def _task(network: pickles.Thing) -> str:
    task = network.attribute("task")
    if isinstance(task, str):
        return task
    last = network.made_by.rpartition(".")[2]
    return next((known for end, known in _TASKS.items() if last.endswith(end)), "")


def _outputs(network: pickles.Thing) -> int | None:
    """How many classes the last layer tells apart."""
    layers = _children(_children(network).get("model"))
    head = layers[max(layers, key=_number)] if layers else None
    if isinstance(head, pickles.Thing):
        linear = _children(head).get("linear")
        outputs = head.attribute("nc")
        if outputs is None and isinstance(linear, pickles.Thing):
            outputs = linear.attribute("out_features")
        if isinstance(outputs, int):
            return outputs
    settings = network.attribute("yaml")
    outputs = settings.get("nc") if isinstance(settings, dict) else None
    return outputs if isinstance(outputs, int) else None


def _number(name: Any) -> int:
    return int(name) if str(name).isdecimal() else -1


def _children(module: Any) -> dict[Any, Any]:
    children = module.attribute("_modules") if isinstance(module, pickles.Thing) else None
    if isinstance(children, pickles.Thing):  # an OrderedDict
        return children.items
    return children if isinstance(children, dict) else {}
