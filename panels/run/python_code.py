"""Python code to copy from the page of an approved run: to load, export and evaluate its labels.

Models and exporters work on samples of one media type and not on groups, so the code for a grouped
dataset selects the slices that hold the labels.
"""

import fiftyone.core.fields as fof
import fiftyone.core.media as fom
from fiftyone.core.dataset import Dataset

from auto_labeling.core.run import Run, Task
from auto_labeling.lifecycle import media
from auto_labeling.review import approval

_EXPORTS = {
    Task.CLASSIFICATION: "ImageClassificationDirectoryTree",
    Task.DETECTION: "COCODetectionDataset",
    Task.INSTANCE_SEGMENTATION: "COCODetectionDataset",
}


def load(dataset: Dataset, run: Run) -> str:
    """Returns the code that loads a run's labels and its provenance.

    Args:
        dataset: the dataset
        run: an approved run
    """
    selected, others = _selection(dataset, run)
    lines = [
        "import fiftyone as fo",
        "",
        f"dataset = fo.load_dataset({dataset.name!r})",
        f"view = dataset{selected}.exists({run.config.label_field!r})",
    ]
    if others:
        lines.append(f"# Labels in other slices, of another media type: {', '.join(others)}")
    lines += [
        f"info = dataset.get_run_info({approval.provenance_key(run)!r})",
        "print(info.config)  # how they were made",
    ]
    return "\n".join(lines)


def export(dataset: Dataset, run: Run) -> str:
    """Returns the code that exports ``view``, in a format that its media allow.

    Args:
        dataset: the dataset
        run: an approved run
    """
    slices = media.labeled_slices(dataset, run.config.label_field)
    kind = next(iter(slices.values()), dataset.media_type)
    exporter = _EXPORTS.get(run.config.task) if kind == fom.IMAGE else None
    return (
        "view.export(\n"
        '    export_dir="/path/to/export",\n'
        f"    dataset_type=fo.types.{exporter or 'FiftyOneDataset'},\n"
        f"    label_field={run.config.label_field!r},\n"
        ")"
    )


def evaluate(dataset: Dataset, run: Run) -> str:
    """Returns the code that compares ``view`` with other labels; "" if there are none.

    Args:
        dataset: the dataset
        run: an approved run
    """
    truth = _other_field(dataset, run)
    if not truth:
        return ""
    task = run.config.task
    kind = "classifications" if task is Task.CLASSIFICATION else "detections"
    masks = "    use_masks=True,\n" if task is Task.INSTANCE_SEGMENTATION else ""
    return (
        f"results = view.evaluate_{kind}(\n"
        f"    {run.config.label_field!r},\n"
        f"    gt_field={truth!r},\n"
        f"    eval_key='auto_labeling',\n{masks}"
        ")\n"
        "results.print_report()"
    )


def _selection(dataset: Dataset, run: Run) -> tuple[str, list[str]]:
    """The call that selects slices of one media type, or "", and the slices that it leaves out."""
    slices = media.labeled_slices(dataset, run.config.label_field)
    names = [name for name, kind in slices.items() if kind == next(iter(slices.values()))]
    others = [name for name in slices if name not in names]
    return (f".select_group_slices({names!r})" if names else ""), others


def _other_field(dataset: Dataset, run: Run) -> str:
    """Another field of the same kind of labels, to compare with; "" if there is none."""
    field = run.config.label_field
    kind = dataset.get_field(field).document_type
    fields = dataset.get_field_schema(ftype=fof.EmbeddedDocumentField, embedded_doc_type=kind)
    others = [name for name in fields if name not in (field, run.source)]
    return next((n for n in others if "truth" in n or n.startswith("gt")), next(iter(others), ""))
