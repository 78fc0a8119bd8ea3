// The time line: a lane for each track, drawn only where it is on the screen, and an overview that sets the range.

const LANE = 16;
const NAME = 64;
const TOP = 46;

class Timeline {
  constructor(host, runs) {
    this.runs = runs;
    this.range = [1, runs[0].frames];
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.filler = el("div");
    this.scroller = el("div", {
      class: "lanes", tabindex: "0", role: "group",
      "aria-label": "Lanes of tracks. Left and right step a frame, up and down choose a track, plus and minus zoom in time.",
    }, el("div", { class: "pin" }, this.canvas), this.filler);
    this.about = el("p", { class: "legend" });
    host.append(this.scroller, this.about);
    this.legend();
    this.scroller.addEventListener("scroll", () => this.later());
    this.scroller.addEventListener("keydown", (event) => this.key(event));
    this.scroller.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.canvas.addEventListener("pointerdown", (event) => this.down(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    this.canvas.addEventListener("pointerup", (event) => this.up(event));
    new ResizeObserver(() => this.later()).observe(this.scroller);
    this.arrange();
  }

  get run() {
    return this.runs[state.run];
  }

  legend() {
    const swatch = (name, text) => el("span", {}, el("i", { class: `swatch ${name}` }), text);
    this.about.append(
      swatch("seen", "detected"), swatch("coasting", "predicted"), swatch("lost", "lost"), swatch("tentative", "on probation"),
      el("span", {}, "◆ switch"), el("span", {}, "▲ suspect"), el("span", { class: "hint" }, "Drag in the upper strip to choose a range; double-click shows all."),
    );
  }

  /** Lanes in the order of birth, marks by track, and the density of the overview. */
  arrange() {
    const { rows, entries, frames } = this.run;
    this.order = [...rows.ids.keys()].sort((a, b) => rows.first(a) - rows.first(b) || rows.ids[a] - rows.ids[b]);
    this.laneOf = new Map(this.order.map((k, lane) => [rows.ids[k], lane]));
    this.marks = new Map();
    this.ticks = [];
    for (const entry of entries) {
      if (entry.kind !== "switch" && entry.kind !== "suspect") continue;
      this.ticks.push(entry);
      for (const id of new Set([entry.id, entry.previous])) {
        if (id === null) continue;
        if (!this.marks.has(id)) this.marks.set(id, []);
        this.marks.get(id).push(entry);
      }
    }
    this.density = new Float32Array(Math.min(frames, 600));
    for (let bin = 0; bin < this.density.length; bin++) {
      const from = 1 + Math.floor((bin * frames) / this.density.length);
      const to = Math.max(from + 1, 1 + Math.floor(((bin + 1) * frames) / this.density.length));
      this.density[bin] = (rows.frameStart[Math.min(to, frames + 1)] - rows.frameStart[from]) / (to - from);
    }
    this.filler.style.height = `${this.order.length * LANE + TOP}px`;
    this.later();
  }

  later() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      this.draw();
    });
  }

  x(frame) {
    const [from, to] = this.range;
    return NAME + ((frame - from) / Math.max(1, to - from + 1)) * (this.width - NAME - 10);
  }

  frameAt(x, range = this.range) {
    const [from, to] = range;
    return clamp(Math.floor(from + ((x - NAME) / (this.width - NAME - 10)) * (to - from + 1)), 1, this.run.frames);
  }

  pinned() {
    return [...focusOf(this.run).keys()].filter((id) => this.laneOf.has(id)).slice(0, 4);
  }

  draw() {
    const style = getComputedStyle(document.documentElement);
    const ink = (name) => style.getPropertyValue(`--${name}`).trim();
    this.colours = { ink: ink("ink"), faint: ink("faint"), line: ink("line"), seen: ink("lane"), old: ink("old"), new: ink("new"), ground: ink("panel"), raised: ink("raised"), bad: ink("bad") };
    const ratio = window.devicePixelRatio || 1;
    this.width = this.scroller.clientWidth;
    this.height = this.scroller.clientHeight;
    if (!this.width) return;
    Object.assign(this.canvas.style, { width: `${this.width}px`, height: `${this.height}px` });
    this.canvas.width = this.width * ratio;
    this.canvas.height = this.height * ratio;
    const c = this.canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.fillStyle = this.colours.ground;
    c.fillRect(0, 0, this.width, this.height);
    c.font = "11px system-ui, sans-serif";
    c.textBaseline = "middle";
    const pinned = this.pinned();
    const top = TOP + (pinned.length ? pinned.length * LANE + 6 : 0);
    const first = Math.floor(this.scroller.scrollTop / LANE);
    const shift = this.scroller.scrollTop % LANE;
    for (let j = 0; top + j * LANE - shift < this.height && first + j < this.order.length; j++)
      this.lane(c, this.order[first + j], top + j * LANE - shift);
    c.fillStyle = this.colours.ground;
    c.fillRect(0, 0, this.width, top);
    pinned.forEach((id, j) => this.lane(c, this.run.rows.place.get(id), TOP + j * LANE));
    if (pinned.length) this.rule(c, top - 3);
    this.overview(c);
    this.ruler(c);
    this.playhead(c);
  }

  rule(c, y) {
    c.fillStyle = this.colours.line;
    c.fillRect(0, y, this.width, 1);
  }

  lane(c, k, y) {
    const { rows, lives } = this.run;
    const id = rows.ids[k];
    const focus = focusOf(this.run);
    const colour = focus.has(id) ? (focus.get(id) === OLD ? this.colours.old : this.colours.new) : this.colours.seen;
    c.fillStyle = focus.has(id) ? this.colours.ink : this.colours.faint;
    c.textAlign = "right";
    c.fillText(`id ${id}`, NAME - 8, y + LANE / 2);
    c.textAlign = "left";
    for (const [from, to, kind] of rows.states(k, lives[id])) {
      if (to < this.range[0] || from > this.range[1]) continue;
      const a = Math.max(this.x(from), NAME), b = Math.max(this.x(to + 1), a + 1);
      this.stretch(c, kind, a, b, y, colour);
    }
    for (const entry of this.marks.get(id) || []) {
      if (entry.frame < this.range[0] || entry.frame > this.range[1]) continue;
      c.fillStyle = this.colours.bad;
      c.textAlign = "center";
      c.fillText(entry.kind === "switch" ? "◆" : "▲", this.x(entry.frame), y + LANE / 2);
      c.textAlign = "left";
    }
  }

  stretch(c, kind, a, b, y, colour) {
    c.fillStyle = c.strokeStyle = colour;
    c.lineWidth = 1;
    if (kind === "seen") c.fillRect(a, y + 4, b - a, LANE - 8);
    else if (kind === "lost") {
      c.setLineDash([2, 3]);
      c.beginPath();
      c.moveTo(a, y + LANE / 2);
      c.lineTo(b, y + LANE / 2);
      c.stroke();
      c.setLineDash([]);
    } else {
      c.strokeRect(a + 0.5, y + 4.5, Math.max(b - a - 1, 1), LANE - 9);
      if (kind === "coasting") for (let x = a + 2; x < b - 1; x += 4) c.fillRect(x, y + 5, 1, LANE - 10);
    }
  }

  overview(c) {
    const most = this.density.reduce((a, b) => Math.max(a, b), 1);
    const width = (this.width - NAME - 10) / this.density.length;
    c.fillStyle = this.colours.line;
    this.density.forEach((value, bin) => {
      const h = (value / most) * 20;
      c.fillRect(NAME + bin * width, 24 - h, Math.max(width - 0.3, 0.7), h);
    });
    const all = [1, this.run.frames];
    const at = (frame) => NAME + ((frame - all[0]) / (all[1] - all[0] + 1)) * (this.width - NAME - 10);
    c.fillStyle = this.colours.bad;
    for (const entry of this.ticks) c.fillRect(at(entry.frame), 2, 1.5, 5);
    c.strokeStyle = this.colours.faint;
    const brush = this.brush || this.range;
    c.strokeRect(at(brush[0]) + 0.5, 1.5, Math.max(at(brush[1] + 1) - at(brush[0]) - 1, 2), 24);
    c.fillStyle = this.colours.faint;
    c.textAlign = "right";
    c.fillText("all", NAME - 8, 13);
    c.textAlign = "left";
  }

  ruler(c) {
    const [from, to] = this.range;
    const rough = ((to - from + 1) * 90) / (this.width - NAME);
    const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
    const step = Math.max(1, [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough));
    c.fillStyle = this.colours.faint;
    for (let f = Math.ceil(from / step) * step; f <= to; f += step) {
      c.fillRect(this.x(f), 38, 1, 4);
      if (this.x(f) < this.width - 44) c.fillText(String(f), this.x(f) + 4, 37);
    }
  }

  playhead(c) {
    if (state.frame < this.range[0] || state.frame > this.range[1]) return;
    const x = (this.x(state.frame) + this.x(state.frame + 1)) / 2;
    c.fillStyle = this.colours.ink;
    c.fillRect(x - 0.5, 30, 1, this.height);
    c.beginPath();
    c.moveTo(x - 4, 28);
    c.lineTo(x + 4, 28);
    c.lineTo(x, 33);
    c.fill();
  }

  /** Brings the frame and the lanes that are looked at into view. */
  reveal() {
    const [from, to] = this.range;
    const length = to - from + 1;
    if (state.frame < from || state.frame > to) {
      const first = clamp(state.frame - Math.floor(length / 2), 1, Math.max(1, this.run.frames - length + 1));
      this.range = [first, Math.min(first + length - 1, this.run.frames)];
    }
    if (!this.grip) this.follow();
    this.later();
  }

  /** Scrolls to the lanes of this frame where none of them can be seen. */
  follow() {
    const { rows } = this.run;
    const lanes = [...rows.rowsAt(state.frame)].map((r) => this.laneOf.get(rows.ids[rows.trackOf[r]]));
    const top = this.scroller.scrollTop, bottom = top + this.scroller.clientHeight - TOP - 2 * LANE;
    if (!lanes.length || lanes.some((lane) => lane * LANE >= top && lane * LANE < bottom)) return;
    this.scroller.scrollTop = lanes.reduce((a, b) => Math.min(a, b)) * LANE;
  }

  zoom(factor, around = state.frame) {
    const [from, to] = this.range;
    const length = clamp(Math.round((to - from + 1) * factor), Math.min(10, this.run.frames), this.run.frames);
    const share = (clamp(around, from, to) - from) / Math.max(1, to - from);
    const first = clamp(Math.round(around - share * length), 1, this.run.frames - length + 1);
    this.range = [first, first + length - 1];
    this.later();
  }

  wheel(event) {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    const x = event.clientX - this.canvas.getBoundingClientRect().left;
    this.zoom((event.deltaY || event.deltaX) > 0 ? 1.25 : 0.8, this.frameAt(x));
  }

  spot(event) {
    const at = this.canvas.getBoundingClientRect();
    return [event.clientX - at.left, event.clientY - at.top];
  }

  down(event) {
    const [x, y] = this.spot(event);
    this.canvas.setPointerCapture(event.pointerId);
    this.grip = { y, from: y < 27 ? this.frameAt(x, [1, this.run.frames]) : null };
    if (y >= 27) set({ frame: this.frameAt(x) });
  }

  move(event) {
    if (!this.grip) return;
    const [x] = this.spot(event);
    if (this.grip.from === null) return set({ frame: this.frameAt(x) });
    const to = this.frameAt(x, [1, this.run.frames]);
    this.brush = [Math.min(this.grip.from, to), Math.max(this.grip.from, to)];
    this.later();
  }

  up(event) {
    const grip = this.grip;
    this.grip = null;
    if (!grip) return;
    const [, y] = this.spot(event);
    if (grip.from !== null) {
      const brush = this.brush;
      this.brush = null;
      if (brush && brush[1] - brush[0] >= 5) this.range = brush;
      else if (event.timeStamp - (this.clicked || 0) < 400) this.range = [1, this.run.frames];
      else set({ frame: grip.from });
      this.clicked = event.timeStamp;
      return this.later();
    }
    const id = this.idAt(y);
    if (id !== null && Math.abs(y - grip.y) < 4 && y >= TOP) set({ track: id });
  }

  idAt(y) {
    const pinned = this.pinned();
    if (y < TOP) return null;
    if (pinned.length && y < TOP + pinned.length * LANE) return pinned[Math.floor((y - TOP) / LANE)];
    const top = TOP + (pinned.length ? pinned.length * LANE + 6 : 0);
    const k = this.order[Math.floor((y - top + this.scroller.scrollTop) / LANE)];
    return k === undefined ? null : this.run.rows.ids[k];
  }

  key(event) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (by) {
      const lane = state.track === null ? -1 : this.laneOf.get(state.track);
      const next = clamp((lane === undefined ? -1 : lane) + by, 0, this.order.length - 1);
      if (this.order.length) set({ track: this.run.rows.ids[this.order[next]] });
      this.scroller.scrollTop = clamp(this.scroller.scrollTop, (next + 8) * LANE - this.height + TOP, next * LANE);
    } else if (event.key === "+" || event.key === "=") this.zoom(0.5);
    else if (event.key === "-") this.zoom(2);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
