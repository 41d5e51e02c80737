"""The names of controls, as Chromium tells them to a screen reader."""

from typing import Any

from playwright.sync_api import Page

#: Roles of what a person can use. A row is one if it can be focused.
_ROLES = frozenset(
    (
        *("button", "checkbox", "combobox", "link", "listbox", "menuitem", "option", "radio"),
        *("row", "searchbox", "slider", "spinbutton", "switch", "tab", "textbox", "treeitem"),
    )
)


def unnamed_controls(page: Page, selector: str) -> list[str]:
    """The controls within an element that have no accessible name.

    Args:
        page: the browser's window
        selector: of the element, in CSS

    Returns:
        each control's role, with the names of what stands around it
    """
    session = page.context.new_cdp_session(page)
    try:
        root = session.send("DOM.getDocument", {"depth": 0})["root"]
        at = session.send("DOM.querySelector", {"nodeId": root["nodeId"], "selector": selector})
        nodes = session.send("Accessibility.queryAXTree", {"nodeId": at["nodeId"]})["nodes"]
    finally:
        session.detach()
    return [
        f"a {_role(node)} after '{_last_named(nodes[:number])}'"
        for number, node in enumerate(nodes)
        if not node["ignored"] and _is_used(node) and not _name(node)
    ]


def _role(node: dict[str, Any]) -> str:
    return str(node.get("role", {}).get("value", ""))


def _name(node: dict[str, Any]) -> str:
    return str(node.get("name", {}).get("value", "")).strip()


def _is_used(node: dict[str, Any]) -> bool:
    role = _role(node)
    focusable = any(
        one["name"] == "focusable" and one["value"]["value"] for one in node.get("properties", ())
    )
    return role in _ROLES and (focusable or role != "row")


def _last_named(nodes: list[dict[str, Any]]) -> str:
    return next((_name(node) for node in reversed(nodes) if _name(node)), "the beginning")
