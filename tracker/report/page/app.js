// The page: what is looked at, who draws it, the keyboard and the address.

const state = {
  run: 0, frame: 1, entry: null, track: null, view: "review",
  layers: { ids: true, trails: true, hues: false, truth: false, missed: true, false: true },
};
let app = null;

const KEYS = [
  ["J, K", "next and previous entry of the list"],
  ["← →", "one frame; with Shift ten"],
  ["Home, End", "first and last frame"],
  ["Space", "play and pause"],
  ["[ ]", "slower and faster"],
  ["+ − 0", "zoom in, out, all"],
  ["I L C G M X", "layers: ids, trails, colours, truth, missed, false"],
  ["N, P", "next and previous track of this frame"],
  ["F", "find an id"],
  ["A", "run A or B"],
  ["1 2 3 4", "review, charts, run, edits"],
  ["Ctrl+Z", "undo the last edit"],
  ["T", "light or dark"],
  ["Esc", "leave the track"],
  ["?", "this help"],
];

/** Changes what is looked at, and draws what depends on it. */
function set(change, { from = null, keep = false, edited = false } = {}) {
  const before = { ...state };
  Object.assign(state, change);
  state.frame = clamp(Math.round(state.frame) || 1, 1, app.runs[0].frames);
  const moved = state.frame !== before.frame;
  const focused = state.entry !== before.entry || state.track !== before.track || state.run !== before.run;
  if (state.view !== before.view) app.show();
  if (state.run !== before.run) {
    if (!("entry" in change)) state.entry = null;
    app.list.fill();
    app.timeline.arrange();
    if (state.view === "charts") app.charts.render();
  }
  if (edited) app.edited();
  if (moved && from !== "video" && (!app.player.playing || !keep)) app.player.seek();
  else app.player.show();
  if (focused) {
    app.player.redraw();
    app.list.reveal();
  }
  if (focused || edited) app.details.render();
  else if (moved) app.details.follow();
  if (moved || focused) app.timeline.reveal();
  app.header();
  app.address();
}

function announce(text) {
  app.said.textContent = text;
  app.said.hidden = false;
  clearTimeout(app.hush);
  app.hush = setTimeout(() => (app.said.hidden = true), 6000);
}

class App {
  constructor(document_, runs) {
    this.document = document_;
    this.runs = runs;
    for (const run of runs) run.edits = new Edits(run, document_.version);
    this.said = el("p", { class: "toast", role: "status", hidden: true });
    document.body.append(this.said);
  }

  build() {
    const at = (id) => document.getElementById(id);
    document.title = `${this.document.title}: report`;
    at("title").textContent = this.document.title;
    this.views = ["review", "charts", "run", "edits"];
    this.list = new List(at("list"), this.runs, this.document.between);
    this.player = new Player(at("player"), this.runs);
    this.details = new Details(at("details"), this.runs);
    this.timeline = new Timeline(at("timeline"), this.runs);
    this.charts = new Charts(at("charts"), this.runs);
    this.about = new About(at("run"), this.runs);
    this.editsView = el("section", { id: "edits", "aria-label": "Edits", hidden: true });
    at("main").append(this.editsView);
    this.buildHeader(at);
    this.buildHelp(at("help"));
    const notes = [...new Set(this.runs.flatMap((run) => run.notes))];
    at("notes").append(...notes.map((text) => el("p", {}, text)));
    document.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("hashchange", () => this.follow());
    window.addEventListener("beforeunload", (event) => {
      if (this.runs.some((run) => !run.edits.saved)) event.preventDefault();
    });
  }

  buildHeader(at) {
    this.facts = at("facts");
    const titles = { review: "Review", charts: "Charts", run: "Run", edits: "Edits" };
    this.tabs = this.views.map((view) => el("button", { type: "button", "data-view": view, onclick: () => set({ view }) }, titles[view]));
    at("views").append(...this.tabs);
    if (this.runs.length > 1) {
      this.sides = this.runs.map((run, k) => el("button", { type: "button", onclick: () => set({ run: k, track: null }) }, run.label));
      at("views").before(el("div", { class: "sides", role: "group", "aria-label": "Run" }, ...this.sides));
    }
    this.theme = at("theme");
    this.theme.addEventListener("click", () => this.switchTheme());
    at("keys").addEventListener("click", () => at("help").showModal());
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", () => this.themed());
    this.themed();
  }

