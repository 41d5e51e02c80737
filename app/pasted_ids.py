"""Lists of sample IDs that people paste.

Each event of the App sends the whole form. So the server keeps long lists, and the form holds a
short key.
"""

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from auto_labeling.core.text import some

#: The most IDs that a form holds itself.
MAX_IN_FORM = 500

_MAX_LISTS = 16
_SEPARATOR = re.compile(r"[\s,;'\"\[\](){}]+|ObjectId")
_ID = re.compile(r"[0-9a-f]{24}", re.IGNORECASE)
_KEY = re.compile(r"list ([0-9a-f]{16}) of \d+")

_lists: OrderedDict[str, bytes] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Pasted:
    """A pasted list of sample IDs.

    Args:
        ids: the sample IDs, each once and in the order of the text
        repeated: the number of repetitions that were left out
        malformed: the parts of the text that are not sample IDs
        is_gone: whether the text was the key of a list that the server no longer has
    """

    ids: tuple[str, ...] = ()
    repeated: int = 0
    malformed: tuple[str, ...] = ()
    is_gone: bool = False

    @property
    def problem(self) -> str:
        """Why the list cannot be used; empty if it can."""
        if self.is_gone:
            return "The App was restarted since these IDs were pasted. Paste them again"
        if self.malformed:
            examples = some(f"'{part[:40]}'" for part in self.malformed)
            return f"A sample ID has 24 letters and digits, unlike {examples}"
        return "" if self.ids else "Paste the IDs of the samples to label"


def read(text: str) -> Pasted:
    """Reads IDs separated by commas, spaces or lines, also in quotes or brackets.

    Args:
        text: a pasted text, or the key that :func:`keep` returned
    """
    if key := _KEY.fullmatch(text):
        return _recall(key[1])
    parts = [part for part in _SEPARATOR.split(text) if part]
    ids = [part.lower() for part in parts if _ID.fullmatch(part)]
    malformed = [part for part in parts if not _ID.fullmatch(part)]
    distinct = tuple(dict.fromkeys(ids))
    return Pasted(distinct, len(ids) - len(distinct), tuple(dict.fromkeys(malformed)))


def is_kept(text: str) -> bool:
    """Whether a text is the key of a list that the server keeps."""
    return _KEY.fullmatch(text) is not None


def keep(ids: Sequence[str]) -> str:
    """Keeps a list of sample IDs on the server, and returns its key."""
    data = bytes.fromhex("".join(ids))
    key = hashlib.sha256(data).hexdigest()[:16]
    with _lock:
        _lists[key] = data
        _lists.move_to_end(key)
        while len(_lists) > _MAX_LISTS:
            _lists.popitem(last=False)
    return f"list {key} of {len(ids)}"


def _recall(key: str) -> Pasted:
    with _lock:
        data = _lists.get(key)
    if data is None:
        return Pasted(is_gone=True)
    text = data.hex()
    return Pasted(tuple(text[at : at + 24] for at in range(0, len(text), 24)))
