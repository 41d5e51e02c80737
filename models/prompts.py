"""Turns classes into prompts for zero-shot models, and their output back into classes.

A class may have several prompts. Some models answer with the prompt, some with free text that
resembles it; an answer that resembles none is left out, never made a class.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from auto_labeling.core.account import LeftOut
from auto_labeling.core.run import RunConfig
from auto_labeling.models import label_filter

_WORD = re.compile(r"[^\W_]+")


def texts(config: RunConfig, template: str = "") -> dict[str, str]:
    """The class of each text that a zero-shot model is asked for, in the order of the classes.

    Args:
        config: the run's configuration
        template (""): the words that the model puts before the name of a class without prompts;
            prompts are used unchanged
    """
    return {
        text: name
        for name in config.classes
        for text in (config.prompts.get(name) or (f"{template} {name}".strip(),))
    }


class Vocabulary:
    """The classes behind the texts that a model was asked for.

    Args:
        classes: a dict from text to class
    """

    def __init__(self, classes: Mapping[str, str]) -> None:
        self._known: dict[str, str | None] = dict(classes)
        self._by_key: dict[str, str] = {}
        for text, name in classes.items():
            self._by_key.setdefault(_key(text), name)
        self._words = [(frozenset(_words(text)), name) for text, name in classes.items()]

    def find(self, answer: str | None) -> str | None:
        """The class that an answer means, or None if it means none of them."""
        if answer is None:
            return None
        if answer not in self._known:
            self._known[answer] = self._resemble(answer)
        return self._known[answer]

    def _resemble(self, answer: str) -> str | None:
        key = _key(answer)
        if not key:
            return None
        if key in self._by_key:
            return self._by_key[key]
        if "##" in answer:  # pieces of words: where words begin and end is lost
            return next((name for known, name in self._by_key.items() if key in known), None)
        words = _words(answer)
        return self._most_alike(words, frozenset(words))

    def _most_alike(self, words: list[str], distinct: frozenset[str]) -> str | None:
        """By shared words, where one text contains the other; else by the words' first match."""
        best: str | None = None
        score = 0.0
        for prompt_words, name in self._words:
            if prompt_words and (prompt_words <= distinct or distinct <= prompt_words):
                alike = len(prompt_words & distinct) / len(prompt_words | distinct)
                # Of equals, the one that the answer begins with.
                if alike > score or (alike == score and best and words[0] in prompt_words):
                    best, score = name, alike
        return best


def _words(text: str) -> list[str]:
    # Word pieces come back as "fire ##truck".
    return _WORD.findall(text.replace(" ##", "").casefold())


def _key(text: str) -> str:
    return "".join(_words(text))


class ClassProcessor:
    """An output processor that names classes in place of the texts that were asked for.

    Args:
        processor: the model's own output processor
        classes: a dict from text to class
    """

    def __init__(self, processor: Callable[..., Any], classes: Mapping[str, str]) -> None:
        self._processor: Any = processor  # one of FiftyOne's, which share no typed interface
        self._vocabulary = Vocabulary(classes)
        self._names = list(dict.fromkeys(classes.values()))
        self._several = len(self._names) < len(classes)
        self._members = [self._names.index(name) for name in classes.values()]
        self.classes = self._names
        self.store_logits = False

    def __call__(
        self,
        output: Any,
        frame_size: tuple[int, int],
        confidence_thresh: float | None = None,
        classes: Any = None,
        **kwargs: Any,
    ) -> list[Any]:
        """Turns the output of a batch into labels, as FiftyOne's processors do.

        Args:
            output: the network's output
            frame_size: the ``(width, height)`` of the frames, in pixels
            confidence_thresh (None): the minimum confidence
            classes (None): ignored; the classes are those of the run
            **kwargs: passed on

        Returns:
            a :class:`fiftyone.core.labels.Label`, or None, for each image
        """
        import fiftyone.utils.torch as fout

        own = self._processor
        if self._several and isinstance(own, fout.ClassifierOutputProcessor):
            logits = output[own.logits_key] if isinstance(output, dict) else output
            return self._classify(logits, confidence_thresh)
        own.store_logits = False
        labels = own(output, frame_size, confidence_thresh=confidence_thresh, **kwargs)
        return [self._renamed(label) for label in labels]

    def _classify(self, logits: Any, confidence_thresh: float | None) -> list[Any]:
        """A class is as likely as its prompts together."""
        import fiftyone.core.labels as fol
        import torch

        odds = logits.detach().float().cpu().softmax(dim=1)
        sums = torch.zeros(len(odds), len(self._names))
        sums.index_add_(1, torch.tensor(self._members), odds)
        labels = []
        for score, index in zip(*(t.tolist() for t in sums.max(dim=1)), strict=True):
            is_kept = confidence_thresh is None or score >= confidence_thresh
            labels.append(
                fol.Classification(label=self._names[index], confidence=score)
                if is_kept
                else fol.Classification()
            )
        return labels

    def _renamed(self, label: Any) -> Any:
        detections = getattr(label, "detections", None)
        if detections is None:
            if label is not None:
                label.label = self._vocabulary.find(label.label)
            return label
        kept = []
        for detection in detections:
            detection.label = self._vocabulary.find(detection.label)
            if detection.label is not None:
                kept.append(detection)
        if others := len(detections) - len(kept):
            label_filter.attach(label, {LeftOut.OTHER_CLASS.value: others})
        label.detections = kept
        return label
