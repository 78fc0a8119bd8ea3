// The list of what is wrong, worst first; only the rows on the screen are in the page.

const ROW = 54;
const KINDS = {
  difference: ["≠", "Differences"],
  switch: ["◆", "Switches"],
  suspect: ["▲", "Suspects"],
  false: ["✕", "False rows"],
  miss: ["○", "Missed rows"],
  fragment: ["┄", "Gaps"],
};
const NOUNS = { switch: ["switch", "switches"], suspect: ["suspect", "suspects"], false: ["false row", "false rows"], miss: ["missed row", "missed rows"], fragment: ["gap", "gaps"] };

/** "id 4 became 2" and "at frame 37 the object's own box was ...": an entry's sentence in two. */
function parts(entry) {
  const said = entry.sentence;
  if (entry.kind === "switch") {
    const [, head, rest] = said.match(/^(.*?) at frame \d+ \([^)]*\): ([\s\S]*)$/) || [null, said, ""];
    return [head, rest];
  }
  if (entry.kind === "suspect") return [suspicion(entry), said.replace(/^frame \d+ \([^)]*\): /, "")];
  if (entry.kind === "difference") return [`${listed(entry.ids, "here")}, ${listed(entry.theirs, "there")}`, said];
  const span = entry.last > entry.frame ? ` in frames ${entry.frame} to ${entry.last}` : ` in frame ${entry.frame}`;
  const head = said.replace(/ at frame \d+\.$/, "").replace(/\.$/, "");
  return [head, `${head}${entry.frame ? span : ""}.`];
}

const listed = (ids, where) => `${ids.length ? ids.join(" + ") : "nobody"} ${where}`;

function suspicion(entry) {
  if (entry.cause === "became") return `id ${entry.previous} may have become ${entry.id}`;
  if (entry.cause === "exchanged") return `ids ${entry.id} and ${entry.previous} may be exchanged`;
  return `id ${entry.id} jumped`;
}

const words = (cause) => (cause || "").replaceAll("-", " ");

// Causes in a few words; docs/why.md says what they are.
const BRIEF = {
  "expired-undetected": "had ended, not detected until then",
  "expired-weak": "had ended, without the boxes it wanted",
  hidden: "not detected; it took another box",
  stolen: "it took another object's box",
  clutter: "it followed a false box",
  outbid: "another id got the box",
  "out-of-reach": "the box was out of its reach",
  "wrong-stage": "the score was too low for its stage",
  "below-threshold": "the box was just below a limit",
  "one-decision": "one decision, its reason not proved",
  detector: "only better detections keep the id",
  unexplained: "nothing that was tried keeps the id",
  became: "born near where another was lost",
  exchanged: "a crosswise match is nearly as good",
  jumped: "its box changed at once",
};

class List {
  constructor(host, runs, between) {
    this.runs = runs;
    this.between = runs.map((_, side) => (between || []).map((one) => ({ ...one, ids: one.ids[side], theirs: one.ids[1 - side], sentence: one.sentences[side], kind: "difference", cause: "", last: one.frame, weight: one.rows, id: null, previous: null, truth: null, looks: [], tables: [], chain: [] })));
    this.kind = "all";
    this.chips = el("div", { class: "chips", role: "group", "aria-label": "Kinds" });
    this.filler = el("div", { class: "filler", role: "presentation" });
    this.scroller = el("div", { class: "entries", id: "entries", tabindex: "0", role: "listbox", "aria-label": "What is wrong, worst first" }, this.filler);
    this.foot = el("p", { class: "foot" });
    host.append(el("h2", {}, "What is wrong"), this.chips, this.scroller, this.foot);
    this.scroller.addEventListener("scroll", () => this.draw());
    this.scroller.addEventListener("keydown", (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -1e9, End: 1e9 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      this.go(by);
    });
    new ResizeObserver(() => this.draw()).observe(this.scroller);
    this.fill();
  }

  /** The entries of the run that is looked at. */
  fill() {
    const run = this.runs[state.run];
    this.entries = [...this.between[state.run], ...run.entries];
    const counts = {};
    for (const entry of this.entries) counts[entry.kind] = (counts[entry.kind] || 0) + 1;
    const kinds = Object.keys(KINDS).filter((kind) => counts[kind]);
    if (this.kind !== "all" && !counts[this.kind]) this.kind = "all";
    const chip = (kind, text, n) => el("button", { type: "button", class: "chip", "aria-pressed": String(this.kind === kind), onclick: () => this.choose(kind) }, text, el("span", { class: "n" }, count(n)));
    this.chips.replaceChildren(chip("all", "All", this.entries.length), ...kinds.map((kind) => chip(kind, `${KINDS[kind][0]} ${KINDS[kind][1]}`, counts[kind])));
    this.shown = this.kind === "all" ? this.entries : this.entries.filter((entry) => entry.kind === this.kind);
    this.filler.style.height = `${this.shown.length * ROW}px`;
    const left = Object.values(run.left_out).reduce((a, b) => a + b, 0);
    const note = this.entries.length === 0 ? (run.explained ? "Nothing is wrong that could be found." : "Without a log and ground truth nothing can be said.") : "";
    this.foot.textContent = left ? `The worst ${count(run.entries.length)} of ${count(run.entries.length + left)}. track report --all lists the rest.` : note;
    this.draw();
  }

  choose(kind) {
    this.kind = kind;
    this.fill();
    this.scroller.scrollTop = 0;
  }

  draw() {
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW) - 2);
    const last = Math.min(this.shown.length, Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / ROW) + 2);
    const rows = [];
    for (let k = first; k < last; k++) rows.push(this.row(k));
    this.filler.replaceChildren(...rows);
    const at = this.shown.indexOf(state.entry);
    if (at >= first && at < last) this.scroller.setAttribute("aria-activedescendant", `entry-${at}`);
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  row(k) {
    const entry = this.shown[k];
    const [head] = parts(entry);
    const stretch = entry.last > entry.frame ? plural(entry.last - entry.frame + 1, "frame") : "";
    return el("div", {
      class: "entry", role: "option", id: `entry-${k}`, "aria-selected": String(entry === state.entry),
      "aria-posinset": k + 1, "aria-setsize": this.shown.length, "data-kind": entry.kind, "data-frame": entry.frame,
      style: { top: `${k * ROW}px` }, onclick: () => this.open(entry),
    },
      el("span", { class: `mark ${entry.kind}`, "aria-hidden": "true" }, KINDS[entry.kind][0]),
      el("span", { class: "head" }, head),
      el("span", { class: "long" }, stretch),
      el("span", { class: "why" }, entry.kind === "difference" ? plural(entry.weight, "row") : BRIEF[entry.cause] || words(entry.cause)),
      el("span", { class: "at" }, entry.frame ? `frame ${entry.frame}` : "outside"));
  }

  open(entry) {
    set({ entry, track: null, frame: entry.frame || state.frame, view: "review" });
  }

  go(by) {
    const at = this.shown.indexOf(state.entry);
    const next = clamp(at < 0 ? (by > 0 ? Math.min(by, 1) - 1 : this.shown.length - 1) : at + by, 0, this.shown.length - 1);
    if (this.shown[next]) this.open(this.shown[next]);
  }

  reveal() {
    const at = this.shown.indexOf(state.entry);
    if (at >= 0) {
      const top = at * ROW, height = this.scroller.clientHeight;
      if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
      else if (top + ROW > this.scroller.scrollTop + height) this.scroller.scrollTop = top + ROW - height;
    }
    this.draw();
  }
}
