"""Labels that people add to a staging field by script."""

import fiftyone as fo


def box(label, **attributes):
    """A small detection."""
    return fo.Detection(label=label, bounding_box=[0.1, 0.1, 0.2, 0.2], **attributes)


def add(dataset, run, number, label, **attributes):
    """Adds a label as a person does by script."""
    sample = dataset.match({"number": number}).first()
    if run.record.many:
        sample[run.record.staging_field].detections.append(box(label, **attributes))
    else:
        sample[run.record.staging_field] = fo.Classification(label=label, **attributes)
    sample.save()