  buildHelp(dialog) {
    dialog.append(
      el("h2", { id: "help-title" }, "Keys"),
      el("dl", {}, ...KEYS.map(([key, text]) => el("div", {}, el("dt", {}, key), el("dd", {}, text)))),
      el("form", { method: "dialog" }, el("button", {}, "Close")));
  }

  header() {
    const run = this.runs[state.run];
    const counts = run.scores ? [["HOTA", (100 * run.scores.HOTA).toFixed(1)], ["IDF1", (100 * run.scores.IDF1).toFixed(1)]] : [];
    const wrong = run.counts.switch !== undefined ? `${plural(run.counts.switch, "switch", "switches")}${run.counts.swaps ? ` (${plural(run.counts.swaps, "exchange")})` : ""}` : run.explained ? plural(run.counts.suspect || 0, "suspect") : "no log";
    this.facts.textContent = [wrong, plural(run.rows.ids.length, "track"), plural(run.frames, "frame"), ...counts.map((pair) => pair.join(" "))].join(" · ");
    for (const tab of this.tabs) {
      tab.setAttribute("aria-current", tab.dataset.view === state.view ? "page" : "false");
      if (tab.dataset.view === "edits") {
        const n = this.runs.reduce((sum, one) => sum + one.edits.list.length, 0);
        tab.textContent = n ? `Edits (${n})` : "Edits";
      }
    }
    (this.sides || []).forEach((button, k) => button.setAttribute("aria-pressed", String(k === state.run)));
  }

  show() {
    for (const id of ["list", "player", "details", "timeline"]) document.getElementById(id).hidden = state.view !== "review";
    for (const id of ["charts", "run", "edits"]) document.getElementById(id).hidden = state.view !== id;
    const main = document.getElementById("main");
    main.className = state.view;
    if (state.view === "review") main.removeAttribute("tabindex");
    else main.tabIndex = 0; // it scrolls, and must for the keyboard too
    if (state.view === "charts") this.charts.render();
    if (state.view === "edits") this.renderEdits();
    if (state.view !== "review" && this.player.playing) this.player.toggle();
  }

  edited() {
    this.list.fill();
    this.timeline.arrange();
    this.player.redraw();
    if (state.view === "edits") this.renderEdits();
    if (state.view === "charts") this.charts.render();
  }

  renderEdits() {
    const run = this.runs[state.run];
    const { list } = run.edits;
    const undone = (k) => el("button", { type: "button", class: "quiet", "aria-label": `Undo edit ${k + 1}`, onclick: () => undo(run, k) }, "Undo");
    this.editsView.replaceChildren(card(`Edits${this.runs.length > 1 ? ` of run ${run.label}` : ""}`, el("div", {},
      list.length ? el("ol", { class: "edits" }, ...list.map((edit, k) => el("li", {}, el("span", {}, said(edit)), undone(k)))) :
        el("p", { class: "empty" }, "Nothing was mended yet. Open a switch or a track and mend it there."),
      el("p", {}, el("button", { type: "button", class: "primary", id: "download", disabled: !list.length, onclick: () => run.edits.download() }, "Download edits.json"), " ",
        el("label", { class: "file" }, "Go on with a file ", el("input", { type: "file", id: "load", accept: ".json,application/json", onchange: (event) => event.target.files.length && run.edits.load(event.target.files[0]) }))),
      el("p", { class: "muted" }, "The page changes no file. This does, and refuses what does not fit any more:"),
      el("pre", {}, "track refine RUN --edits edits.json"))));
  }

  themed() {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : this.dark.matches;
    this.theme.textContent = dark ? "Light" : "Dark";
    if (this.timeline) this.timeline.later();
  }

  switchTheme() {
    document.documentElement.dataset.theme = this.theme.textContent.toLowerCase();
    this.themed();
  }

  /** The address of what is looked at: #f=311&id=17. */
  address() {
    const parts_ = { f: state.frame };
    if (state.track !== null) parts_.id = state.track;
    const place = state.entry ? this.list.entries.indexOf(state.entry) : -1;
    if (place >= 0) parts_.e = place;
    if (state.run) parts_.run = "B";
    if (state.view !== "review") parts_.v = state.view;
    const hash = `#${new URLSearchParams(parts_)}`;
    clearTimeout(this.writing);
    this.writing = setTimeout(() => {
      this.own = hash;
      if (location.hash !== hash) history.replaceState(null, "", hash);
    }, 150);
  }

