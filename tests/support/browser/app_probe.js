// What the App shows, read from outside: the strokes that its grid draws, and its own state.
//
// Runs in each window before the App's scripts. Each canvas of the grid tells when it is drawn
// ("canvas-loaded", with the sample's path); what was stroked since it was cleared is what a
// person sees in the tile.
(() => {
  const strokes = new WeakMap(); // canvas → {image: [x, y, width, height], path: [], boxes: []}
  const blank = () => ({ image: null, path: [], boxes: [] });
  const of = (context) => {
    if (!strokes.has(context.canvas)) strokes.set(context.canvas, blank());
    return strokes.get(context.canvas);
  };
  const context = CanvasRenderingContext2D.prototype;
  const wrap = (name, note) => {
    const draw = context[name];
    context[name] = function (...values) {
      if (this.canvas instanceof HTMLCanvasElement) note(this, values);
      return draw.apply(this, values);
    };
  };
  wrap("clearRect", (at) => strokes.set(at.canvas, blank()));
  wrap("drawImage", (at, values) => {
    if (values.length === 9 && !of(at).image) of(at).image = values.slice(5);
  });
  wrap("beginPath", (at) => (of(at).path = []));
  wrap("moveTo", (at, point) => of(at).path.push(point));
  wrap("lineTo", (at, point) => of(at).path.push(point));
  wrap("stroke", (at) => {
    const { image, path, boxes } = of(at);
    if (!image || path.length !== 4) return;
    const [left, top, width, height] = image;
    const [x, y] = [(path[0][0] - left) / width, (path[0][1] - top) / height];
    const size = [(path[2][0] - path[0][0]) / width, (path[2][1] - path[0][1]) / height];
    boxes.push({ box: [x, y, ...size], color: String(at.strokeStyle) });
  });
  addEventListener("canvas-loaded", (event) => {
    const { boxes } = of(event.target.getContext("2d"));
    event.target.tile = { filepath: event.detail.sampleFilepath, boxes: [...boxes] };
    probe.drawn += 1;
    probe.drawnAt = performance.now();
  });

  const probe = { drawn: 0, drawnAt: 0, pending: 0, askedAt: 0 };
  window.appProbe = probe;

  // The tiles that can be seen, from the top; one that is not drawn (yet) is null.
  probe.tiles = () => {
    const grid = document.querySelector("[data-cy=fo-grid]");
    const frame = grid?.getBoundingClientRect();
    return [...(grid?.querySelectorAll("[data-cy=looker]") ?? [])]
      .map((tile) => ({ tile, at: tile.getBoundingClientRect() }))
      .filter(({ at }) => at.height && at.bottom > frame.top + 1 && at.top < frame.bottom - 1)
      .sort((a, b) => a.at.top - b.at.top || a.at.left - b.at.left)
      .map(({ tile }) => {
        const canvas = tile.querySelector("canvas[canvas-loaded=true]");
        const hidden = !canvas || /invisible/.test(canvas.className);
        const tags = [...tile.querySelectorAll("[data-cy^=tag-]")].map((tag) => tag.title);
        return hidden || !canvas.tile ? null : { ...canvas.tile, tags };
      });
  };

  // When the mouse was last released, and when a text last changed: for the benchmark.
  addEventListener("mouseup", () => (probe.releasedAt = performance.now()), true);
  probe.watch = (selector, text) => {
    const read = () => {
      const found = [...document.querySelectorAll(selector)].map((e) => e.innerText.trim());
      return found.find((one) => one.includes(text)) ?? "";
    };
    probe.watched = { text: read(), changedAt: 0 };
    const mine = probe.watched;
    const look = () => {
      if (probe.watched !== mine) return;
      const now = read();
      if (now !== mine.text) Object.assign(mine, { text: now, changedAt: performance.now() });
      requestAnimationFrame(look);
    };
    look();
  };

  // What the App asks its server for; the stream of events never ends, so it does not count.
  const ask = window.fetch;
  window.fetch = async (...values) => {
    const address = String(values[0]?.url ?? values[0]);
    if (/\/events$/.test(address)) return ask(...values);
    probe.pending += 1;
    probe.askedAt = performance.now();
    try {
      const answer = await ask(...values);
      answer.clone().text().catch(() => "").finally(end);
      return answer;
    } catch (error) {
      end();
      throw error;
    }
  };
  const end = () => {
    probe.pending -= 1;
    probe.askedAt = performance.now();
  };
  probe.isQuiet = (milliseconds) =>
    !probe.pending &&
    performance.now() - Math.max(probe.askedAt, probe.drawnAt) > milliseconds;

  // Only an operator of the App's own kind may read its state.
  const STATE = {
    filters: "filters",
    lasso: "extendedSelection",
    stages: "extendedStages",
    selected: "selectedSamples",
    labels: "selectedLabelIds",
    view: "view",
    viewName: "viewName",
    slice: "groupSlice",
    colors: "colorScheme",
  };
  const plain = (value) =>
    value instanceof Set ? [...value] : value instanceof Map ? [...value.keys()] : (value ?? null);
  let answer = null; // called with the App's state

  async function read({ state }) {
    const read = (atom) => state.snapshot.getPromise(atom).then(plain);
    const said = { fields: await read(__fos__.activeFields({ modal: false })) };
    for (const [name, atom] of Object.entries(STATE)) said[name] = await read(__fos__[atom]);
    return said;
  }

  const register = () => {
    if (probe.registered) return;
    probe.registered = true;
    class Probe extends __foo__.Operator {
      get config() {
        return new __foo__.OperatorConfig({ name: "probe", label: "Probe", unlisted: true });
      }
      async execute(context) {
        await read(context).then(answer.resolve, answer.reject);
      }
    }
    __foo__.registerOperator(Probe, "@tests/probe");
  };
  probe.state = () =>
    new Promise((resolve, reject) => {
      answer = { resolve, reject };
      register();
      __foo__.executeOperator("@tests/probe/probe", {});
    });
  // Does what a person does, by the App's own operators.
  probe.tell = (operator, params) =>
    new Promise((resolve) =>
      __foo__.executeOperator(`@voxel51/operators/${operator}`, params, { callback: resolve }),
    );
})();
