// The player: the video, or the scene, with a canvas above it. The video is never drawn into the canvas.

const TRAIL = 30;
// Okabe and Ito's colours, which colour-blind people tell apart too.
const HUES = ["#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#6fa8ff", "#ffffff"];
const OLD = "#56b4e9", NEW = "#ffb000", FALSE = "#ff6b4a", MISSED = "#f2a2d0", TRUTH = "#3ddba0", PLAIN = "#e8edf2";
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];

const LAYERS = [
  ["ids", "Ids", "i"],
  ["trails", "Trails", "l"],
  ["hues", "Colour by id", "c"],
  ["truth", "Truth", "g"],
  ["missed", "Missed", "m"],
  ["false", "False", "x"],
];

class Stage {
  constructor(run, shown) {
    this.run = run;
    this.shown = shown;
    this.zoom = 1;
    this.pan = [0, 0];
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.said = el("p", { class: "said", hidden: true });
    this.root = el("div", { class: "stage", "data-shown": "0" });
    this.video = null;
    this.picture = run.scene
      ? el("img", { alt: "", class: "scene", src: `data:image/jpeg;base64,${run.scene}` })
      : el("div", { class: "scene plain" });
    this.root.append(this.picture, this.canvas, this.said);
    if (run.video) this.openVideo();
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.root);
  }

  openVideo() {
    const video = el("video", { preload: "auto", playsinline: true, "aria-hidden": "true", tabindex: "-1" });
    video.muted = true;
    video.addEventListener("error", () => this.fail());
    video.addEventListener("loadeddata", () => {
      this.picture.hidden = true;
      this.ready = true;
      this.seek(this.wanted || 1);
    });
    video.addEventListener("ended", () => app.player.playing && app.player.master === this && app.player.toggle());
    video.addEventListener("seeked", () => video.paused && this.draw(this.wanted));
    if (video.requestVideoFrameCallback) {
      const presented = (_, about) => {
        this.present(about.mediaTime);
        video.requestVideoFrameCallback(presented);
      };
      video.requestVideoFrameCallback(presented);
    } else video.addEventListener("timeupdate", () => this.present(video.currentTime));
    video.src = this.run.video;
    this.video = video;
    this.root.prepend(video);
  }

  fail() {
    if (!this.video) return;
    const name = this.run.video.startsWith("data:") ? "in this page" : decodeURIComponent(this.run.video);
    this.say(`The video ${name} cannot be played: it was moved, or the browser does not know its format. Boxes are shown without it.`);
    this.video.remove();
    this.video = null;
    this.picture.hidden = false;
    this.resize();
  }

  say(text) {
    this.said.textContent = text;
    this.said.hidden = false;
  }

  /** The browser says which frame it has put on the screen. */
  present(seconds) {
    const frame = Math.min(this.run.times.frameAt(seconds), this.run.frames);
    this.root.dataset.shown = frame;
    if (!this.video.paused) {
      this.wanted = frame;
      this.draw(frame);
      this.shown(this, frame);
    } else if (frame === this.wanted) {
      this.draw(frame);
      this.missed = 0;
    } else if (!this.video.seeking && (this.missed = (this.missed || 0) + 1) < 4)
      this.video.currentTime = Math.max(0, this.video.currentTime + (this.wanted - frame) / this.run.rate);
  }

  seek(frame) {
    this.wanted = frame;
    if (this.video && this.ready) {
      this.video.currentTime = this.run.times.middle(frame);
      return;
    }
    this.draw(frame);
    if (!this.video) this.root.dataset.shown = frame;
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.root;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    this.lay();
  }

  /** Puts picture and canvas in their places. */
  lay() {
    const { clientWidth: width, clientHeight: height } = this.root;
    const [w, h] = this.run.size;
    this.scale = Math.min(width / w, height / h) * this.zoom;
    const reach = [Math.max(0, (w * this.scale - width) / 2), Math.max(0, (h * this.scale - height) / 2)];
    this.pan = this.pan.map((value, k) => clamp(value, -reach[k], reach[k]));
    this.left = (width - w * this.scale) / 2 + this.pan[0];
    this.top = (height - h * this.scale) / 2 + this.pan[1];
    for (const one of [this.video, this.picture])
      if (one)
        Object.assign(one.style, {
          left: `${this.left}px`,
          top: `${this.top}px`,
          width: `${w * this.scale}px`,
          height: `${h * this.scale}px`,
        });
    this.draw(this.wanted || state.frame);
  }

  zoomBy(factor, at) {
    const { clientWidth: width, clientHeight: height } = this.root;
    const [x, y] = at || [width / 2, height / 2];
    const before = this.scale;
    this.zoom = clamp(this.zoom * factor, 1, 16);
    const grown = (Math.min(width / this.run.size[0], height / this.run.size[1]) * this.zoom) / before;
    this.pan = [this.pan[0] + (x - width / 2 - this.pan[0]) * (1 - grown), this.pan[1] + (y - height / 2 - this.pan[1]) * (1 - grown)];
    if (this.zoom === 1) this.pan = [0, 0];
    this.lay();
  }

  /** Brings a place of the image to the middle, where zoomed in. */
  lookAt(x, y) {
    if (this.zoom === 1) return;
    this.pan = [-(x - this.run.size[0] / 2) * this.scale, -(y - this.run.size[1] / 2) * this.scale];
    this.lay();
  }

  listen() {
    this.root.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const at = this.root.getBoundingClientRect();
        this.zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2, [event.clientX - at.left, event.clientY - at.top]);
      },
      { passive: false },
    );
    let from = null;
    this.root.addEventListener("pointerdown", (event) => {
      from = [event.clientX, event.clientY, ...this.pan];
      this.root.setPointerCapture(event.pointerId);
    });
    this.root.addEventListener("pointermove", (event) => {
      if (!from || this.zoom === 1) return;
      this.pan = [from[2] + event.clientX - from[0], from[3] + event.clientY - from[1]];
      this.lay();
    });
    this.root.addEventListener("pointerup", (event) => {
      const still = from && Math.hypot(event.clientX - from[0], event.clientY - from[1]) < 4;
      from = null;
      if (still) this.pick(event);
    });
  }

  pick(event) {
    const at = this.root.getBoundingClientRect();
    const x = (event.clientX - at.left - this.left) / this.scale, y = (event.clientY - at.top - this.top) / this.scale;
    const rows = this.run.rows;
    let best = null, least = Infinity;
    for (const r of rows.rowsAt(this.wanted)) {
      const [l, t, rr, b] = rows.box(r);
      const area = (rr - l) * (b - t);
      if (x >= l && x <= rr && y >= t && y <= b && area < least) [best, least] = [rows.ids[rows.trackOf[r]], area];
    }
    if (best !== null) set({ run: this.run.place, track: best });
  }

  draw(frame) {
    if (!frame || !this.scale) return;
    const ratio = window.devicePixelRatio || 1;
    const c = this.canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, this.canvas.width, this.canvas.height);
    c.font = "600 11px system-ui, sans-serif";
    c.textBaseline = "middle";
    const focus = focusOf(this.run);
    if (this.run.truth && (state.layers.truth || state.layers.missed)) this.drawTruth(c, frame, focus);
    const rows = this.run.rows;
    const order = [...rows.rowsAt(frame)].sort((a, b) => focus.has(rows.ids[rows.trackOf[a]]) - focus.has(rows.ids[rows.trackOf[b]]));
    if (state.layers.trails) for (const r of order) this.drawTrail(c, r, frame, focus);
    for (const r of order) this.drawRow(c, r, focus);
  }

  colour(id, focus) {
    if (focus.has(id)) return focus.get(id);
    return state.layers.hues ? HUES[id % HUES.length] : PLAIN;
  }

  drawTrail(c, r, frame, focus) {
    const rows = this.run.rows, k = rows.trackOf[r], id = rows.ids[k];
    c.globalAlpha = focus.has(id) ? 1 : 0.5;
    c.strokeStyle = this.colour(id, focus);
    c.lineWidth = focus.has(id) ? 2 : 1;
    c.beginPath();
    for (let at = r; at >= rows.start[k] && rows.frame[at] > frame - TRAIL; at--) {
      const [l, , rr, b] = rows.box(at);
      c.lineTo(this.left + ((l + rr) / 2) * this.scale, this.top + b * this.scale);
    }
    c.stroke();
    c.globalAlpha = 1;
  }

  drawRow(c, r, focus) {
    const rows = this.run.rows, id = rows.ids[rows.trackOf[r]];
    const wrong = state.layers.false && rows.flags[r] & WRONG;
    const colour = this.colour(id, focus);
    const strong = focus.has(id);
    const dim = focus.size > 0 && !strong && !state.layers.hues;
    c.globalAlpha = dim ? 0.7 : 1;
    this.outline(c, rows.box(r), wrong && !strong ? FALSE : colour, strong ? 3 : 1.25, rows.flags[r] & FILLED ? [6, 4] : []);
    const role = !strong || state.track !== null || !state.entry || state.entry.previous === null ? "" : colour === OLD ? " old" : " new";
    const text = `${state.layers.ids ? id + role : ""}${wrong ? " ✕" : ""}`.trim();
    if (text) this.label(c, rows.box(r), text, wrong && !strong ? FALSE : colour, strong, false);
    c.globalAlpha = 1;
  }

  drawTruth(c, frame, focus) {
    const truth = this.run.truth;
    for (const r of truth.rowsAt(frame)) {
      const missed = truth.flags[r] & WRONG;
      const own = focus.truth === truth.ids[truth.trackOf[r]];
      if (missed ? !state.layers.missed : !state.layers.truth && !own) continue;
      if (missed ? false : truth.score[r] === 0) continue;
      this.outline(c, truth.box(r), missed ? MISSED : TRUTH, 1.5, missed ? [2, 3] : [8, 3, 2, 3]);
      this.label(c, truth.box(r), `${missed ? "missed " : "object "}${truth.ids[truth.trackOf[r]]}`, missed ? MISSED : TRUTH, false, true);
    }
  }

  outline(c, [l, t, r, b], colour, width, dash) {
    const at = [this.left + l * this.scale, this.top + t * this.scale, (r - l) * this.scale, (b - t) * this.scale];
    c.setLineDash([]);
    c.strokeStyle = "rgba(0,0,0,.55)";
    c.lineWidth = width + 1.5;
    if (!dash.length) c.strokeRect(...at);
    c.setLineDash(dash);
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.strokeRect(...at);
    c.setLineDash([]);
  }

  label(c, [l, t, , b], text, colour, strong, below) {
    const width = c.measureText(text).width + 6;
    const x = this.left + l * this.scale - 1;
    const y = below ? this.top + b * this.scale + 8 : this.top + t * this.scale - 8;
    c.fillStyle = strong ? colour : "rgba(12,16,20,.75)";
    c.fillRect(x, y - 7, width, 14);
    c.fillStyle = strong ? "#111" : colour;
    c.fillText(text, x + 3, y + 0.5);
  }
}

