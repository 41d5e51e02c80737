"""What the panel can do, and how a script, a command and an operator do the same.

``tests/integration/test_parity.py`` does each action in every way and compares what is stored; it
fails where the panel has an event that is not in this table. ``docs/reference.md`` shows the table.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """Something that a person can do.

    Args:
        events: the panel's events that do it
        what: what it is
        sdk: the function of ``auto_labeling``
        verb: the verb of the command line
        operator: the operator; empty if there is none
    """

    events: tuple
    what: str
    sdk: str
    verb: str
    operator: str = ""


ACTIONS = (
    Action(("start",), "Start a run", "start", "run", "start_run"),
    Action(
        ("make_persistent",),
        "Start a run of a dataset that is not persistent",
        "start",
        "run --persist",
        "start_run",
    ),
    Action(
        ("start_import",),
        "Review the labels that a field has",
        "import_labels",
        "import",
        "import_labels",
    ),
    Action(("cancel",), "Cancel", "cancel", "cancel", "cancel_run"),
    Action(("resume",), "Resume, or retry what failed", "resume", "resume", "resume_run"),
    Action(
        ("label_again",),
        "Label again what was deleted by hand",
        "resume",
        "resume --again",
        "resume_run",
    ),
    Action(("skip",), "Skip and continue review", "skip", "skip"),
    Action(("promote",), "Promote labels", "promote", "promote", "promote_labels"),
    Action(("undo_class", "undo_all"), "Take labels back", "undo", "undo", "undo_promotion"),
    Action(("approve", "finish_approval"), "Approve", "approve", "approve", "approve_run"),
    Action(("rename",), "Rename", "rename", "rename"),
    Action(("delete",), "Delete", "delete", "delete", "delete_run"),
    Action(("duplicate",), "Take the answers of a run for another", "export_config", "show", ""),
)

#: What a person looks at; nothing is stored, so there is nothing to compare.
LOOKS = (
    Action((), "The runs of a dataset", "runs", "list", "list_runs"),
    Action((), "One run", "get", "show"),
    Action((), "How far a run is", "progress", "watch"),
    Action((), "The samples that failed", "failures", "show"),
    Action((), "The labels by class", "labels", "labels"),
    Action((), "What an approval would do", "decision", "approve"),
    Action((), "The models", "list_models", "models"),
    Action(("preview",), "A model on a few samples", "preview", "preview"),
    Action((), "What is wrong with the answers", "check", "run --dry-run"),
    Action((), "How things stand for a run", "preflight", "run --dry-run"),
    Action((), "The workers that are alive", "workers", "workers"),
    Action((), "What was left behind, and its repair", "doctor", "doctor"),
    Action((), "The end of a run's log", "log_tail", "show --log"),
)

#: Events that only open a page or a question, or go back: nothing is stored.
NAVIGATION = frozenset(
    {
        *("on_load", "on_unload", "on_change_dataset", "on_change_view", "on_change_selected"),
        *("refresh", "go_home", "new_run", "open_run", "import_labels", "dismiss", "unfold"),
        *("ask_cancel", "ask_delete", "ask_rename", "ask_approve", "choose_empty"),
        # Answers on a page that wait for its button.
        *("edit", "edit_existing", "edit_name", "edit_search", "add_listed", "clear_ids"),
        # What the grid or a list shows.
        *("list_status", "turn_runs", "show_failed", "show_labels", "select_tab", "turn"),
        *(
            "slide_confidence",
            "click_bar",
            "toggle_class",
            "toggle_without",
            "clear_filters",
            "search",
        ),
        *("toggle_patches", "toggle_empty"),
        "hide_preview",
    }
)
