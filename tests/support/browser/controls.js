// The controls of a panel that a person can use now, from the top; each is marked, so that it can
// be found again by `[data-control="…"]`.
(panel) => {
  const KINDS = {
    "button, [role=button]": "button",
    "[role=tab]": "tab",
    "input[type=radio]": "radio",
    "input[type=checkbox]": "checkbox",
    "input[type=range], [role=slider]": "slider",
    "input[type=number]": "number",
    "input[type=file]": "file",
    "[role=combobox], select": "choice",
    "textarea, input": "text",
    "tbody tr": "row",
    "[tabindex='0']": "other",
  };
  const kindOf = (element) => {
    if (element.matches("[role=tab]")) return "tab";
    return Object.entries(KINDS).find(([selector]) => element.matches(selector))[1];
  };
  for (const old of panel.querySelectorAll("[data-control]")) delete old.dataset.control;
  const text = (element) => (element?.innerText ?? "").trim().split("\n").pop().trim();
  const first = (element) => (element?.innerText ?? "").trim().split(/[\n\t]/)[0].trim();
  // Without the key that a hint names.
  const titleOf = ({ title }) => title.replace(/^Key: .$/, "").replace(/: .*\(key .\)$/, "");
  const named = (element, kind) =>
    element.getAttribute("aria-label") ||
    (kind === "row" ? `${first(element)}` : "") ||
    first(element.closest("label")) ||
    titleOf(element) ||
    (kind === "button" || kind === "tab" ? text(element) : "") ||
    element.placeholder ||
    text(element);
  const seen = (element) => {
    const box = element.getBoundingClientRect();
    const outer = element.closest("label, .MuiSlider-root") ?? element;
    const frame = outer.getBoundingClientRect();
    return (box.width || frame.width) && getComputedStyle(element).visibility !== "hidden";
  };
  const all = [...panel.querySelectorAll(Object.keys(KINDS).join(", "))].filter(
    (element) =>
      seen(element) &&
      !element.closest("[aria-hidden=true]") &&
      !element.classList.contains("MuiSelect-nativeInput") &&
      !element.disabled &&
      !element.closest("[aria-disabled=true]") &&
      !(element.matches("tr") && !getComputedStyle(element).cursor.includes("pointer")),
  );
  const outermost = all.filter(
    (element) => !all.some((other) => other !== element && other.contains(element) && !other.matches("tr")),
  );
  return outermost.map((element, number) => {
    const kind = kindOf(element);
    element.dataset.control = number;
    return { number, kind, name: named(element, kind) };
  });
}