class Player {
  constructor(host, runs) {
    this.runs = runs;
    this.stages = runs.map((run) => new Stage(run, (stage, frame) => stage === this.stages[0] && set({ frame }, { from: "video" })));
    this.playing = false;
    const titled = runs.length > 1;
    this.frame = el("input", { type: "number", id: "frame", min: 1, max: runs[0].frames, "aria-label": "Frame", onchange: (event) => set({ frame: Number(event.target.value) || 1 }) });
    this.time = el("span", { class: "time", "aria-label": "Time" });
    this.play = el("button", { type: "button", id: "play", onclick: () => this.toggle() }, "Play");
    this.speed = el("select", { "aria-label": "Speed", onchange: (event) => this.setSpeed(Number(event.target.value)) },
      ...SPEEDS.map((value) => el("option", { value, selected: value === 1 }, `${value}×`)));
    const step = (by, text, name) => el("button", { type: "button", "aria-label": name, title: name, onclick: () => this.step(by) }, text);
    this.layers = LAYERS.filter(([name]) => runs.some((run) => run.truth) || !["truth", "missed", "false"].includes(name)).map(([name, text, key]) =>
      el("button", { type: "button", class: "toggle", "data-layer": name, title: `${text} (${key})`, onclick: () => this.toggleLayer(name) }, text));
    host.append(
      el("div", { class: titled ? "stages two" : "stages" }, ...this.stages.map((stage, k) =>
        titled ? el("figure", {}, el("figcaption", {}, runs[k].label), stage.root) : stage.root)),
      el("div", { class: "controls" },
        el("div", { class: "group" }, step(-1, "◀", "One frame back"), this.play, step(1, "▶", "One frame on")),
        el("div", { class: "group" }, this.frame, el("span", { class: "of" }, `of ${count(runs[0].frames)}`), this.time),
        el("div", { class: "group" }, this.speed,
          el("button", { type: "button", "aria-label": "Zoom in", title: "Zoom in (+)", onclick: () => this.zoomBy(1.5) }, "+"),
          el("button", { type: "button", "aria-label": "Zoom out", title: "Zoom out (−)", onclick: () => this.zoomBy(1 / 1.5) }, "−")),
        el("div", { class: "group layers", role: "group", "aria-label": "Layers" }, ...this.layers),
      ),
    );
    this.show();
  }

