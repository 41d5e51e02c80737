"""What the panel remembers between two events: a typed window on ``ctx.panel.state``.

Everything else is read from the database at each event. The state comes back from a browser,
so each part is checked for its kind when it is read.
"""

from auto_labeling import forms

PAGES = ("home", "configure", "existing", "progress", "review", "done")

#: The page for existing labels before anybody has answered.
BLANK = {"source": "", "goes_to": "new", "label_field": "", "name": ""}


class PanelState:
    """A window on a panel's state; ``forget`` is the way to start over.

    Args:
        ctx: the :class:`fiftyone.operators.executor.ExecutionContext`
    """

    def __init__(self, ctx):
        self._state = ctx.panel.state

    def forget(self):
        """Starts over."""
        self._state.clear()

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
        """The answers on the configure page. Its controls write them, under this name."""
        return {**forms.blank(), **self._get("form", dict, {})}

    @form.setter
    def form(self, form):
        self._set("form", form)

    def answer(self, name, value):
        """Sets one answer; the others keep their cursor."""
        self._set(f"form.{name}", value)

    @property
    def existing(self) -> dict:
        """The answers on the page for existing labels. Its controls write them."""
        return {**BLANK, **self._get("existing", dict, {})}

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
