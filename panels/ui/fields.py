"""The fields of a form: each with its label, what it means and what is wrong with it.

Panels ignore ``error_message`` and ``invalid``, so the text below a field says it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import fiftyone.operators.types as types

from auto_labeling.app import answers
from auto_labeling.core.settings import Setting
from auto_labeling.panels.ui import elements, styles

_BESIDE_A_LABEL = {"pt": 3.5, elements.NARROW: {"pt": 0}}
#: Two fields in each of two columns. The last stands below the one to which it belongs, and not
#: beside the second, so there is a row in between.
_BY_COLUMN = {
    "gridTemplateRows": "auto 1px auto",
    elements.NARROW: {"gridTemplateColumns": "minmax(0, 1fr)", "gridTemplateRows": "none"},
    **{
        f"& > :nth-of-type({number})": {"gridArea": area, elements.NARROW: {"gridArea": "auto"}}
        for number, area in enumerate(
            ("1 / 1", "2 / 1 / span 2", "1 / 2 / span 2", "3 / 2"), start=1
        )
    },
}


def in_columns(number: int) -> dict[str, Any]:
    """The style of radio buttons that stand in columns, each beside the first line of its text."""
    return {
        "container": {"fullWidth": True},
        "radioGroup": {"sx": {**elements.equal_columns(number), "columnGap": 2, "rowGap": 1}},
        "radioContainer": {"sx": {"alignItems": "flex-start", "m": 0, **styles.DISABLED_TITLE}},
        "radio": {"sx": {"p": 0, "pr": 1, "pt": 0.25, "&.Mui-disabled": {"opacity": 0.4}}},
    }


def attention(
    parent: types.Object,
    problems: Iterable[str],
    empty: Collection[str],
    labels: Mapping[str, str],
) -> None:
    """Names the fields to fill in or to correct, beside the button that found them.

    Args:
        parent: the object to add to
        problems: the names of the fields with a problem
        empty: the names of those that are empty, and of others
        labels: a dict from name to label, in the order of the page
    """
    known = {name: labels.get(name, name.replace("_", " ").capitalize()) for name in problems}
    names = sorted(known, key=lambda name: [*labels, name].index(name))
    for verb, some in (
        ("Fill in", [known[name] for name in names if name in empty]),
        ("Correct", [known[name] for name in names if name not in empty]),
    ):
        if some:
            said = f"{verb}: {', '.join(dict.fromkeys(some))}"
            elements.text(parent, verb.lower().replace(" ", "_"), said, color="error.main")


def to_correct(name: str) -> dict[str, Any]:
    """Marks what shows a problem with a field, so that our script finds it on the page."""
    return {"item": {"data-to-correct": name}}


class Fields:
    """Adds fields to a group of a form.

    Args:
        form: the object that holds the form's groups
        group: the group's name
        problems: a dict from field name to a sentence
        on_change: the panel's handler of a changed field; called for :data:`answers.NARROWING`, and
            for all while something is wrong
        columns (1): how many fields stand beside each other, where there is room
        by_column (False): whether the first fields stand in the first of two columns
        heard (answers.NARROWING): the fields whose changes the App sends at once
        labels (None): a dict to which the label of each field is added, by the field's name
    """

    def __init__(
        self,
        form: types.Object,
        group: str,
        problems: Mapping[str, str],
        on_change: elements.Handler,
        columns: int = 1,
        by_column: bool = False,
        heard: Iterable[str] = answers.NARROWING,
        labels: dict[str, str] | None = None,
    ) -> None:
        self._form = form
        self._group = group
        self._problems = problems
        self._on_change = on_change
        self._columns = columns
        self._flow = _BY_COLUMN if by_column else {}
        self._heard = frozenset(heard)
        self._labels = {} if labels is None else labels
        self._object: types.Object | None = None

    def radio(self, name: str, label: str, choices: Iterable[types.Choice], **more: Any) -> None:
        """Adds a choice of a few that can all be read."""
        options = list(choices)
        columns = 3 if len(options) == 3 else 2
        props = self._props(name, label, **more)
        props["componentsProps"] |= in_columns(columns)
        view = types.RadioGroup(choices=options, orientation="horizontal", **props)
        kind = types.Enum([choice.value for choice in options])
        self._add(name, kind, view)

    def dropdown(
        self,
        name: str,
        label: str,
        choices: Iterable[types.Choice],
        placeholder: str,
        **more: Any,
    ) -> None:
        """Adds a choice of one from many. One that is ``read_only`` is shown and grayed.

        Args:
            choices: the options
            placeholder: shown while there is no choice
        """
        options = list(choices)
        props = self._props(name, label, part="select", **more)
        if not options:
            props["read_only"] = True
        props["componentsProps"]["select"]["sx"] = styles.SELECT
        view = types.DropdownView(choices=options, placeholder=placeholder, **props)
        self._add(name, types.String(), view)

    def some_of(
        self, name: str, label: str, choices: Iterable[types.Choice], free: bool, **more: Any
    ) -> None:
        """Adds a choice of several.

        Args:
            choices: the options
            free: whether people can type others
        """
        view = types.AutocompleteView(
            choices=list(choices),
            allow_user_input=free,
            allow_duplicates=False,
            **self._props(name, label, **more),
        )
        self._add(name, types.List(types.String()), view)

    def text(
        self, name: str, label: str, placeholder: str = "", rows: int = 0, **more: Any
    ) -> None:
        """Adds a field for text, of one line or more.

        Args:
            placeholder (""): shown while it is empty
            rows (0): its height in lines; 0 for a single line
        """
        lines = {"multiline": True, "rows": rows} if rows else {}
        props = self._props(name, label, part="field", **more)
        view = types.TextFieldView(placeholder=placeholder, **lines, **props)
        self._add(name, types.String(), view)

    def number(
        self,
        name: str,
        label: str,
        placeholder: str = "",
        limits: Mapping[str, float] | None = None,
        **more: Any,
    ) -> None:
        """Adds a field for a number.

        Args:
            placeholder (""): shown while it is empty
            limits (None): its ``min`` and ``max``
        """
        props = self._props(name, label, part="field", **more)
        if (limits or {}).get("max") == 1:  # a share: an arrow key changes it by a hundredth
            props["componentsProps"]["field"]["inputProps"]["step"] = 0.01
        view = types.TextFieldView(placeholder=placeholder, **props)
        self._add(name, types.Number(**(limits or {})), view)

    def setting(
        self, setting: Setting, caption: str | None = None, maximum: float | None = None
    ) -> None:
        """Adds the control that fits the kind of a setting.

        Args:
            setting: the setting
            caption (None): the line below it; by default, the setting's own
            maximum (None): the largest number; by default, the setting's own
        """
        name, label = setting.name, setting.title
        caption = setting.caption if caption is None else caption
        if setting.kind in ("number", "whole"):
            most = setting.maximum if maximum is None else maximum
            bounds = {"min": setting.minimum, "max": most}
            limits = {key: value for key, value in bounds.items() if value is not None}
            self.number(name, label, setting.placeholder, limits, caption=caption)
        elif setting.kind == "flag":
            self.check_box(name, label, caption=caption)
        elif setting.kind == "choice":
            options = [types.Choice(value, label=title) for value, title in setting.choices]
            self.dropdown(name, label, options, "Choose…", caption=caption)
        elif setting.kind == "texts":
            self.some_of(name, label, (), free=True, caption=caption)
        else:
            self.text(name, label, setting.placeholder, caption=caption)

    def file(self, name: str, label: str, max_bytes: int, too_large: str, **more: Any) -> None:
        """Adds a text file, which the browser reads and sends.

        Args:
            max_bytes: the largest file
            too_large: the message for a larger one
        """
        view = types.FileView(
            max_size=max_bytes,
            max_size_error_message=too_large,
            types=".txt,.csv,.names,text/plain",
            **self._props(name, label, **more),
        )
        self._add(name, types.UploadedFile(), view)

    def note(self, name: str, words: str) -> None:
        """Adds a line of text in place of a field."""
        problem = self._problems.get(name)
        parts = to_correct(name) if problem else {}
        elements.text(self._grid(), f"{name}_note", problem or words, parts=parts)

    def button(self, name: str, label: str, on_click: elements.Handler) -> None:
        """Adds a button that belongs to a field."""
        elements.button(elements.row(self._grid(), f"{name}_row"), name, label, on_click)

    def check_box(self, name: str, label: str, **more: Any) -> None:
        """Adds a yes or no."""
        props = self._props(name, label, **more)
        props["componentsProps"]["container"] = {"sx": _BESIDE_A_LABEL}
        view = types.CheckboxView(**props)
        self._add(name, types.Boolean(), view)

    def _grid(self) -> types.Object:
        if self._object is None:  # a group without fields leaves no gap
            self._object = types.Object()
            look = {**elements.equal_columns(self._columns), **self._flow}
            grid = elements.column_view(gap=2, alignItems="start", **look)
            self._form.define_property(self._group, self._object, view=grid)
        return self._object

    def _add(self, name: str, kind: types.BaseType, view: types.View) -> None:
        is_heard = name in self._heard or self._problems
        on_change = {"on_change": self._on_change} if is_heard else {}
        self._grid().define_property(name, kind, view=view, **on_change)

    def _props(
        self,
        name: str,
        label: str,
        caption: str | None = None,
        part: str | None = None,
        problem_of: Sequence[str] = (),
        **props: Any,
    ) -> dict[str, Any]:
        """A field's label, and below it what is wrong, or else what it means."""
        wrong = next((self._problems[n] for n in (name, *problem_of) if n in self._problems), None)
        look = {"sx": styles.WRONG} if wrong else {"color": "text.secondary"}
        components: dict[str, Any] = {"caption": look, "header": {"caption": look}}
        for answer in (name, *problem_of):
            self._labels.setdefault(answer, label)
        if wrong:
            components |= to_correct(name)
        if part:  # the App does not tie a label to its control
            named = {"aria-label": label}
            by_part = {"select": "SelectDisplayProps", "field": "inputProps"}
            components[part] = {"error": bool(wrong), "sx": styles.FIELD, by_part[part]: named}
        caption = wrong or caption or None
        return {"label": label, "caption": caption, "componentsProps": components, **props}
