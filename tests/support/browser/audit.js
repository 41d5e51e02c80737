// What is wrong with a panel's layout, as a list of sentences. Called with the panel's element.
(panel) => {
  const SLACK = 1.5; // pixels; browsers round
  const faults = [];
  const bounds = panel.getBoundingClientRect();
  const style = (element) => getComputedStyle(element);
  const quote = (text) => `'${text.trim().replace(/\s+/g, " ").slice(0, 60)}'`;

  const isShown = (element) => {
    for (let e = element; e && e !== panel.parentElement; e = e.parentElement) {
      const s = style(e);
      if (s.display === "none" || s.visibility === "hidden" || Number(s.opacity) === 0)
        return false;
    }
    return true;
  };

  // The lines of text of an element itself, as the boxes that they fill.
  const ownText = (element) =>
    [...element.childNodes].filter((n) => n.nodeType === 3 && n.textContent.trim());
  const linesOf = (nodes) =>
    nodes.flatMap((node) => {
      const range = document.createRange();
      range.selectNodeContents(node);
      return [...range.getClientRects()].filter((r) => r.width > 0.5 && r.height > 0.5);
    });

  // Whether a hint says all of it. The App's hints name their element by what they say.
  const isTitled = (element) => {
    const said = element.textContent.trim();
    for (let e = element, i = 0; e && i < 3; e = e.parentElement, i++)
      if (e.title || (e.getAttribute("aria-label") ?? "").includes(said)) return true;
    return false;
  };

  const pieces = []; // what a person sees: text, controls, icons
  for (const element of panel.querySelectorAll("*")) {
    if (!isShown(element) || element.closest("pre")) continue;
    const nodes = ownText(element);
    const lines = linesOf(nodes);
    const isControl = element.matches("button, [role=combobox], textarea, input:not([type=range]), svg");
    if (!lines.length && !isControl) continue;
    const box = element.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue; // kept for screen readers alone
    const text = nodes.map((n) => n.textContent).join(" ");
    const label = element.closest("[aria-label]")?.getAttribute("aria-label");
    const near = `${element.tagName} near ${element.parentElement.parentElement.innerText.slice(0, 30)}`;
    const name = quote(text || label || element.placeholder || near);
    pieces.push({ element, lines, box, name, text });
  }

  for (const { element, lines, box, name } of pieces) {
    const extent = lines.length
      ? { left: Math.min(...lines.map((r) => r.left)), right: Math.max(...lines.map((r) => r.right)) }
      : box;
    if (box.right > bounds.right + SLACK || box.left < bounds.left - SLACK)
      faults.push(`${name} lies outside the panel`);
    const s = style(element);
    const isCut = element.scrollWidth > element.clientWidth + SLACK && s.overflowX !== "visible";
    if (lines.length && isCut && element.clientWidth && !(s.textOverflow === "ellipsis" && isTitled(element)))
      faults.push(`${name} is cut off`);
    for (let e = element.parentElement; e && e !== panel; e = e.parentElement) {
      const outer = e.getBoundingClientRect();
      if (style(e).overflowX === "visible" || isCut) continue;
      if (extent.right > outer.right + SLACK || extent.left < outer.left - SLACK) {
        faults.push(`${name} is cut off by what holds it`);
        break;
      }
    }
  }

  // Text of several lines that are as wide as a letter or two.
  for (const { lines, name, text } of pieces)
    if (lines.length > 2 && text.trim().length > 3 && Math.max(...lines.map((r) => r.width)) < 24)
      faults.push(`${name} is broken into letters`);
  const words = (text) => text.match(/[\p{L}\p{N}]+/gu) ?? [];
  const pen = document.createElement("canvas").getContext("2d");
  for (const { element, box, lines, text, name } of pieces) {
    if (!lines.length || element.closest("pre, code")) continue;
    pen.font = style(element).font;
    const widest = Math.max(0, ...words(text).map((word) => pen.measureText(word).width));
    const room = box.width - parseFloat(style(element).paddingLeft) - parseFloat(style(element).paddingRight);
    if (lines.length > 1 && widest > room + SLACK && widest < 100)
      faults.push(`${name} has a word that is broken`);
  }
  // What is typed into an empty field is told by its placeholder, and its name by its label.
  for (const element of panel.querySelectorAll("input, textarea")) {
    if (!isShown(element) || element.ariaHidden || element.closest("[aria-hidden=true]")) continue;
    if (["hidden", "file"].includes(element.type)) continue;
    const isNamed = element.ariaLabel || element.getAttribute("aria-labelledby");
    if (!isNamed && !element.labels.length) faults.push(`the field ${quote(element.placeholder)} has no label`);
    // The App has words of its own in a field for several values.
    if (element.value || !element.placeholder || element.closest(".MuiAutocomplete-root")) continue;
    pen.font = style(element).font;
    const room = element.clientWidth - parseFloat(style(element).paddingLeft);
    if (pen.measureText(element.placeholder).width > room + SLACK)
      faults.push(`the placeholder ${quote(element.placeholder)} is cut off`);
  }

  for (const element of [panel, ...panel.querySelectorAll("*")]) {
    const scrolls = ["auto", "scroll"].includes(style(element).overflowX);
    if (element.matches("pre")) continue; // lines of a program are as long as they are
    if (scrolls && element.clientWidth && element.scrollWidth > element.clientWidth + SLACK)
      faults.push(`one has to scroll sideways in ${quote(element.innerText)}`);
  }

  const boxesOf = (piece) => (piece.lines.length ? piece.lines : [piece.box]);
  const meet = (a, b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 &&
    Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
  for (let i = 0; i < pieces.length; i++)
    for (let j = i + 1; j < pieces.length; j++) {
      const [one, other] = [pieces[i], pieces[j]];
      if (one.element.contains(other.element) || other.element.contains(one.element)) continue;
      const field = one.element.closest(".MuiInputBase-root, .MuiFormControl-root");
      if (field && field.contains(other.element) && field.matches(".MuiInputBase-root")) continue;
      // A radio button is two icons, one on the other.
      if (one.element.closest(".MuiButtonBase-root, button, [role=button]")?.contains(other.element)) continue;
      if (boxesOf(one).some((a) => boxesOf(other).some((b) => meet(a, b))))
        faults.push(`${one.name} and ${other.name} overlap`);
    }

  const parse = (color) => (color.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const over = (top, below) => {
    const alpha = top[3] ?? 1;
    return [0, 1, 2].map((k) => top[k] * alpha + below[k] * (1 - alpha));
  };
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      layers.push(parse(style(e).backgroundColor));
      if ((layers.at(-1)[3] ?? 1) === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const luminance = (color) => {
    const [r, g, b] = color.map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const { element, lines, name } of pieces) {
    // The App's own orange buttons and greyed controls are as it wants them.
    if (!lines.length || element.closest(".MuiButton-contained, .Mui-disabled, [disabled]")) continue;
    const ground = behind(element);
    const [a, b] = [luminance(over(parse(style(element).color), ground)), luminance(ground)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const wanted = parseFloat(style(element).fontSize) >= 24 ? 3 : 4.5;
    if (contrast < wanted) faults.push(`${name} has a contrast of ${contrast.toFixed(1)} only`);
  }

  const odd = panel.innerText.match(/\b(undefined|NaN|None|null|Infinity)\b|\[object|[{}]/g);
  if (odd) faults.push(`the page says ${[...new Set(odd)].join(", ")}`);
  return [...new Set(faults)];
};
