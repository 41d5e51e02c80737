"""The names under which FiftyOne, the database and other modules know this plugin."""

PACKAGE = "auto_labeling"
PLUGIN = "@auto-labeling/auto-labeling"
GENERATE_OPERATOR = f"{PLUGIN}/generate_labels"
PANEL = "auto_labeling_panel"

RUNS_STORE = "auto_labeling"
CHUNKS_STORE = "auto_labeling.chunks"
HISTORY_STORE = "auto_labeling.history"
SPEEDS_STORE = "auto_labeling.speeds"
WORKERS_STORE = "auto_labeling.workers"
INQUIRIES_STORE = "auto_labeling.inquiries"
AUDITS_STORE = "auto_labeling.audits"
LOGS_STORE = "auto_labeling.logs"

STAGING_SUFFIX = "_in_review"

#: In place of a run's id: the newest run of a dataset.
LATEST = "latest"


def staging_field(label_field: str) -> str:
    """The field in which the labels meant for ``label_field`` wait for approval."""
    return label_field + STAGING_SUFFIX


#: Where mask files are until they are whole, in their run's folder.
UNFINISHED_MASKS = ".unfinished"
