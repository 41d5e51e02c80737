"""The two ways to see the demo: in the App, or as printed steps."""

import json
import logging
import socket
from collections.abc import Mapping
from pathlib import Path

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.plugins as fop

from auto_labeling import sdk
from auto_labeling.core.names import PANEL, PLUGIN
from auto_labeling.core.run import Progress, RunState, Task
from auto_labeling.demo import data
from auto_labeling.review.summary import Summary

DATASET = "auto-labeling-demo"
_CONFIDENCE = 0.1
_PROMOTE_FROM = 0.5


def app(folder: Path, images: int, port: int) -> None:
    """Opens the App with the panel beside the grid, and waits for Ctrl-C.

    Args:
        folder: the folder for the demo's files
        images: the number of images to create
        port: the port of the App, if it is free
    """
    dataset = data.make_dataset(DATASET, n_shapes=images, folder=folder / "images")
    # Otherwise FiftyOne explains at length how to tunnel to another machine.
    logging.getLogger("fiftyone").setLevel(logging.ERROR)
    session = fo.launch_app(
        dataset,
        port=_free_port(port),
        address="127.0.0.1",
        remote=True,
        spaces=fo.Space(
            children=[_space(fo.Panel(type="Samples", pinned=True)), _space(fo.Panel(type=PANEL))],
            orientation="horizontal",
        ),
    )
    print(
        f"\nThe App is at http://127.0.0.1:{session.server_port}\n\n"
        "Dismiss the App's greeting, if it shows one.\n"
        "Click first: 'Auto Label' in the panel beside the images. For the generated images (tag\n"
        "'shapes' in the sidebar) choose task 'Detection' and the model 'shapes-yolo', or\n"
        "'Instance segmentation' and 'shapes-yolo-seg' for masks; 'shapes-sam' makes masks out of\n"
        "another model's boxes or those of 'ground_truth'. For photographs (tag 'photos') choose\n"
        "'Classification' and 'efficientnet-lite0-imagenet'.\n"
        f"A worker is running; its output is in {folder / 'worker.log'}\n"
        "Ctrl-C stops everything.\n",
        flush=True,
    )
    try:
        session.wait(-1)
    finally:
        session.close()


def _space(panel: fo.Panel) -> fo.Space:
    """Returns a space that shows one panel."""
    return fo.Space(children=[panel], active_child=panel.component_id)


def headless(folder: Path, images: int) -> None:
    """Configures, generates, reviews, promotes and approves a run; prints the results.

    Args:
        folder: the folder for the demo's files
        images: the number of images to create
    """
    dataset = data.make_dataset(DATASET, n_shapes=images, folder=folder / "images")
    view = dataset.match_tags("shapes")
    print(f"Dataset '{dataset.name}': {len(dataset):,} images, {len(view):,} of them generated")
    run = sdk.start(
        view,
        task=Task.DETECTION,
        model="shapes-yolo",
        label_field="predictions",
        confidence=_CONFIDENCE,
        name="Shapes",
        author="demo",
    )
    print(f"Run {run.id} '{run.name}' is queued; waiting for the worker process")
    run.wait(report=_ProgressPrinter())
    staged = sdk.labels(run)
    print(f"\nIn Review: {staged.total:,} labels, {run.failed:,} samples failed")
    _print_table(staged)
    _print_score("all staged labels", data.score(dataset, run.staging_field))

    sdk.promote(run, min_confidence=_PROMOTE_FROM)
    promoted = sdk.labels(run, "approval")
    print(f"\nPromoted labels with confidence {_PROMOTE_FROM} or more:")
    _print_table(promoted)
    sdk.approve(run, by="demo")
    _print_score(f"approved labels in '{run.label_field}'", data.score(dataset, "predictions"))
    print(
        json.dumps(
            {
                "run": run.id,
                "samples": run.samples,
                "staged": staged.total,
                "promoted": promoted.total,
                "approved": dataset.count("predictions.detections"),
                "state": run.reload().state.value,
                "discovered": discovered(),
            }
        ),
        flush=True,
    )


def discovered() -> list[str]:
    """Returns our plugin, operators and panels, as FiftyOne lists them."""
    plugins = [p.name for p in fop.list_plugins() if p.name == PLUGIN]
    uris = [o.uri for o in foo.list_operators() if o.uri.startswith(f"{PLUGIN}/")]
    return plugins + sorted(uris)


class _ProgressPrinter:
    """Prints the progress of a run when it has changed."""

    def __init__(self) -> None:
        self._last_line = ""

    def __call__(self, run: sdk.Run, progress: Progress | None) -> None:
        if run.state is not RunState.GENERATING or not progress:
            return
        rate = f", {progress.rate:.1f} samples/s" if progress.rate else ""
        line = f"  {progress.done / run.samples:4.0%}  {progress.labels:,} labels{rate}"
        if line != self._last_line:
            print(line, flush=True)
        self._last_line = line


def _print_table(summary: Summary) -> None:
    print(f"  {'Label':<24}{'Instances':>16}{'Mean confidence':>18}")
    for row in summary.rows:
        confidence = "" if row.confidence is None else f"{row.confidence:.3f}"
        instances = f"{row.current:,} of {row.total:,}"
        print(f"  {row.label:<24}{instances:>16}{confidence:>18}")


def _print_score(labels: str, score: Mapping[str, float]) -> None:
    print(f"Compared with the ground truth, {labels}: precision {score['precision']:.3f}, ", end="")
    print(f"recall {score['recall']:.3f}")


def _free_port(preferred: int) -> int:
    """Returns the preferred port, or another one if it is taken."""
    with socket.socket() as probe:
        # As servers do: otherwise the port of a demo that has just ended counts as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
