"""What a window's console says that is wrong."""

from collections.abc import Callable
from urllib.parse import urlparse

from playwright.sync_api import ConsoleMessage, Page

#: Errors of the App's own, each with its address.
KNOWN_ERRORS = {
    # The grid is resized before its tiles are there.
    "entry is loading": "https://github.com/voxel51/fiftyone/pull/8239",
}
_HOME = (None, "", "127.0.0.1", "localhost")


def listen(page: Page, note: Callable[[str], None]) -> None:
    """Notes the errors of a window, except for known ones, and for what is not to be had offline.

    Args:
        page: the browser's window
        note: takes an error's text
    """

    def told(text: str) -> None:
        if not any(known in text for known in KNOWN_ERRORS):
            note(text)

    def message(one: ConsoleMessage) -> None:
        if one.type == "error" and not _is_offline(one):
            told(one.text)

    page.on("console", message)
    page.on("pageerror", lambda error: told(str(error)))


def _is_offline(message: ConsoleMessage) -> bool:
    """Whether an error is about an address beyond this machine: there is no internet."""
    address = urlparse(message.location.get("url", "")).hostname
    return address not in _HOME and message.text.startswith("Failed to load resource")
