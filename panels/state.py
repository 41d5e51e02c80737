"""What the panel remembers between two events: a typed window on ``ctx.panel.state``.

Everything else is read from the database at each event. The state comes back from a browser,
so each part is checked for its kind when it is read.
"""

import json

from auto_labeling import answers

PAGES = ("home", "configure", "existing", "progress", "review", "done")

#: The page for existing labels before anybody has answered.
BLANK = {"source": "", "goes_to": "new", "label_field": "", "name": ""}

_MOST_MOVES = 10**9

_GROUPS = {
    "what": ("target", "task", "method", "model_type"),
    "model": ("family", "version", "size", "variant", "model"),
    "parts": ("checkpoint", "segmenter", "source_field"),
    "classes": ("classes", "vocabulary"),
    "labels": ("label_field", "name", "confidence", "max_labels"),
    "masks": ("masks", "mask_location"),
    "machine": ("device", "half"),
}
#: The group of the configure page in which each answer stands.
FORM_GROUPS = {name: group for group, names in _GROUPS.items() for name in names}


class PanelState:
    """A window on a panel's state; ``forget`` is the way to start over.

    Args:
        ctx: the :class:`fiftyone.operators.executor.ExecutionContext`
    """

    def __init__(self, ctx):
        self._ctx = ctx
        self._state = ctx.panel.state

    def forget(self):
        """Starts over; only moves are counted on."""
        moves = self.moves
        self._state.clear()
        self.moves = moves

    def text(self) -> str:
        """The state as text, to see whether it has changed."""
        return json.dumps(self._ctx.panel_state, sort_keys=True, default=str)

    def _get(self, key, kind, default):
        value = self._state.get(key)
        return value if isinstance(value, kind) else default

    def _set(self, key, value):
        if self._state.get(key) != value:
            self._state.set(key, value)

    @property
    def page(self) -> str:
        page = self._get("page", str, "home")
        return page if page in PAGES else "home"

    @page.setter
    def page(self, page):
        self._set("page", page)

    @property
    def moves(self) -> int:
        """How often somebody has done something in this panel; see ``events.is_late``."""
        moves = self._get("moves", int, 0)
        return moves if 0 <= moves < _MOST_MOVES else 0

    @moves.setter
    def moves(self, moves):
        self._set("moves", moves)

    @property
    def run_id(self) -> str:
        return self._get("run_id", str, "")

    @run_id.setter
    def run_id(self, run_id):
        self._set("run_id", run_id)

    @property
    def staging_field(self) -> str:
        """The field on which the panel has set filters."""
        return self._get("staging_field", str, "")

    @staging_field.setter
    def staging_field(self, name):
        self._set("staging_field", name)

    @property
    def form(self) -> dict:
        """The answers on the configure page. Its controls write them, in groups, by this name."""
        groups = self._get("form", dict, {})
        said = {}
        for name, value in answers.blank().items():
            group = groups.get(FORM_GROUPS[name])
            said[name] = group.get(name, value) if isinstance(group, dict) else value
        return said

    @form.setter
    def form(self, form):
        groups = {}
        for name, value in form.items():
            groups.setdefault(FORM_GROUPS[name], {})[name] = value
        self._set("form", groups)

    def answer(self, name, value):
        """Sets one answer; the others keep their cursor."""
        self._set(f"form.{FORM_GROUPS[name]}.{name}", value)

    @property
    def remembered(self) -> dict:
        """The choices that led to models, and what was answered for each model."""
        return self._get("remembered", dict, {})

    @remembered.setter
    def remembered(self, remembered):
        self._set("remembered", remembered)

    @property
    def target_counts(self) -> dict:
        """The numbers of target samples that the configure page shows."""
        return self._get("target_counts", dict, {})

    @target_counts.setter
    def target_counts(self, counts):
        self._set("target_counts", {target.value: number for target, number in counts.items()})

    @property
    def existing(self) -> dict:
        """The answers on the page for existing labels. Its controls write them."""
        given = self._get("existing", dict, {})
        return {**BLANK, **{name: v for name, v in given.items() if isinstance(v, str)}}

    @existing.setter
    def existing(self, answers):
        self._set("existing", answers)

    @property
    def problems(self) -> dict:
        """What is wrong on the configure page: sentences by field."""
        problems = self._get("problems", dict, {})
        return {str(k): v for k, v in problems.items() if isinstance(v, str)}

    @problems.setter
    def problems(self, problems):
        self._set("problems", problems)

    @property
    def question(self) -> str:
        """What the panel has asked to confirm: ``"cancel"``, ``"delete"`` or nothing."""
        return self._get("question", str, "")

    @question.setter
    def question(self, question):
        self._set("question", question)

    @property
    def dataset(self) -> str:
        """The dataset that all of this is about."""
        return self._get("dataset", str, "")

    @dataset.setter
    def dataset(self, name):
        self._set("dataset", name)

    @property
    def users_fields(self) -> list:
        """The fields that the grid showed before a review began."""
        return self._get("users_fields", list, [])

    @users_fields.setter
    def users_fields(self, fields):
        self._set("users_fields", fields)
