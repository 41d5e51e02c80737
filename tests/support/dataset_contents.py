"""What a dataset and its runs hold, for comparing before and after."""

import fiftyone as fo

from auto_labeling.lifecycle import labeling


def only_run(dataset):
    """The one run of a dataset."""
    (run,) = labeling.runs(dataset)
    return run


def everything_but(dataset, *fields):
    """All that a user had, for comparing before and after."""
    dataset.reload()
    ignored = {"last_modified_at", "_last_modified_at", *fields}
    samples = [
        {k: v for k, v in sample.to_mongo_dict(include_id=True).items() if k not in ignored}
        for sample in dataset
    ]
    schema = {n: str(f) for n, f in dataset.get_field_schema().items() if n not in ignored}
    return samples, schema


def everything(dataset):
    """Samples, schema and runs, as they are stored."""
    dataset.reload()
    documents = list(dataset._sample_collection.find())
    return documents, sorted(dataset.get_field_schema(flat=True)), labeling.runs(dataset)


def undeclared_fields(dataset):
    """Reads every sample as another process would. Returns the stored fields that no schema has."""
    again = fo.load_dataset(dataset.name, reload=True)
    declared = {field.db_field or name for name, field in again.get_field_schema().items()}
    for sample in again.iter_samples(progress=False):
        sample.to_dict()
    stored = set().union(*dataset._sample_collection.find())
    return stored - declared - {"_media_type", "_rand", "_cls", "_dataset_id"}
