"""What a dataset and its runs hold, for comparing before and after."""

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
