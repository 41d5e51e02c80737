"""What the panel remembers between two events, for each window of a browser.

The window keeps it, and sends it with each event (``components/index.js``); where the App has not
loaded that script, it is the panel's state. Everything else is read from the database at each
event. What comes back from a browser is checked for its kind when it is read.
"""

import json
from typing import Any

import pydash
from fiftyone.operators import ExecutionContext

from auto_labeling.app import answers, values
from auto_labeling.app import window as windows
from auto_labeling.app.form_settings import group_of

PAGES = ("home", "configure", "existing", "progress", "review", "done", "working")

#: The page for existing labels before any answer.
BLANK = {"source": "", "goes_to": "new", "label_field": "", "name": ""}

_MAX_MOVES = 10**9
_MAX_DISMISSED = 100


class _WindowValues:
    """What a window keeps: like ``ctx.panel.state``, but not saved with the workspace.

    Args:
        ctx: the :class:`fiftyone.operators.executor.ExecutionContext`
        values: what the window sent with the event
    """

    def __init__(self, ctx: ExecutionContext, values: dict) -> None:
        self._ctx = ctx
        self._values = values

    def get(self, key: str) -> Any:
        return pydash.get(self._values, key)

    def set(self, key: str, value: Any) -> None:
        pydash.set_(self._values, key, value)
        self._ctx.ops.patch_panel_data({key: value})

    def clear(self) -> None:
        self._values.clear()
        self._ctx.ops.clear_panel_data()