  get master() {
    return this.stages[0];
  }

  show() {
    this.frame.value = state.frame;
    this.time.textContent = clockText(this.runs[0].times.of(state.frame));
    this.play.textContent = this.playing ? "Pause" : "Play";
    for (const button of this.layers) button.setAttribute("aria-pressed", String(Boolean(state.layers[button.dataset.layer])));
  }

  seek() {
    for (const stage of this.stages) stage.seek(Math.min(state.frame, stage.run.frames));
    this.show();
  }

  redraw() {
    for (const stage of this.stages) stage.draw(stage.wanted || state.frame);
    this.show();
  }

  step(by) {
    if (this.playing) this.toggle();
    set({ frame: clamp(state.frame + by, 1, this.runs[0].frames) });
  }

  toggle() {
    this.playing = !this.playing;
    const film = this.stages.filter((stage) => stage.video);
    for (const stage of film) this.playing ? this.start(stage.video) : stage.video.pause();
    if (!this.playing) this.seek();
    else if (!this.master.video) this.tick(performance.now(), state.frame);
    this.show();
  }

  /** Plays a video; a browser may break that off while it seeks, and it is then asked once more. */
  start(video, again = true) {
    video.play().catch(() => {
      if (this.playing && again) setTimeout(() => this.playing && this.start(video, false), 100);
    });
  }

