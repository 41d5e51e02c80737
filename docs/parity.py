"""The actions of the panel, with the function, command and operator that do the same.

``tests/integration/test_parity.py`` does each action in every way and compares the stored results.
It fails if an event of the panel is not in this table. ``docs/reference.md`` shows the table.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """An action that a person can take.

    Args:
        events: the panel's events that do it
        title: its name in the reference
        sdk: the function of ``auto_labeling``
        verb: the verb of the command line
        operator (""): the operator; empty if there is none
    """

    events: tuple[str, ...]
    title: str
    sdk: str
    verb: str
    operator: str = ""


ACTIONS = (
    Action(("start",), "Start a run", "start", "run", "start_run"),
    Action(
        ("make_persistent",),
        "Make a dataset persistent, and start a run",
        "start",
        "run --persist",
        "start_run",
    ),
    Action(
        ("start_import",),
        "Review the labels of a field",
        "import_labels",
        "import",
        "import_labels",
    ),
    Action(("cancel",), "Cancel", "cancel", "cancel", "cancel_run"),
    Action(("resume",), "Resume, or retry the failed samples", "resume", "resume", "resume_run"),
    Action(
        ("label_again",),
        "Label all samples again",
        "resume",
        "resume --again",
        "resume_run",
    ),
    Action(("skip",), "Skip and continue review", "skip", "skip"),
    Action(("promote",), "Promote labels", "promote", "promote", "promote_labels"),
    Action((), "Draw and answer a pilot", "quality.pilot", "quality"),
    Action((), "Freeze the labels of an audit", "quality.freeze", "quality"),
    Action((), "Look at the next labels of an audit", "quality.page", "quality"),
    Action((), "Answer for labels of an audit", "quality.answer", "quality"),
    Action((), "Undo answers of an audit", "quality.undo", "quality"),
    Action((), "Abandon an audit", "quality.abandon", "quality"),
    Action(("reject",), "Reject labels", "reject", "reject", "reject_labels"),
    Action(
        ("undo_rejected", "undo_all_rejected"),
        "Undo the rejection of labels",
        "undo",
        "undo --tab",
        "undo_promotion",
    ),
    Action((), "Relabel labels", "relabel", "relabel", "relabel_labels"),
    Action((), "Set thresholds by class", "thresholds", "thresholds", "set_thresholds"),
    Action(
        (),
        "Promote labels above their thresholds",
        "promote",
        "promote --above-thresholds",
        "promote_labels",
    ),
    Action((), "Reject duplicates", "duplicates", "duplicates --reject", "reject_duplicates"),
    Action(("undo_last",), "Undo the last action", "undo_last", "undo --last", "undo_last_action"),
    Action(
        ("undo_class", "undo_all"), "Undo the promotion of labels", "undo", "undo", "undo_promotion"
    ),
    Action(("approve", "finish_approval"), "Approve", "approve", "approve", "approve_run"),
    Action(("rename",), "Rename", "rename", "rename"),
    Action(("delete",), "Delete", "delete", "delete", "delete_run"),
    Action(("duplicate",), "Duplicate the settings of a run", "export_config", "show", ""),
)

#: Things to look at: they store nothing, so there is nothing to compare.
VIEWS = (
    Action((), "The runs of a dataset", "runs", "list", "list_runs"),
    Action((), "One run", "get", "show"),
    Action((), "Progress of a run", "progress", "watch"),
    Action((), "Failed samples", "failures", "show"),
    Action((), "Labels by class", "labels", "labels"),
    Action((), "Actions of a review", "history", "history", "list_actions"),
    Action((), "Labels by size and distance", "labels_view", "labels"),
    Action((), "Effects of an approval", "decision", "approve"),
    Action((), "Size of an audit", "quality.plan", "quality"),
    Action((), "State of an audit", "quality.status", "quality"),
    Action((), "Certificate", "quality.certificate", "certificate"),
    Action((), "Verification of a certificate", "quality.verify", "certificate --verify"),
    Action((), "The models", "list_models", "models"),
    Action(("preview",), "Preview on a few samples", "preview", "preview"),
    Action((), "Errors in the settings", "check", "run --dry-run"),
    Action((), "Preflight report", "preflight", "run --dry-run"),
    Action((), "Live workers", "workers", "workers"),
    Action((), "Leftovers, and their repair", "doctor", "doctor"),
    Action(("convert_files",), "Point clouds of a dataset", "convert_samples", "convert --dataset"),
    Action((), "Point clouds in other formats", "convert_point_clouds", "convert"),
    Action((), "The end of a run's log", "log_tail", "show --log"),
)

#: Events that only navigate: they open a page or a question, or go back, and store nothing.
NAVIGATION = frozenset(
    {
        *("on_load", "on_unload", "on_change_dataset", "on_change_view", "on_change_selected"),
        *(
            "go_on_alone",
            "refresh",
            "look_for_changes",
            "go_home",
            "new_run",
            "open_run",
            "import_labels",
            "dismiss",
            "unfold",
            "toggle_failures",
        ),
        *("ask_cancel", "ask_delete", "ask_rename", "ask_approve", "choose_empty"),
        # Answers on a page that wait for its button.
        *("edit", "edit_existing", "edit_name", "edit_search", "add_listed", "clear_ids"),
        # Filters of the grid or of a list.
        *("list_status", "turn_runs", "show_failed", "show_labels", "select_tab", "turn"),
        *(
            "slide_confidence",
            "click_bar",
            "toggle_class",
            "toggle_without",
            "clear_filters",
            "set_limit",
            "search",
        ),
        *("toggle_patches", "toggle_empty", "show_slice", "sort_classes"),
        "hide_preview",
    }
)