  /** Looks at what the address says. */
  follow() {
    if (location.hash === this.own) return;
    const given = new URLSearchParams(location.hash.slice(1));
    const number = (name) => (given.has(name) && Number.isFinite(Number(given.get(name))) ? Number(given.get(name)) : null);
    set({ run: given.get("run") === "B" && this.runs.length > 1 ? 1 : 0, entry: null });
    const entry = this.list.entries[number("e") ?? -1] || null;
    const track = number("id");
    set({
      entry, track: track !== null && this.runs[state.run].rows.place.has(track) ? track : null,
      frame: number("f") ?? (entry ? entry.frame : state.frame),
      view: this.views.includes(given.get("v")) ? given.get("v") : "review",
    });
  }

  key(event) {
    const inside = event.target;
    if (document.getElementById("help").open || inside.matches("input, select, textarea")) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "z") undo(this.runs[state.run]);
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (event.key === " " && inside.matches("button, summary")) return;
    else if (!this.act(event.key, event.shiftKey ? 10 : 1)) return;
    event.preventDefault();
  }

  act(key, by) {
    const { player } = this;
    const layer = LAYERS.find(([, , letter]) => letter === key);
    const actions = {
      j: () => this.list.go(1), k: () => this.list.go(-1),
      ArrowRight: () => player.step(by), ArrowLeft: () => player.step(-by),
      Home: () => set({ frame: 1 }), End: () => set({ frame: this.runs[0].frames }),
      " ": () => player.toggle(), "[": () => player.faster(-1), "]": () => player.faster(1),
      "+": () => player.zoomBy(1.5), "=": () => player.zoomBy(1.5), "-": () => player.zoomBy(1 / 1.5), 0: () => player.zoomBy(1e-6),
      n: () => this.neighbour(1), p: () => this.neighbour(-1), f: () => this.find(),
      a: () => this.runs.length > 1 && set({ run: 1 - state.run, track: null }),
      t: () => this.switchTheme(), Escape: () => set({ track: null }), "?": () => document.getElementById("help").showModal(),
    };
    if (actions[key]) actions[key]();
    else if (layer && player.layers.some((button) => button.dataset.layer === layer[0])) player.toggleLayer(layer[0]);
    else if (this.views["1234".indexOf(key)]) set({ view: this.views["1234".indexOf(key)] });
    else return false;
    return true;
  }

  /** The next track that has a box in this frame. */
  neighbour(by) {
    const { rows } = this.runs[state.run];
    const ids = [...rows.rowsAt(state.frame)].map((r) => rows.ids[rows.trackOf[r]]).sort((a, b) => a - b);
    if (!ids.length) return;
    const at = ids.indexOf(state.track);
    set({ track: ids[(at < 0 ? (by > 0 ? 0 : ids.length - 1) : at + by + ids.length) % ids.length] });
  }

  find() {
    const run = this.runs[state.run];
    const input = el("input", { type: "number", min: 0, id: "find", "aria-label": "Id" });
    const dialog = el("dialog", { "aria-label": "Find an id" }, el("form", { method: "dialog" }, el("label", {}, "Id ", input), " ", el("button", {}, "Show")));
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (input.value === "") return;
      const id = Number(input.value), k = run.rows.place.get(id);
      if (k === undefined) announce(`There is no id ${input.value}.`);
      else set({ track: id, frame: run.rows.rowIn(k, state.frame) >= 0 ? state.frame : run.rows.first(k), view: "review" });
    });
    document.body.append(dialog);
    dialog.showModal();
  }
}

async function start(document_) {
  const runs = await Promise.all(document_.runs.map(openRun));
  app = new App(document_, runs);
  app.build();
  app.show();
  if (location.hash.length > 1) app.follow();
  else {
    const first = app.list.entries[0] || null;
    set({ entry: first, frame: first && first.frame ? first.frame : 1 });
  }
  app.player.seek();
  app.details.render();
  app.header();
  document.documentElement.dataset.ready = "1";
}