  /** Plays boxes without a video. */
  tick(since, from) {
    if (!this.playing || this.master.video) return;
    const frame = from + Math.floor(((performance.now() - since) / 1000) * this.runs[0].rate * Number(this.speed.value));
    if (frame >= this.runs[0].frames) this.toggle();
    set({ frame: Math.min(frame, this.runs[0].frames) }, { keep: true });
    requestAnimationFrame(() => this.tick(since, from));
  }

  setSpeed(value) {
    this.speed.value = value;
    for (const stage of this.stages) if (stage.video) stage.video.playbackRate = value;
    if (this.playing && !this.master.video) {
      this.toggle();
      this.toggle();
    }
  }

  faster(by) {
    const place = clamp(SPEEDS.indexOf(Number(this.speed.value)) + by, 0, SPEEDS.length - 1);
    this.setSpeed(SPEEDS[place]);
  }

  zoomBy(factor) {
    const run = this.runs[state.run];
    const [box] = boxesOf(run, state.frame);
    for (const stage of this.stages) {
      stage.zoomBy(factor);
      if (box) stage.lookAt((box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
    }
  }

  toggleLayer(name) {
    state.layers[name] = !state.layers[name];
    this.redraw();
  }
}

/** Colours of the ids that are looked at: the old one, the new one; and the object of the truth. */
function focusOf(run) {
  const out = new Map();
  const entry = state.entry;
  if (run.place !== state.run) {
    if (state.track === null && entry && entry.theirs) entry.theirs.forEach((id) => out.set(id, OLD));
    return out;
  }
  if (state.track !== null) out.set(state.track, NEW);
  else if (entry && entry.ids) entry.ids.forEach((id) => out.set(id, NEW));
  else if (entry) {
    if (entry.previous !== null) out.set(entry.previous, OLD);
    if (entry.id !== null) out.set(entry.id, NEW);
    out.truth = entry.truth;
  }
  return out;
}

/** Boxes, in a frame, of the ids that are looked at. */
function boxesOf(run, frame) {
  return [...focusOf(run).keys()].flatMap((id) => {
    const k = run.rows.place.get(id);
    const r = k === undefined ? -1 : run.rows.rowIn(k, frame);
    return r < 0 ? [] : [run.rows.box(r)];
  });
}
