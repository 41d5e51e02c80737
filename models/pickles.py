"""Reads the contents of a pickle without running anything of it.

Unpickling calls any function that the file names. Here its instructions are followed on stand-ins:
a class is its name, an object is the name of its class with its state. So the contents of a file
that is not trusted can be read.
"""

import io
import pickletools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

#: Longer pickles are not read: a checkpoint without its tensors is far smaller.
MAX_BYTES = 8 * 2**20

_PLAIN = (str, int, float, bool, bytes, type(None))
_VALUES = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
    | {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BYTEARRAY8"}
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": list}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_MARK = object()

#: The instructions whose argument their method needs.
_WITH_ARGUMENT = frozenset({"GLOBAL", "INST"})


@dataclass(frozen=True)
class Name:
    """A class or a function, by its name: ``"torch.nn.modules.linear.Linear"``."""

    path: str


@dataclass
class Thing:
    """An object that the pickle would make.

    Args:
        made_by: the name of its class, or of the function that would make it
        state: its state: normally the attributes
        items: its items, if it is a dict of some kind
    """

    made_by: str
    state: Any = None
    items: dict[Any, Any] = field(default_factory=dict)

    def attribute(self, name: str) -> Any:
        """The value of an attribute; None if its state does not say."""
        return self.state.get(name) if isinstance(self.state, dict) else None


def read(data: bytes) -> Any:
    """Reads a pickle.

    Args:
        data: its bytes

    Returns:
        plain values, lists, tuples and dicts unchanged; a :class:`Name` or a :class:`Thing`
        for everything else

    Raises:
        ValueError: if it is no pickle, or not one that can be read so
    """
    if len(data) > MAX_BYTES:
        raise ValueError("it is too long")
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(io.BytesIO(data)):
            machine.step(opcode.name, argument)
        return machine.stack[-1]
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"it is damaged: {error}") from error


class _Machine:
    """Follows the instructions of a pickle, without calling anything."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Follows one instruction.

        Args:
            name: the instruction's name, as :mod:`pickletools` has it
            argument: the value that stands with it; None if there is none
        """
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            self.stack.append(self._popped(_TUPLES[name]))
        elif name.endswith("PUT") or name == "MEMOIZE":
            self._memo[len(self._memo) if argument is None else int(argument)] = self.stack[-1]
        elif name.endswith("GET"):
            self.stack.append(self._memo[int(argument)])
        else:
            follow = getattr(self, f"_{name.lower()}", None)
            if follow is None:
                raise ValueError(f"it has an unsupported instruction: {name}")
            follow(argument) if name in _WITH_ARGUMENT else follow()

    def _popped(self, count: int) -> tuple[Any, ...]:
        if not count:
            return ()
        if len(self.stack) < count:
            raise IndexError("an instruction has nothing to work on")
        popped = tuple(self.stack[-count:])
        del self.stack[-count:]
        return popped

    def _marked(self) -> list[Any]:
        """Takes the items above the last mark, and the mark."""
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:
            at -= 1
            if at < 0:
                raise IndexError("a mark is missing")
        above = self.stack[at + 1 :]
        del self.stack[at:]
        return above

    def _make(self, name: Any) -> None:
        self.stack.append(Thing(name.path if isinstance(name, Name) else "?"))

    def _put(self, pairs: Iterable[tuple[Any, ...]]) -> None:
        target = self.stack[-1]
        items = target.items if isinstance(target, Thing) else target
        # Keys of other kinds would have to be hashed, which a file can make endless.
        items.update((k, v) for k, v in pairs if isinstance(k, _PLAIN))

    def _add(self, values: Iterable[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)

    def _proto(self) -> None:
        pass

    _frame = _stop = _proto

    def _mark(self) -> None:
        self.stack.append(_MARK)

    def _pop(self) -> None:
        self.stack.pop()

    def _pop_mark(self) -> None:
        self._marked()

    def _dup(self) -> None:
        self.stack.append(self.stack[-1])

    def _list(self) -> None:
        self.stack.append(self._marked())

    def _tuple(self) -> None:
        self.stack.append(tuple(self._marked()))

    def _frozenset(self) -> None:
        self.stack.append(self._marked())

    def _dict(self) -> None:
        values = self._marked()
        self.stack.append({})
        self._put(zip(values[::2], values[1::2], strict=True))

    def _append(self) -> None:
        self._add(self._popped(1))

    def _appends(self) -> None:
        self._add(self._marked())

    _additems = _appends

    def _setitem(self) -> None:
        self._put([self._popped(2)])

    def _setitems(self) -> None:
        values = self._marked()
        self._put(zip(values[::2], values[1::2], strict=True))

    def _global(self, argument: str) -> None:
        self.stack.append(Name(argument.replace(" ", ".")))

    def _stack_global(self) -> None:
        self.stack.append(Name(".".join(map(str, self._popped(2)))))

    def _reduce(self) -> None:
        made_by, _arguments = self._popped(2)
        self._make(made_by)

    def _newobj(self) -> None:
        self._reduce()

    def _newobj_ex(self) -> None:
        self._make(self._popped(3)[0])

    def _inst(self, argument: str) -> None:
        self._marked()
        self._make(Name(argument.replace(" ", ".")))

    def _obj(self) -> None:
        self._make(self._marked()[0])

    def _build(self) -> None:
        (state,) = self._popped(1)
        if isinstance(self.stack[-1], Thing):
            self.stack[-1].state = state

    def _persid(self) -> None:
        self.stack.append(Thing("a tensor's storage"))

    def _binpersid(self) -> None:
        self.stack.pop()
        self._persid()
