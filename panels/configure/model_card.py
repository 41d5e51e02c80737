"""What to know of a model before a run: its facts, ratings and speeds, on a card."""

import fiftyone.operators.types as types

from auto_labeling.core import text
from auto_labeling.core.run import Speed
from auto_labeling.lifecycle import labeling
from auto_labeling.models import catalog, display_names
from auto_labeling.models.ratings import Rating
from auto_labeling.models.spec import ModelSpec
from auto_labeling.panels.ui import elements

_MAX_SPEEDS = 3


def add(parent: types.Object, name: str, spec: ModelSpec, segmenter: str = "") -> None:
    """Adds a model's card.

    Args:
        parent: the object to add to
        name: the card's name
        spec: the :class:`auto_labeling.models.spec.ModelSpec`
        segmenter (""): the name of the second stage, whose speed counts
    """
    card = elements.card(parent, name)
    elements.text(
        card, "title", display_names.model(spec), "subtitle1", color="text.primary", bold=True
    )
    elements.text(card, "description", spec.description, sx={"lineHeight": 1.4})
    _packages(card, spec)
    facts = elements.facts(card, "facts", _facts(spec, segmenter))
    elements.text(facts, "more_key", "More")
    elements.link(facts, "more", spec.url)
    for key, source in _sources(spec).items():
        slug = key.lower().replace(" ", "_")
        elements.text(facts, f"{slug}_key", key)
        elements.link(facts, slug, source)


def speeds(spec: ModelSpec, segmenter: str = "") -> list[Speed]:
    """The measured speeds of a model with this second stage, the latest first.

    Args:
        spec: the model
        segmenter (""): the name of the second stage
    """
    measured = labeling.measured_speeds(spec.name)[spec.name]
    return [speed for speed in measured if speed.segmenter == segmenter]


def _facts(spec: ModelSpec, segmenter: str) -> dict[str, str | tuple[str, str]]:
    known = catalog.known_classes(spec)
    latest = speeds(spec, segmenter)[:_MAX_SPEEDS]
    return {
        "Name": spec.name,
        "Author": spec.author,
        "License": text.license(spec.license),
        "Weights": weights(spec),
        "Classes": f"{len(known):,}" if known else "",
        "Speed": rating(spec.speed),
        "Performance": rating(spec.performance),
        "Measured": (
            "\n".join(_measured(speed) for speed in latest),
            "\n".join(text.moment(speed.at) for speed in latest),
        ),
    }


def _sources(spec: ModelSpec) -> dict[str, str]:
    """Where the published numbers were read: one address, unless the two differ."""
    performance, speed = spec.performance.source, spec.speed.source
    if performance == speed:
        return {"Numbers from": performance} if performance else {}
    sources = {"Performance from": performance, "Speed from": speed}
    return {key: source for key, source in sources.items() if source}


def weights(spec: ModelSpec) -> str:
    """How large a model's weights are, and whether they are here."""
    if spec.source == "custom":
        return "Yours"
    parts = [text.size(spec.loaded_bytes) if spec.loaded_bytes else ""]
    if spec.needs_checkpoint:
        parts.append("downloaded at start if the worker doesn't have them")
    elif spec.downloaded:
        parts.append("on this machine")
    else:
        parts.append("not on this machine; downloaded when the run starts")
    line = " · ".join(filter(None, parts))
    line = line[:1].upper() + line[1:]
    return f"{line}\n{spec.weights_name}" if spec.weights_name else line


def rating(of: Rating) -> str:
    """A rating of 1 to 3, and the published number that it comes from."""
    if of.value is None:
        line = "Not rated: a demo model" if of.by == "demo" else "Unknown"
    else:
        line = f"{'●' * of.value}{'○' * (3 - of.value)}  {of.value} of 3"
        line += "" if of.by == "published" else f", {of.by}"
    return f"{line}\n{of.measure}" if of.measure else line


def _measured(speed: Speed) -> str:
    half = ", mixed precision" if speed.half else ""
    each = f", each of {speed.workers:,} workers" if speed.workers > 1 else ""
    where = f"{speed.machine} ({speed.device}{half}{each})"
    return f"{text.rate(speed.rate)} on {where}, {text.ago(speed.at)}"


def _packages(card: types.Object, spec: ModelSpec) -> None:
    missing = catalog.missing_packages(spec)
    if missing:
        command = " ".join(f'"{package}"' for package in missing)
        view = types.AlertView(
            severity="warning",
            label="Requires packages that are not installed here",
            description=f"`pip install {command}`",
        )
        card.view("packages", view)
