/* What the panel needs of the browser. The App loads this file unchanged; nothing builds it.

   FiftyOne keeps the values of a Python panel's controls in the panel's state, saves that with the
   workspace, and then reads the dataset again, which empties filters, lasso and overlays of the
   grid. And all windows of a session share it. So here the page that Python describes is drawn by
   the App's own controls, but their values stay in this window: in the panel's local data. They go
   to the server with each event, and come back as patches. See docs/adr/0012.

   Where the App's own control cannot do it, ours stands in its place: tables that are reached by
   keyboard, the range of confidence, and a search while typing. Python describes those as the App's own, and where this file is not
   loaded, the App draws them so. */
(function () {
  "use strict";

  const React = window.React;
  const mui = window.__mui__;
  const { Operator, OperatorConfig, OperatorIO, executeOperator, registerOperator, types } =
    window.__foo__;
  const { useGlobalExecutionContext, usePanelEvent } = window.__foo__;
  const fos = window.__fos__;
  const { useRecoilState } = window.recoil;
  const { PluginComponentType, registerComponent } = window.__fop__;
  const { usePanelId, usePanelState } = window.__fosp__;
  const h = React.createElement;
  const PLUGIN = "@auto-labeling/auto-labeling";
  const PANEL = "auto_labeling_panel";

  /* This window, until it is loaded again. */
  const WINDOW = Math.random().toString(16).slice(2, 10);
  /* Milliseconds for which a text or a key may be followed by another. */
  const PAUSE = 250;
  const NOTHING = {};

  /* Sends an event of the panel to its handler in Python: (operator, params, whenAnswered). */
  const Send = React.createContext(() => undefined);
  /* Shows another number of labels at once, until Python has answered. */
  const Count = React.createContext(() => undefined);
  /* The panels that have just been opened, and so know how the grid stands. */
  const opened = new Set();

  // --- the values of this window ------------------------------------------------------------

  /* A panel's values in this window, as [values, ref to the latest, setter of some of them]. */
  function useValues(panelId) {
    const [local, setLocal] = usePanelState(null, panelId, true);
    const values = (local && local.data) || NOTHING;
    const latest = React.useRef(values);
    latest.current = values;
    const change = React.useCallback(
      (update) => {
        latest.current = update(latest.current);
        setLocal((before) => ({ ...before, data: update((before && before.data) || NOTHING) }));
      },
      [setLocal]
    );
    return [values, latest, change];
  }

  /* A copy of values in which the one at a path ("form.labels.name") is another. */
  function withValue(values, path, value) {
    const [first, ...rest] = path.split(".");
    const child = rest.length ? withValue(values[first] || NOTHING, rest.join("."), value) : value;
    return { ...values, [first]: child };
  }

  /* What travels with each event, so that the server knows the window and its values. */
  function ownOf(panelId, values) {
    return { id: `${WINDOW}-${panelId}`, state: values };
  }

  /* By panel: how many events are not answered yet. */
  const pending = new Map();

  function useSend(panelId, latest) {
    const trigger = usePanelEvent();
    return React.useCallback(
      (operator, params, whenAnswered) => {
        const own = ownOf(panelId, latest.current);
        pending.set(panelId, (pending.get(panelId) || 0) + 1);
        trigger(panelId, {
          operator,
          params: { ...params, window: own },
          callback: () => {
            pending.set(panelId, pending.get(panelId) - 1);
            if (whenAnswered) whenAnswered();
          },
        });
      },
      [panelId]
    );
  }

  /* By panel: filters that this window has set, and told Python of in the same moment. */
  const told = new Map();

  /* Milliseconds that the App takes to send an event: what it draws before it delays that. */
  const SENDING = 40;
  /* Milliseconds in which the App asks for the samples of the grid, before Python is told. */
  const GRID_FIRST = 550;

  /* By panel: what it tells Python once the grid has had its turn; at the latest before a click. */
  const due = new Map();

  function tellDue(panelId) {
    const { tell, timer } = due.get(panelId) || NOTHING;
    due.delete(panelId);
    clearTimeout(timer);
    if (tell) tell();
  }

  function tellLater(panelId, tell) {
    tellDue(panelId);
    due.set(panelId, { tell, timer: setTimeout(() => tellDue(panelId), GRID_FIRST) });
  }

  /* Returns a function that sets a filter of the grid at once, and not when Python has answered.
     It calls back with all filters: first, so that Python is asked before the App draws; or, where
     the page knows the new number of labels, later: the grid's question is answered sooner then. */
  function useFilter(panelId) {
    const [filters, setFilters] = useRecoilState(fos.filters);
    const latest = React.useRef(filters);
    latest.current = filters;
    return React.useCallback(
      (path, filter, tell, isLater) => {
        const { [path]: before, ...others } = latest.current;
        const now = filter ? { ...others, [path]: filter } : others;
        if (isLater) tellLater(panelId, () => tell(now));
        else tell(now);
        if (!before && !filter) return;
        latest.current = now;
        const set = () => {
          told.set(panelId, now);
          setFilters(now);
        };
        if (isLater) set();
        else setTimeout(set, SENDING);
      },
      [panelId, setFilters]
    );
  }

  /* Whether Python knows of a change of the filters, and draws no page for another one. */
  function isTold(panelId, filters) {
    const known = told.get(panelId);
    told.delete(panelId);
    const isKnown = known && JSON.stringify(known) === JSON.stringify(filters);
    return isKnown && (pending.get(panelId) || 0) <= 1;
  }

  /* A browser's tab keeps its values when it is loaded again, and shares them with no other. */
  const keyOf = (name) => `auto-labeling/${name}`;

  function remembered(name) {
    try {
      return JSON.parse(window.sessionStorage.getItem(keyOf(name))) || NOTHING;
    } catch (error) {
      return NOTHING; // storage is switched off, or holds something else
    }
  }

  function remember(name, values) {
    try {
      window.sessionStorage.setItem(keyOf(name), JSON.stringify(values));
    } catch (error) {
      // Storage is switched off, or full: this window starts at the list of runs when reloaded.
    }
  }

  // --- the page -------------------------------------------------------------------------------

  /* The App's controls that ours replace, by the name of their view in Python. */
  const REPLACED = {
    TableView: "AutoLabelingTable",
    SliderView: "AutoLabelingRange",
    TimerView: "AutoLabelingTimer",
    LazyFieldView: "AutoLabelingSearch",
  };

  /* The page as the App draws it here: our controls, buttons that say from which window, and what
     counts labels: with the number that a slider has just given, until Python has answered. */
  function adapted(property, own, number) {
    const { view, type } = property;
    const copy = { ...property };
    if (view) {
      const component = REPLACED[view.name];
      copy.view = { ...view };
      if (view.live && number !== null) Object.assign(copy.view, counting(view, number));
      if (component) Object.assign(copy.view, { name: "View", component, composite_view: true });
      if (component) copy.view.on_change = property.on_change;
      if (view.operator) copy.view.params = { ...copy.view.params, window: own };
    }
    if (type && type.properties) {
      const children = Object.entries(type.properties).map(([n, p]) => [n, adapted(p, own, number)]);
      copy.type = { ...type, properties: Object.fromEntries(children) };
    }
    return copy;
  }

  /* What a text or a button is with another number of labels: "live" has a "#" in its place. */
  function counting({ live, params }, number) {
    const written = number.toLocaleString("en-US");
    const words = Object.entries(live).map(([name, text]) => {
      const said = text.replace("#", written);
      return [name, number === 1 ? said.replace("1 labels for", "1 label for") : said];
    });
    const changed = Object.fromEntries(words);
    if (!params || !("expected" in params)) return changed;
    return { ...changed, disabled: !number, params: { ...params, expected: number } };
  }

  /* How many labels a range of confidence holds. */
  function numberIn(steps, [low, high], isFull) {
    const at = (value) => Math.round(value * 100);
    return isFull ? steps.all : steps.up_to[at(high)] - steps.below[at(low)];
  }

  /* Tells Python how the grid changes: with the values of this window, which the App cannot. */
  function useGridEvents(view, panelId, send) {
    const grid = useGlobalExecutionContext();
    const shown = [grid.view, grid.viewName, grid.filters, grid.extended];
    const selected = [grid.extendedSelection, grid.selectedSamples, grid.selectedLabels];
    const now = [...shown, ...selected, grid.groupSlice, grid.datasetName];
    const before = React.useRef(null);
    React.useEffect(() => {
      const was = before.current;
      before.current = now;
      const differs = (from, to) => was.slice(from, to).some((value, i) => value !== now[from + i]);
      if (!was) {
        if (!opened.delete(panelId)) send(view.on_change_view); // its tab is in front again
      } else if (differs(8, 9)) send(view.on_change_dataset);
      else if (differs(0, 4)) {
        const isAlone = !differs(0, 2) && !differs(3, 8); // of all, the filters alone
        if (!isAlone || !isTold(panelId, grid.filters)) send(view.on_change_view);
      } else if (differs(7, 8)) send(view.on_change_group_slice);
      else send(view.on_change_selected);
    }, now);
  }

  /* Milliseconds in which the App reads a dataset again, and empties what a person has set. */
  const READING = 8000;
  /* By panel: what is put back for now, and what the grid last had. Not kept by the page itself,
     which the App may take down while it reads. */
  const keeping = new Map();

  /* Puts back what the App empties when Python makes it read the dataset again, for a new field or
     another view. "kept" is what there was, and how often the App will read. */
  function useKept(kept, panelId) {
    const grid = useGlobalExecutionContext();
    const selected = grid.selectedSamples ? [...grid.selectedSamples.keys()] : [];
    const lasso = (grid.extendedSelection && grid.extendedSelection.selection) || [];
    const now = { filters: grid.filters, lasso, selected };
    if (!keeping.has(panelId)) keeping.set(panelId, { until: 0, last: now });
    const keeper = keeping.get(panelId);
    React.useEffect(() => {
      if (!kept || (keeper.kept && keeper.kept.id === kept.id)) return;
      const { times } = kept;
      const until = Date.now() + READING;
      Object.assign(keeper, { kept, until, filters: times, lasso: times, selected: times });
    }, [kept && kept.id]);
    React.useEffect(() => {
      const { last, until, kept: was } = keeper;
      keeper.last = now;
      if (Date.now() > until) return;
      const samples = was.selected;
      const all = {
        filters: [was.filters, () => tellApp("set_filters", was.filters)],
        lasso: [was.lasso.selection, () => tellApp("set_extended_selection", was.lasso)],
        selected: [samples, () => tellApp("set_selected_samples", { samples })],
      };
      for (const [what, [value, putBack]] of Object.entries(all)) {
        const isEmptied = size(last[what]) > 0 && size(now[what]) === 0;
        if (!isEmptied || size(value) === 0 || keeper[what] === 0) continue;
        keeper[what] -= 1;
        putBack();
      }
    }, [grid.filters, grid.extendedSelection, grid.selectedSamples]);
  }

  const size = (value) => Object.keys(value || NOTHING).length;
  const tellApp = (name, params) => executeOperator(`@voxel51/operators/${name}`, params);

  /* Shows the first field to correct, and puts the keyboard into it: "moment" is when, by an id. */
  function usePointed(moment, box) {
    React.useEffect(() => {
      if (!moment) return undefined;
      const timer = setTimeout(() => {
        const field = box.current && box.current.querySelector("[data-to-correct]");
        if (!field) return;
        center(field);
        const control = field.querySelector(":checked") || field.querySelector(CONTROLS.join());
        if (control) control.focus({ preventScroll: true });
      }, 0); // once the App has drawn the page
      return () => clearTimeout(timer);
    }, [moment]);
  }

  /* Scrolls the panel so far that an element stands in its middle. Its own scrollIntoView would move
     the App too, which cannot be scrolled back by hand. */
  function center(element) {
    const scrolls = (box) => /auto|scroll/.test(getComputedStyle(box).overflowY);
    let frame = element.parentElement;
    while (frame && !(scrolls(frame) && frame.scrollHeight > frame.clientHeight))
      frame = frame.parentElement;
    if (!frame) return;
    const [inner, outer] = [element, frame].map((box) => box.getBoundingClientRect());
    frame.scrollTop += inner.top + inner.height / 2 - (outer.top + outer.height / 2);
  }

  const CONTROLS = ["[role=combobox]", "input:not([aria-hidden]):not([type=file])", "textarea"];

  // --- the keyboard ---------------------------------------------------------------------------

  const PAGE = "auto-labeling-page";
  const TYPED_IN = "textarea, [role=combobox], input:not([type=range], [type=radio], [type=checkbox])";
  const FOCUSABLE = `button, a[href], ${CONTROLS.join()}, [tabindex='0']`;

  /* Names fields for screen readers: the App shows the label of some without tying it to them. */
  function useNames(box) {
    React.useEffect(() => {
      const nameFields = () => {
        for (const field of box.current.querySelectorAll("input, textarea")) {
          if (field.type === "hidden" || field.ariaHidden || field.labels.length) continue;
          if (field.ariaLabel || field.getAttribute("aria-labelledby")) continue;
          field.ariaLabel = labelAbove(field) || field.placeholder;
        }
      };
      const observer = new MutationObserver(nameFields);
      observer.observe(box.current, { childList: true, subtree: true });
      nameFields();
      return () => observer.disconnect();
    }, []);
  }

  /* The first line of what stands around a field: the App puts the label there. */
  function labelAbove(field) {
    const own = field.closest(".MuiAutocomplete-root") || field.closest(".MuiFormControl-root") || field;
    let around = own.parentElement;
    while (!around.innerText.trim() && !around.classList.contains(PAGE)) around = around.parentElement;
    return around.innerText.trim().split("\n")[0];
  }

  /* The control with the keyboard focus; not kept by the page itself, which the App may remake. */
  let focused = null;
  let shownPage = "";

  /* Keeps the keyboard focus in the page when the control that has it goes or is disabled. */
  function useFocusKept(box, name) {
    React.useEffect(() => {
      if (focused && shownPage !== name) box.current.focus({ preventScroll: true }); // at its top
      shownPage = name;
    }, [name]);
    React.useEffect(() => {
      const page = box.current;
      const note = ({ target }) => (focused = target);
      const leave = () => (focused = null); // by the person: what is taken away tells of nothing
      const keep = () => {
        const was = focused;
        if (!was || document.activeElement !== document.body) return;
        const all = [...page.querySelectorAll(FOCUSABLE)];
        const next = was.isConnected && all.find((e) => !e.disabled && isBefore(was, e));
        (next || page).focus({ preventScroll: true });
      };
      const isBefore = (one, other) =>
        one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING;
      const observer = new MutationObserver(keep);
      const what = { childList: true, subtree: true, attributes: true };
      observer.observe(page, { ...what, attributeFilter: ["disabled"] });
      const follow = ({ relatedTarget }) => {
        if (relatedTarget && !page.contains(relatedTarget)) leave();
      };
      page.addEventListener("focusin", note);
      page.addEventListener("focusout", follow);
      keep();
      document.addEventListener("pointerdown", leave, true);
      return () => {
        observer.disconnect();
        document.removeEventListener("pointerdown", leave, true);
      };
    }, []);
  }

  /* Keys of the page, while it has the keyboard and no text is typed: buttons name theirs by
     "aria-keyshortcuts"; n and p show the next and the previous class of a table alone. */
  function useKeys(box) {
    const place = React.useRef(null);
    const rowsOf = () => [...box.current.querySelectorAll("tbody tr[tabindex]")];
    const nameOf = (row) => row.cells[0].textContent;
    const note = () => {
      const rows = rowsOf();
      const index = rows.findIndex((row) => row.getAttribute("aria-current") === "true");
      if (index >= 0) place.current = { index, name: nameOf(rows[index]) };
      return index;
    };
    const step = (by) => {
      const rows = rowsOf();
      let from = note();
      const was = place.current;
      if (from < 0 && was) {
        const there = rows.findIndex((row) => nameOf(row) === was.name);
        // The class has gone from the table: the one after it stands in its place.
        from = there < 0 && by > 0 ? was.index - 1 : there < 0 ? was.index : there;
      }
      const row = rows[from < 0 && by < 0 ? -1 : from + by];
      if (!row) return;
      row.focus();
      row.click();
      place.current = { index: rows.indexOf(row), name: nameOf(row) };
    };
    return (event) => {
      const { key, target, altKey, ctrlKey, metaKey } = event;
      const isOurs = box.current.contains(target) && !target.closest(TYPED_IN);
      if (!isOurs || altKey || ctrlKey || metaKey || !/^[a-z]$/.test(key)) return;
      note();
      const button = box.current.querySelector(`button[aria-keyshortcuts='${key}']:enabled`);
      if (button) button.click();
      else if (key === "n") step(1);
      else if (key === "p") step(-1);
      else return;
      event.stopPropagation();
      event.preventDefault();
    };
  }

  /* Calls back when no other value has come for the same path for a moment, or when told to: as
     [later, now]. */
  function usePause(callback) {
    const waiting = React.useRef({});
    const later = (path, milliseconds, ...given) => {
      const call = () => {
        delete waiting.current[path];
        callback(path, ...given);
      };
      clearTimeout(waiting.current[path] && waiting.current[path].timer);
      waiting.current[path] = { call, timer: setTimeout(call, milliseconds) };
    };
    const now = () => {
      for (const { call, timer } of Object.values(waiting.current)) {
        clearTimeout(timer);
        call();
      }
    };
    return [later, now];
  }

  const OUTLINE = { outline: "2px solid", outlineColor: "var(--fo-palette-primary-main)" };
  const VISIBLE_FOCUS = {
    "& :focus-visible, & .Mui-focusVisible": { ...OUTLINE, outlineOffset: "1px" },
    "&:focus-visible": { ...OUTLINE, outlineOffset: "-2px" },
  };

  /* A card that opens what it is about, wherever it is clicked. */
  const OPENS = { "& [data-opens]": { cursor: "pointer" } };

  function open({ target }, send, view) {
    const card = target.closest("[data-opens]");
    const isControl = target.closest("button, a, input, textarea, [role=combobox]");
    const isText = String(window.getSelection()) !== ""; // that a person selects
    if (card && !isControl && !isText) send(view.open_run, { run_id: card.dataset.opens });
  }

  /* Keeps Enter from the App, whose view bar takes each one outside of a text field for itself, so
     that no button could be pressed by it. In a field of a small form it presses the first button. */
  function onEnter(event) {
    if (event.key !== "Enter") return;
    event.stopPropagation();
    const form = event.target.matches("input") && event.target.closest("[data-enter]");
    const button = form && form.querySelector("button");
    if (button) button.click();
  }

  function Page({ schema, layout }) {
    const { view } = schema;
    const panelId = usePanelId();
    const [values, latest, change] = useValues(panelId);
    const send = useSend(panelId, latest);
    useGridEvents(view, panelId, send);
    useKept(view.kept, panelId);
    const box = React.useRef(null);
    usePointed(view.pointed, box);
    useNames(box);
    useFocusKept(box, values.page || "home");
    const onKey = useKeys(box);
    useColors(values.page === "review" ? values.staging_field : "");
    React.useEffect(() => remember(panelId, values), [panelId, values]);
    const [tell, tellNow] = usePause((path, operator, value) => send(operator, { path, value }));
    const onPathChange = (path, value, { onChange, view: { component } = {} }) => {
      change((before) => withValue(before, path, value));
      const isTyped = /^(TextField|Field|Primitive|Autocomplete)/.test(component || "");
      if (onChange) tell(path, isTyped ? PAUSE : 0, onChange, value);
    };
    const [count, setCount] = React.useState(NOTHING);
    const number = count.page === view.page ? count.number : null;
    const show = React.useCallback((n) => setCount({ page: view.page, number: n }), [view.page]);
    const page = React.useMemo(
      () => types.Property.fromJSON(adapted(view.page, ownOf(panelId, values), number)),
      [view.page, panelId, values, number]
    );
    const pathChange = React.useRef(onPathChange);
    pathChange.current = onPathChange;
    // The same element, unless what it shows has changed: the App draws a page in 0.2 s, and this
    // function is called at each change of the grid.
    const drawn = React.useMemo(() => {
      const shown = { id: panelId, schema: page, data: values, layout };
      const onChanges = {
        onPathChange: (...given) => pathChange.current(...given),
        onChange: () => undefined,
      };
      return h(OperatorIO, { ...shown, ...onChanges, shouldClearUseKeyStores: false });
    }, [panelId, page, values, JSON.stringify(layout)]);
    const named = { role: "region", "aria-label": "Auto Labeling", className: PAGE, tabIndex: -1 };
    return h(
      Send.Provider,
      { value: send },
      h(
        Count.Provider,
        { value: show },
        h(
          mui.Box,
          {
            ...named,
            sx: { ...VISIBLE_FOCUS, ...OPENS },
            ref: box,
            // What was typed goes before what a button does, or its answer would come after it.
            onClickCapture: () => {
              tellNow();
              tellDue(panelId);
            },
            onClick: (event) => open(event, send, view),
            onKeyDown: (event) => {
              onEnter(event);
              onKey(event);
            },
          },
          drawn
        )
      )
    );
  }

  /* What the panel shows first: tells Python that this file is loaded, and what this tab knows. */
  function Hello({ schema }) {
    const panelId = usePanelId();
    const [, latest, change] = useValues(panelId);
    const send = useSend(panelId, latest);
    React.useEffect(() => {
      const known = remembered(panelId);
      if (known.page !== "review") executeOperator(`${PLUGIN}/color_by_class`, { on: false });
      change(() => known);
      opened.add(panelId);
      send(schema.view.on_hello);
    }, []);
    return null;
  }

  // --- controls -------------------------------------------------------------------------------

  /* Sends an event without the wheel in the panel's tab, which the App turns for all others. */
  function useSendQuietly() {
    const panelId = usePanelId();
    const [, latest] = useValues(panelId);
    return (operator, params, callback) => {
      const ids = { panel_id: panelId, panel_state: {}, window: ownOf(panelId, latest.current) };
      executeOperator(operator, { ...params, ...ids }, { callback, skipErrorNotification: true });
    };
  }

  /* Sends an event after a while, or again and again: not while its tab is in the background, but
     at once when it comes to the front. */
  function Timer({ schema }) {
    const { interval, on_interval, timeout, on_timeout, params, is_quiet: isQuiet } = schema.view;
    const sendQuietly = useSendQuietly();
    const sendAloud = React.useContext(Send);
    const send = isQuiet ? sendQuietly : sendAloud;
    React.useEffect(() => {
      let waits = false;
      let isDue = false;
      const tick = () => {
        isDue = document.hidden;
        if (isDue || waits) return; // the last tick may still be being answered: a slow network
        waits = true;
        send(interval ? on_interval : on_timeout, params, () => (waits = false));
      };
      const show = () => isDue && tick();
      const timer = interval ? setInterval(tick, interval) : setTimeout(tick, timeout);
      document.addEventListener("visibilitychange", show);
      return () => {
        (interval ? clearInterval : clearTimeout)(timer);
        document.removeEventListener("visibilitychange", show);
      };
    }, [interval, on_interval, timeout, on_timeout]);
    return null;
  }

  const styleOf = (view, part) => (view.componentsProps && view.componentsProps[part]) || {};

  /* A range of numbers: a slider with two thumbs, and a field for each. */
  function Range({ schema, path }) {
    const { min, max, view_multiple_of: step, value, label, on_change } = schema.view;
    const { filters: at, steps } = schema.view;
    const send = React.useContext(Send);
    const showCount = React.useContext(Count);
    const setFilter = useFilter(usePanelId());
    const [range, setRange] = React.useState(value);
    const unanswered = React.useRef(0);
    const timer = React.useRef(0);
    // What Python says counts, unless it has not heard yet of what was done here since.
    React.useEffect(() => {
      if (!unanswered.current) setRange(value);
    }, [value[0], value[1]]);
    const commit = (next, milliseconds) => {
      setRange(next);
      clearTimeout(timer.current);
      if (!timer.current) unanswered.current += 1;
      const say = () => {
        timer.current = 0;
        const tell = (filters) =>
          send(on_change, { path, value: next, filters }, () => (unanswered.current -= 1));
        if (!at) return tell();
        const isFull = next[0] === min && next[1] === max;
        const filter = isFull ? null : { range: next, exclude: false, isMatching: false };
        setFilter(at, filter, tell, Boolean(steps));
        // In a turn of its own, once the grid has sent its question.
        if (steps) setTimeout(() => showCount(numberIn(steps, next, isFull)), 0);
      };
      if (milliseconds) timer.current = setTimeout(say, milliseconds);
      else say();
    };
    const hasKey = React.useRef(false);
    const round = (number) => Number((Math.round(number / step) * step).toFixed(6));
    const field = (index) => {
      const name = `${index ? "Maximum" : "Minimum"} ${label.toLowerCase()}`;
      return h(NumberField, {
        name,
        value: range[index],
        min: index ? range[0] : min,
        max: index ? max : range[1],
        step,
        onValue: (number, pause) => {
          const next = [...range];
          next[index] = number;
          commit(next, pause);
        },
      });
    };
    const slider = h(mui.Slider, {
      value: range,
      min,
      max,
      step,
      size: "small",
      disableSwap: true,
      getAriaLabel: (index) => `${index ? "Highest" : "Lowest"} ${label.toLowerCase()}`,
      valueLabelDisplay: "auto",
      valueLabelFormat: (number) => number.toFixed(2),
      onKeyDown: () => (hasKey.current = true),
      onPointerDown: () => (hasKey.current = false),
      onChange: (event, next) => setRange(next.map(round)),
      onChangeCommitted: (event, next) => commit(next.map(round), hasKey.current ? PAUSE : 0),
    });
    const ends = { display: "flex", justifyContent: "space-between" };
    return h(
      mui.Box,
      null,
      h(mui.Box, { sx: { px: 1 } }, slider),
      h(mui.Box, { sx: ends }, field(0), field(1))
    );
  }

  /* A field for a number with two decimals; arrow keys change it by one step. */
  function NumberField({ name, value, min, max, step, onValue }) {
    const said = value.toFixed(2);
    const [text, setText] = React.useState(said);
    const [isEdited, setEdited] = React.useState(false);
    React.useEffect(() => {
      if (!isEdited) setText(said);
    }, [said, isEdited]);
    const take = (typed, pause) => {
      const number = typed.trim() === "" ? NaN : Number(typed);
      if (number >= min && number <= max && number !== value) onValue(number, pause);
    };
    return h(mui.TextField, {
      type: "number",
      size: "small",
      variant: "outlined",
      value: isEdited ? text : said,
      inputProps: { "aria-label": name, min, max, step, style: { width: "4.2rem", padding: 6 } },
      onFocus: () => setEdited(true),
      onChange: ({ target }) => {
        setText(target.value);
        take(target.value, PAUSE);
      },
      onBlur: () => setEdited(false),
      onKeyDown: ({ key }) => key === "Enter" && take(text, 0),
    });
  }

  /* A field that tells what is typed in it, a moment after the last letter. */
  function Search({ schema, path }) {
    const { label, value, on_change: operator, placeholder, is_number: isNumber } = schema.view;
    const send = React.useContext(Send);
    const [text, setText] = React.useState(value);
    const told = React.useRef(value);
    const isSame = (one, other) =>
      isNumber && one && other ? Number(one) === Number(other) : one === other;
    React.useEffect(() => {
      if (!isSame(value, told.current)) setText(value); // Python has changed it by itself
      told.current = value;
    }, [value]);
    const [tell] = usePause((_, next) => {
      told.current = next;
      send(operator, { path, value: next });
    });
    return h(mui.TextField, {
      type: isNumber ? "number" : "search",
      size: "small",
      fullWidth: true,
      placeholder: placeholder || label,
      value: text,
      inputProps: { "aria-label": label, ...(isNumber && { min: 0, step: "any" }) },
      onChange: ({ target }) => {
        setText(target.value);
        tell(path, PAUSE, target.value);
      },
    });
  }

  /* A table whose rows and buttons are reached by keyboard: arrows go from row to row. */
  function Table({ schema, path, data }) {
    const { view } = schema;
    const { columns, row_actions: actions = [], on_click_row: onRow, selected_color: color } = view;
    const { rows = [], columns: keys = [], selectedRows = [] } = data || schema.default || NOTHING;
    const send = React.useContext(Send);
    const head = columns.map(({ key, label }) => h(mui.TableCell, { key }, label));
    if (actions.length) head.push(h(mui.TableCell, { key: " ", "aria-label": "Actions" }));
    const pick = (row) => send(onRow, { row, path, event: "on_click_row" });
    const onKeyDown = (event, row) => {
      const line = event.currentTarget;
      if (event.target !== line) return; // a button of the row
      const next = { ArrowDown: line.nextSibling, ArrowUp: line.previousSibling }[event.key];
      if (next) next.focus();
      if (event.key === "Enter" || event.key === " ") pick(row);
      if (next || event.key === " ") event.preventDefault(); // or the page would scroll
    };
    const lineOf = (cells, row) => {
      const isSelected = selectedRows.includes(row);
      const props = { key: row, sx: { backgroundColor: isSelected ? color : undefined } };
      if (onRow) {
        const name = cells.join(", ");
        Object.assign(props, { tabIndex: 0, "aria-current": isSelected, "aria-label": name });
        Object.assign(props, { onClick: () => pick(row), onKeyDown: (e) => onKeyDown(e, row) });
      }
      const shown = cells.map((cell, index) => h(mui.TableCell, { key: keys[index] }, cell));
      const usable = actions.filter(({ rows: which }) => !which || which[row] !== false);
      const buttons = usable.map(({ name, label, icon, tooltip, on_click: operator }) =>
        h(
          mui.Button,
          {
            key: name,
            size: "small",
            title: tooltip,
            startIcon: icon && h(mui.Icon, { fontSize: "small" }, icon),
            sx: { textTransform: "none" },
            onClick: (event) => {
              event.stopPropagation();
              send(operator, { row, path, event: name });
            },
          },
          label
        )
      );
      if (actions.length) shown.push(h(mui.TableCell, { key: " ", align: "right" }, buttons));
      return h(mui.TableRow, props, shown);
    };
    return h(
      mui.TableContainer,
      { sx: styleOf(view, "tableContainer").sx },
      h(
        mui.Table,
        { size: "small", sx: styleOf(view, "table").sx },
        h(mui.TableHead, null, h(mui.TableRow, null, head)),
        h(mui.TableBody, null, rows.map(lineOf))
      )
    );
  }

  // --- the grid ---------------------------------------------------------------------------------

  /* Makes the grid ask for its samples again, and stay where it is.

     The App's "reload_samples" counts up "refresher": the tiles are made again, but from answers
     that the App has kept, since what fetches pages remembers which ones it has fetched. It is made
     anew when the filters are another object, be they the same filters. */
  class RefreshGrid extends Operator {
    get config() {
      return new OperatorConfig({ name: "refresh_grid", label: "Refresh the grid", unlisted: true });
    }

    async execute({ state: { snapshot, set } }) {
      const [filters, count] = await Promise.all(
        [fos.filters, fos.refresher].map((atom) => snapshot.getPromise(atom))
      );
      set(fos.filters, { ...filters }); // both at once, or the grid is drawn in between
      set(fos.refresher, count + 1);
    }
  }

  /* What we set in the App's color scheme, beside "colorBy": an entry for the field in review. All
     windows of a session share the scheme, so it says in each of them, and when a browser was closed
     in review, that the colors must be given back, and which: by field, or by instance. */
  const fieldsOf = (scheme) => scheme.fields || [];
  const isOwn = ({ fieldColor, valueColors }) => fieldColor || (valueColors && valueColors.length);
  const isMark = (entry) => /_in_review$/.test(entry.path) && !isOwn(entry);
  const markIn = (scheme) => fieldsOf(scheme).find(isMark);
  const byBefore = ({ colorByAttribute }) => (colorByAttribute ? "field" : "instance");

  function coloredByClass(scheme, field) {
    const { colorBy } = scheme;
    if (colorBy === "value") return scheme;
    const others = fieldsOf(scheme).filter(({ path }) => path !== field);
    const mark = { path: field, colorByAttribute: colorBy === "instance" ? null : "label" };
    return { ...scheme, colorBy: "value", fields: [...others, mark] };
  }

  function coloredAsBefore(scheme) {
    const mark = markIn(scheme);
    if (!mark) return scheme;
    const fields = fieldsOf(scheme).filter((entry) => entry !== mark);
    // What a person has chosen since then stays.
    const colorBy = scheme.colorBy === "value" ? byBefore(mark) : scheme.colorBy;
    return { ...scheme, colorBy, fields };
  }

  /* Colors labels by class while a field is in review, and gives back what there was before. */
  class ColorByClass extends Operator {
    get config() {
      return new OperatorConfig({ name: "color_by_class", label: "Color by class", unlisted: true });
    }

    async execute({ state: { snapshot, set }, params: { field, on } }) {
      const scheme = await snapshot.getPromise(fos.colorScheme);
      if (on) set(fos.shownLabelAttributes(field), ["label", "confidence"]);
      const next = on ? coloredByClass(scheme, field) : coloredAsBefore(scheme);
      if (next !== scheme) set(fos.colorScheme, next);
    }
  }

  /* Colors by class again, when another window of the session has left its review. */
  function useColors(field) {
    const [scheme, setScheme] = useRecoilState(fos.colorScheme);
    const wasMarked = React.useRef(false);
    React.useEffect(() => {
      const isMarked = Boolean(markIn(scheme));
      if (field && wasMarked.current && !isMarked) setScheme(coloredByClass(scheme, field));
      wasMarked.current = isMarked && Boolean(field);
    }, [scheme, field]);
  }

  /* Opens the panel, as the operator of the same name in Python does, which the App lists and asks
     where this file is not loaded; and puts the keyboard into it. */
  class OpenPanel extends Operator {
    get config() {
      return new OperatorConfig({ name: "open_panel", label: "Open the panel", unlisted: true });
    }

    async execute() {
      tellApp("open_panel", { name: PANEL, isActive: true, layout: "horizontal" });
      const until = Date.now() + READING;
      const timer = setInterval(() => {
        const page = document.querySelector(`.${PAGE}`);
        const isShown = page && page.offsetParent && page.childElementCount;
        if (isShown) page.focus({ preventScroll: true });
        if (isShown || Date.now() > until) clearInterval(timer);
      }, 100);
    }
  }

  const OPERATORS = [RefreshGrid, ColorByClass, OpenPanel];
  for (const operator of OPERATORS) registerOperator(operator, PLUGIN);

  const COMPONENTS = {
    AutoLabelingHello: Hello,
    AutoLabelingPage: Page,
    AutoLabelingTimer: Timer,
    AutoLabelingRange: Range,
    AutoLabelingSearch: Search,
    AutoLabelingTable: Table,
  };
  for (const [name, component] of Object.entries(COMPONENTS)) {
    const type = PluginComponentType.Component;
    registerComponent({ name, label: name, component, type, activator: () => true });
  }
})();
