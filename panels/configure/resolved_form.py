"""The answers of the configure page, and what they mean: model, classes, samples, problems."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from fiftyone.operators import ExecutionContext

from auto_labeling.app import answers, pasted_ids, request, targets
from auto_labeling.core.errors import ConfigError
from auto_labeling.core.run import RunConfig, Target, Task
from auto_labeling.lifecycle import labeling, lifting_rules, media
from auto_labeling.models import catalog
from auto_labeling.models.model_choice import Choices
from auto_labeling.models.spec import ModelSpec
from auto_labeling.panels.state import PanelState


class ResolvedForm:
    """The answers as they stand, each thing that follows from them looked up once, when needed.

    Args:
        ctx: the context of the event
        state: the panel's state; later changes of it are not seen
    """

    def __init__(self, ctx: ExecutionContext, state: PanelState) -> None:
        self._ctx = ctx
        self._earlier = state.problems
        self.dataset = ctx.dataset
        self.answers: dict[str, Any] = state.form
        self.choices: Choices = answers.choices_of(self.answers, state.remembered)

    # --- the model, and the run -------------------------------------------------------------------

    @cached_property
    def spec(self) -> ModelSpec | None:
        """The model that is chosen; None if none is, or it is not in the catalog."""
        return self.choices.spec or answers.chosen_model(self.answers)

    @cached_property
    def values(self) -> dict[str, Any]:
        """The answers as values of ``RunConfig``, not judged yet."""
        return answers.given(self.answers, self.spec)

    @cached_property
    def draft(self) -> RunConfig:
        """What is right among the answers, with something harmless in place of what is not."""
        return labeling.draft(self.values)

    @cached_property
    def known_classes(self) -> tuple[str, ...] | list[str] | None:
        """The classes that can be chosen; None if any can."""
        if answers.from_boxes(self.answers):
            source = answers.text(self.answers["source_field"])
            return labeling.classes_of(self.dataset, source) if source else None
        if self.spec is None or answers.asks_in_words(self.spec):
            return None
        return catalog.known_classes(self.spec, answers.text(self.answers["checkpoint"]))

    # --- the samples ------------------------------------------------------------------------------

    @cached_property
    def grid(self) -> dict[str, Any]:
        """What the App says about its grid."""
        return request.request(self._ctx)

    @cached_property
    def counts(self) -> Mapping[Target, int]:
        """The number of samples of each target."""
        return targets.counts(self.dataset, self.grid, self.answers)

    @cached_property
    def target(self) -> Target | None:
        """The target samples that are chosen; None if the answer names none."""
        try:
            return Target(self.answers["target"])
        except ValueError:
            return None

    @cached_property
    def samples(self) -> int | None:
        """The number of target samples; None if the answers name no target."""
        return None if self.target is None else self.counts[self.target]

    @cached_property
    def pasted(self) -> pasted_ids.Pasted:
        """The sample ids that are pasted."""
        return pasted_ids.read(answers.text(self.answers["ids"]))

    @cached_property
    def meaning(self) -> str:
        """Says what the target samples are where the grid shows something else; "" if not."""
        if self.target is None or self.samples is None:
            return ""
        view = targets.view(self.dataset, self.grid, self.target)
        if view is None:
            return ""
        slices = targets.slices_of(self.answers)
        return media.meaning(view, self.samples, answers.task_of(self.answers), slices)

    @cached_property
    def tasks(self) -> list[Task]:
        """The tasks that the dataset's media allow."""
        return media.tasks(self.dataset)

    @cached_property
    def slices(self) -> Mapping[str, str]:
        """The slices of a grouped dataset, each with why it cannot be labeled, or ""."""
        return media.slices(self.dataset, answers.task_of(self.answers))

    # --- the fields -------------------------------------------------------------------------------

    @cached_property
    def box_fields(self) -> Mapping[str, str]:
        """The label fields, each with why its labels cannot be boxes for masks, or ""."""
        return labeling.source_fields(self.dataset)

    @cached_property
    def class_sources(self) -> list[str]:
        """The label fields whose classes can be added."""
        return list(labeling.class_sources(self.dataset))

    @cached_property
    def points_slice(self) -> str:
        """The slice whose points have unknown axes, in a run that lifts; "" if there is none."""
        return lifting_rules.unknown_frame(self.dataset, self.draft)

    @cached_property
    def frames(self) -> list[str]:
        """The frames of which a person must name one for these points; none if it is known."""
        return lifting_rules.frames(self.dataset, self.draft) if self.points_slice else []

    # --- what is wrong ----------------------------------------------------------------------------

    @cached_property
    def problems(self) -> dict[str, str]:
        """What the page says is wrong: what the last attempt found, and wrong ids at once."""
        ids = self.id_problems(targets.MAX_LOOKED_UP)
        has_ids = bool(answers.text(self.answers["ids"]))
        ids_are_judged = has_ids and len(self.pasted.ids) <= targets.MAX_LOOKED_UP
        # An event may know the problems of an older list.
        earlier = {k: v for k, v in self._earlier.items() if k != "ids" or not ids_are_judged}
        return {**ids, **earlier}

    @cached_property
    def missing(self) -> dict[str, str]:
        """The answers that are still missing before a run can start: a sentence by field."""
        missing = answers.missing(self.answers, self.spec)
        if self.frames and not self.draft.reference_frame:
            missing["reference_frame"] = "the reference frame of the points"
        return missing

    def id_problems(self, most: int | None = None) -> dict[str, str]:
        """What is wrong with pasted ids.

        Args:
            most (None): the longest list whose ids are looked up; by default, any
        """
        if not answers.by_ids(self.answers) or not answers.text(self.answers["ids"]):
            return {}
        problem = self.pasted.problem
        if not problem and (most is None or len(self.pasted.ids) <= most):
            problem = labeling.unknown_samples(self.dataset, list(self.pasted.ids))
        return {"ids": problem} if problem else {}

    def check(self) -> tuple[RunConfig | None, dict[str, str]]:
        """Judges the answers.

        Returns:
            the configuration, or None if it cannot be one; and what is wrong, by field
        """
        problems = {
            **self.id_problems(targets.MAX_LOOKED_UP),
            **answers.problems(self.answers, self.spec),
        }
        if "reference_frame" in self.missing:
            problems["reference_frame"] = "Choose the frame of the points"
        try:
            return labeling.check(self.dataset, self.values), problems
        except ConfigError as error:
            return None, {**error.problems, **problems}
