"""Lists of sample ids that people paste: read, and kept on the server where they are long.

What stands in a form travels with each event of the App, so that a long list is kept here and a
word for it stands in the form.
"""

import hashlib
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass

from auto_labeling.core import text as words

#: As many ids stay in the form; more are kept here.
MOST_IN_FORM = 500

_MOST_LISTS = 16
_BETWEEN = re.compile(r"[\s,;'\"\[\](){}]+|ObjectId")
_ID = re.compile(r"[0-9a-f]{24}", re.IGNORECASE)
_KEPT = re.compile(r"list ([0-9a-f]{16}) of \d+")

_lists: OrderedDict[str, bytes] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Pasted:
    """What a pasted text says.

    Args:
        ids: the sample ids, each once and in the order of the text
        repeated: how many were there more than once
        malformed: what is not an id of a sample
        lost: whether the list was kept here, and is gone
    """

    ids: tuple[str, ...] = ()
    repeated: int = 0
    malformed: tuple[str, ...] = ()
    lost: bool = False

    @property
    def problem(self) -> str:
        """What is wrong with the list; empty if nothing is."""
        if self.lost:
            return "The App was restarted since these IDs were pasted. Paste them again"
        if self.malformed:
            named = words.some(f"'{word[:40]}'" for word in self.malformed)
            return f"A sample ID has 24 letters and digits, unlike {named}"
        return "" if self.ids else "Paste the IDs of the samples to label"


def read(text: str) -> Pasted:
    """Reads ids with commas, blanks or lines between them, and quotes or brackets around them.

    Args:
        text: what was pasted, or what :func:`keep` returned
    """
    if kept := _KEPT.fullmatch(text):
        return _recall(kept[1])
    words = [word for word in _BETWEEN.split(text) if word]
    ids = [word.lower() for word in words if _ID.fullmatch(word)]
    malformed = [word for word in words if not _ID.fullmatch(word)]
    distinct = tuple(dict.fromkeys(ids))
    return Pasted(distinct, len(ids) - len(distinct), tuple(dict.fromkeys(malformed)))


def is_kept(text: str) -> bool:
    """Whether a text stands for a list that is kept here."""
    return _KEPT.fullmatch(text) is not None


def keep(ids) -> str:
    """Keeps a list and returns the text that stands for it."""
    data = bytes.fromhex("".join(ids))
    key = hashlib.sha256(data).hexdigest()[:16]
    with _lock:
        _lists[key] = data
        _lists.move_to_end(key)
        while len(_lists) > _MOST_LISTS:
            _lists.popitem(last=False)
    return f"list {key} of {len(ids)}"


def _recall(key):
    with _lock:
        data = _lists.get(key)
    if data is None:
        return Pasted(lost=True)
    text = data.hex()
    return Pasted(tuple(text[at : at + 24] for at in range(0, len(text), 24)))
