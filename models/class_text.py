"""Classes and their prompts as text that people type or paste.

.. code-block:: text

    cat, dog, bird
    vehicle: car, truck, bus

A line names classes, with commas between them; or one class and, after a colon, the prompts by
which a zero-shot model is asked for it. A backslash takes the meaning from the next character, so
any class can be written: ``ratio 1\\:2``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

#: A character, and whether a backslash took its meaning from it.
Token = tuple[str, bool]

_ESCAPE = "\\"


def read(text: str, repeated: bool = False) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Reads classes and prompts.

    Args:
        text: lines as this module describes them
        repeated (False): whether a class may stand there more than once, as the names of a
            model's outputs may

    Returns:
        the classes, each once and in order, and the prompts of those that have some

    Raises:
        ValueError: with a sentence, if a line has prompts but no class
    """
    classes: list[str] = []
    prompts: dict[str, dict[str, None]] = {}  # the keys are the prompts, each once and in order
    for number, line in enumerate(text.split("\n"), 1):
        heads, colon, rest = _partition(_tokens(line))
        if not colon:
            classes += _items(heads)
            continue
        name = _text(heads)
        if not name:
            raise ValueError(f"Line {number} has prompts but no class before the ':'")
        if name not in prompts:
            classes.append(name)
        texts = prompts.setdefault(name, {})
        texts.update(dict.fromkeys(_items(rest)))
    listed = classes if repeated else dict.fromkeys(classes)
    return tuple(listed), {name: tuple(texts) for name, texts in prompts.items() if texts}


def write(classes: Iterable[str], prompts: Mapping[str, Iterable[str]]) -> str:
    """Writes classes and prompts, one class a line, so that :func:`read` reads the same.

    Args:
        classes: the classes, in order
        prompts: the prompts of classes that have some

    Returns:
        the text
    """
    lines = []
    for name in classes:
        line = _escaped(name, ":,")
        if prompts.get(name):
            line += ": " + ", ".join(_escaped(prompt, ",") for prompt in prompts[name])
        lines.append(line)
    return "\n".join(lines)


def _tokens(line: str) -> list[Token]:
    """The characters of a line, each with whether it stands for itself alone."""
    tokens, literal = [], False
    for character in line.rstrip("\r"):
        if character == _ESCAPE and not literal:
            literal = True
            continue
        tokens.append((character, literal))
        literal = False
    if literal:  # a backslash at the end has nothing to escape
        tokens.append((_ESCAPE, True))
    return tokens


def _partition(tokens: Sequence[Token]) -> tuple[Sequence[Token], bool, Sequence[Token]]:
    for index, token in enumerate(tokens):
        if token == (":", False):
            return tokens[:index], True, tokens[index + 1 :]
    return tokens, False, []


def _items(tokens: Sequence[Token]) -> Iterator[str]:
    part: list[Token] = []
    for token in [*tokens, (",", False)]:
        if token != (",", False):
            part.append(token)
            continue
        if text := _text(part):
            yield text
        part = []


def _text(tokens: Sequence[Token]) -> str:
    """The text of tokens, without the space around it."""
    visible = [i for i, (character, literal) in enumerate(tokens) if literal or character.strip()]
    if not visible:
        return ""
    return "".join(character for character, _ in tokens[visible[0] : visible[-1] + 1])


def _escaped(text: str, special: str) -> str:
    last = len(text) - 1
    return "".join(
        _ESCAPE + character
        if character in special + _ESCAPE or (index in (0, last) and not character.strip())
        else character
        for index, character in enumerate(text)
    )