class PanelState:
    """What a window's panel remembers; ``forget`` is the way to start over.

    Args:
        ctx: the :class:`fiftyone.operators.executor.ExecutionContext`
    """

    def __init__(self, ctx: ExecutionContext) -> None:
        self._ctx = ctx
        self._own = windows.of(ctx)
        self._state = _WindowValues(ctx, self._own["state"]) if self._own else ctx.panel.state

    @property
    def is_own(self) -> bool:
        """Whether the window keeps it, and the App's workspace does not."""
        return self._own is not None

    @property
    def is_plain(self) -> bool:
        """Whether the panel is drawn by the App alone, which has not loaded our script."""
        return not self.is_own and self._get("is_plain", bool, False)

    @is_plain.setter
    def is_plain(self, is_plain: bool) -> None:
        self._set("is_plain", is_plain)

    def forget(self) -> None:
        """Starts over, in the same window; moves are counted on."""
        moves, window, is_plain = self.moves, self.window, self.is_plain
        self._state.clear()
        self.moves, self.window = moves, window
        if is_plain:
            self.is_plain = True

    def text(self) -> str:
        """The state as text, to see whether it has changed."""
        values = self._own["state"] if self._own else self._ctx.panel_state
        return json.dumps(values, sort_keys=True, default=str)

    def _get(self, key: str, kind: type, default: Any) -> Any:
        value = self._state.get(key)
        return value if isinstance(value, kind) else default

    def _set(self, key: str, value: Any) -> None:
        if self._state.get(key) != value:
            self._state.set(key, value)

    @property
    def page(self) -> str:
        page = self._get("page", str, "home")
        return page if page in PAGES else "home"

    @page.setter
    def page(self, page: str) -> None:
        self._set("page", page)

    @property
    def moves(self) -> int:
        """How many things a person has done in this panel; see ``events.is_late``."""
        moves = self._get("moves", int, 0)
        return moves if 0 <= moves < _MAX_MOVES else 0

    @moves.setter
    def moves(self, moves: int) -> None:
        self._set("moves", moves)

    @property
    def window(self) -> str:
        """Which window of a browser this is: all windows of a session share the panel's id."""
        if self._own is not None:
            return str(self._own["id"])
        return values.name_of(self._get("window", str, "")) or self._ctx.panel.id

    @window.setter
    def window(self, window: str) -> None:
        if self._own is None:
            self._set("window", window)

    @property
    def run_id(self) -> str:
        return values.name_of(self._get("run_id", str, ""))

    @run_id.setter
    def run_id(self, run_id: str) -> None:
        self._set("run_id", run_id)

    @property
    def staging_field(self) -> str:
        """The field on which the panel has set filters."""
        return self._get("staging_field", str, "")

    @staging_field.setter
    def staging_field(self, name: str) -> None:
        self._set("staging_field", name)

    @property
    def form(self) -> dict:
        """The answers on the configure page. Its controls write them, in groups, by this name."""
        groups = self._get("form", dict, {})
        form = {}
        for name, value in answers.blank().items():
            group = groups.get(group_of()[name])
            form[name] = group.get(name, value) if isinstance(group, dict) else value
        return form

    @form.setter
    def form(self, form: dict) -> None:
        groups: dict[str, dict[str, Any]] = {}
        for name, value in form.items():
            groups.setdefault(group_of()[name], {})[name] = value
        self._set("form", groups)

    def answer(self, name: str, value: Any) -> None:
        """Sets one answer; the others keep their cursor.

        Args:
            name: the name of the answer
            value: its value
        """
        group = self._get("form", dict, {}).get(group_of()[name])
        if not isinstance(group, dict):  # a browser may send anything
            self.form = self.form
        self._set(f"form.{group_of()[name]}.{name}", value)

    @property
    def remembered(self) -> dict:
        """The choices that led to models, and what was answered for each model."""
        return self._get("remembered", dict, {})

    @remembered.setter
    def remembered(self, remembered: dict) -> None:
        self._set("remembered", remembered)

    @property
    def existing(self) -> dict:
        """The answers on the page for existing labels. Its controls write them."""
        given = self._get("existing", dict, {})
        return {**BLANK, **{name: v for name, v in given.items() if isinstance(v, str)}}

    @existing.setter
    def existing(self, answers: dict) -> None:
        self._set("existing", answers)

    @property
    def problems(self) -> dict:
        """What is wrong on the configure page: sentences by field."""
        problems = self._get("problems", dict, {})
        return {str(k): v for k, v in problems.items() if isinstance(v, str)}

    @problems.setter
    def problems(self, problems: dict) -> None:
        self._set("problems", problems)

    @property
    def search(self) -> str:
        """What the runs on the home page are searched for. Its control writes it."""
        return self._get("runs_search", str, "")

    @property
    def status(self) -> str:
        """The status of the runs that the home page lists; "" for all."""
        return self._get("runs_status", str, "")

    @status.setter
    def status(self, status: str) -> None:
        self._set("runs_status", status)

    @property
    def part(self) -> int:
        """Which part of a long list of runs the home page shows, from 0."""
        part = self._get("runs_part", int, 0)
        return part if 0 <= part < _MAX_MOVES else 0

    @part.setter
    def part(self, part: int) -> None:
        self._set("runs_part", part)

    @property
    def new_name(self) -> str:
        """The new name of the run. Its control, which is in a card, writes it."""
        return self._get(f"run_{self.run_id}.rename.new_name", str, "")

    @new_name.setter
    def new_name(self, name: str) -> None:
        self._set(f"run_{self.run_id}", {"rename": {"new_name": name}})

    @property
    def unfolded(self) -> bool:
        """Whether the details of an error are shown."""
        return self._get("unfolded", bool, False)

    @unfolded.setter
    def unfolded(self, unfolded: bool) -> None:
        self._set("unfolded", unfolded)

    @property
    def dismissed(self) -> list[str]:
        """The boxes that were hidden in this window, the latest last."""
        names = self._get("dismissed", list, [])
        return [name for name in names if isinstance(name, str)][-_MAX_DISMISSED:]

    @dismissed.setter
    def dismissed(self, names: list[str]) -> None:
        self._set("dismissed", names[-_MAX_DISMISSED:])

    @property
    def question(self) -> str:
        """What the panel has asked: ``"cancel"``, ``"delete"``, ``"rename"`` or nothing."""
        return self._get("question", str, "")

    @question.setter
    def question(self, question: str) -> None:
        self._set("question", question)

    @property
    def dataset(self) -> str:
        """The dataset that all of this is about."""
        return self._get("dataset", str, "")

    @dataset.setter
    def dataset(self, name: str) -> None:
        self._set("dataset", name)

    @property
    def users_fields(self) -> list:
        """The fields that the grid showed before a review began."""
        return [name for name in self._get("users_fields", list, []) if isinstance(name, str)]

    @users_fields.setter
    def users_fields(self, fields: list) -> None:
        self._set("users_fields", fields)

    @property
    def lit_fields(self) -> bool:
        """Whether the panel has changed the fields that the grid shows; see ``sample_focus``."""
        return self._get("lit_fields", bool, False)

    @lit_fields.setter
    def lit_fields(self, lit: bool) -> None:
        self._set("lit_fields", lit)
