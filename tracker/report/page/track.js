// The details: of one entry, with its reason, its crops and its candidates; or of one track.

const frameLink = (frame, text) => el("button", { type: "button", class: "link", onclick: () => set({ frame }) }, text || `frame ${frame}`);
const idLink = (id) => el("button", { type: "button", class: "link", onclick: () => set({ track: id }) }, `id ${id}`);

function verdictOf(entry) {
  if (entry.kind === "switch" && entry.confirmed === true) return ["good", "✓ Proved", "The run was repeated without this, and the id was kept."];
  if (entry.kind === "switch" && entry.confirmed === null) return ["open", "? Not proved", "One other decision keeps the id; the reason of that decision is not proved."];
  if (entry.kind === "switch") return ["open", "? Unexplained", "No removal of up to three reasons keeps the id."];
  if (entry.kind === "suspect") return ["open", "? A suspicion", "There is no ground truth, so nothing is proved. Look at the pictures."];
  return null;
}

class Details {
  constructor(host, runs) {
    this.host = host;
    this.runs = runs;
    this.body = el("div", { class: "body", tabindex: "0", role: "group", "aria-label": "Details" });
    host.append(this.body);
  }

  get run() {
    return this.runs[state.run];
  }

  render() {
    const { track, entry } = state;
    if (track !== null && this.run.rows.place.has(track)) this.track(track);
    else if (entry) this.entry(entry);
    else this.body.replaceChildren(el("p", { class: "empty" }, "Choose an entry of the list, a box in the picture or a lane below."));
    this.body.scrollTop = 0;
    this.follow();
  }

  entry(entry) {
    const [head, rest] = parts(entry);
    const verdict = verdictOf(entry);
    const earlier = entry.kind === "switch" ? entry.chain[0] : null;
    const [, title] = KINDS[entry.kind];
    const decided = entry.kind === "switch" || entry.kind === "suspect";
    this.body.replaceChildren(...[
      el("p", { class: "kicker" }, `${title}${entry.cause ? ` · ${words(entry.cause)}` : ""}`),
      el("h2", { id: "entry-title" }, head),
      el("p", { class: "when" }, ...[
        entry.frame ? el("button", { type: "button", class: "primary", id: "go", onclick: () => set({ frame: entry.frame }) }, `Go to frame ${entry.frame}`) : "Outside the run",
        entry.frame ? el("span", {}, clockText(this.run.times.of(entry.frame))) : null,
        earlier && earlier.frame !== entry.frame ? frameLink(earlier.frame, `its cause, frame ${earlier.frame}`) : null,
        ...[...new Set([entry.previous, entry.id, ...(entry.ids || [])])].filter((id) => id !== null && this.run.rows.place.has(id)).slice(0, 6).map(idLink)].filter(Boolean)),
      ...entry.looks.map((pair) => this.pair(pair)),
      rest ? el("p", { class: "reason" }, rest.charAt(0).toUpperCase() + rest.slice(1)) : null,
      verdict ? el("p", { class: `verdict ${verdict[0]}` }, el("strong", {}, verdict[1]), ` ${verdict[2]}`) : null,
      ...suggestions(this.run, entry),
      ...(decided ? [...new Set([entry.previous, entry.id])].map((id) => this.life(id)) : []),
      entry.chain.length > 1 ? this.chain(entry) : null,
      ...entry.tables.map((table) => this.table(table, entry)),
    ].filter(Boolean));
  }

  pair([before, after]) {
    const shown = (look, name, side) => {
      if (!look) return null;
      const picture = look.crop === null
        ? el("span", { class: "none" }, "no picture")
        : el("img", { alt: look.label, src: `data:image/jpeg;base64,${this.run.crops[look.crop]}` });
      return el("button", { type: "button", class: `look ${side}`, title: `Go to frame ${look.frame}`, onclick: () => set({ frame: look.frame }) },
        picture, el("span", { class: "cap" }, el("b", {}, name), ` ${look.label}`));
    };
    return el("div", { class: "pair" }, shown(before, "before", "old"), before && after ? el("span", { class: "arrow", "aria-hidden": "true" }, "→") : null, shown(after, before ? "after" : "", "new"));
  }

  chain(entry) {
    return el("div", {}, el("h3", {}, "What led to it"),
      el("ol", { class: "chain" }, ...entry.chain.map((link) =>
        el("li", {}, frameLink(link.frame), el("span", {}, words(link.cause)),
          el("span", { class: "muted" }, [link.id !== undefined && link.id !== null ? `id ${link.id}` : "", link.by !== undefined && link.by !== null ? `id ${link.by} took it` : "", link.stage ? `stage ${link.stage}` : "", link.detail || ""].filter(Boolean).join(", "))))));
  }

  table(table, entry) {
    const cell = (text, kind) => el("td", { class: kind }, text);
    const own = new Set([entry.id, entry.previous]);
    const caption = el("caption", {}, "Who could have had the box of score ", table.score.toFixed(2), " at ", frameLink(table.frame));
    const rows = table.candidates.map((one) =>
      el("tr", { class: own.has(one.id) ? "own" : "" },
        cell(idLink(one.id), "id"),
        cell(one.verdict === "matched" ? "✓ matched" : words(one.verdict) + (one.detail ? ` (${one.detail})` : "")),
        cell(one.stage),
        cell(one.gain === null ? "" : one.gain.toFixed(3), "num"),
        cell(one.verdict === "matched" || !one.by.length ? "" : one.by.map((id) => `id ${id}`).join(", "))));
    const none = el("tr", {}, el("td", { colspan: 5 }, "No track wanted it."));
    return el("div", { class: "table" }, el("table", {}, caption,
      el("thead", {}, el("tr", {}, ...["Track", "Verdict", "Stage"].map((text) => el("th", { scope: "col" }, text)), el("th", { scope: "col", class: "num" }, "Gain"), el("th", { scope: "col" }, "Taken by"))),
      el("tbody", {}, ...(rows.length ? rows : [none]))),
      table.born !== null ? el("p", { class: "muted" }, `id ${table.born} was born from this box.`) : null);
  }

  track(id) {
    const { rows, lives, strips, rate } = this.run;
    const k = rows.place.get(id);
    const life = lives[id];
    const first = rows.first(k), last = rows.last(k);
    const seconds = this.run.times.of(last) - this.run.times.of(first);
    const mentioned = this.run.entries.filter((entry) => entry.id === id || entry.previous === id).slice(0, 30);
    const back = state.entry ? el("button", { type: "button", class: "link", onclick: () => set({ track: null }) }, "← back to the entry") : null;
    this.body.replaceChildren(...[
      back,
      el("p", { class: "kicker" }, "Track"),
      el("h2", {}, `id ${id}`),
      el("p", { class: "when" }, frameLink(first), "to", frameLink(last), el("span", {}, `${seconds.toFixed(1)} s, ${plural(rows.start[k + 1] - rows.start[k], "row")}`)),
      this.strip(strips[id] || []),
      this.curve("Speed", "px/s", k, (r) => this.speed(r, k, rate)),
      this.curve("Height", "px", k, (r) => rows.height[r] / QUARTER),
      this.curve("Score", "", k, (r) => rows.score[r] / 100),
      el("h3", {}, "What happened"),
      el("ul", { class: "log" },
        ...(life ? life[4] : []).map((text) => el("li", {}, text)),
        ...mentioned.map((entry) => el("li", {}, `${KINDS[entry.kind][0]} `, frameLink(entry.frame), ` ${parts(entry)[0]}`))),
      mendForm(this.run, id),
    ].filter(Boolean));
  }

  /** A track's crops over time, in an entry. */
  life(id) {
    const strip = id === null ? null : this.strip(this.run.strips[id] || []);
    return strip && el("div", {}, el("h3", {}, `id ${id} over time`), strip);
  }

  strip(crops) {
    if (!crops.length) return null;
    return el("div", { class: "strip" }, ...crops.map(([frame, crop]) =>
      el("button", { type: "button", title: `Go to frame ${frame}`, onclick: () => set({ frame }) },
        el("img", { alt: "", src: `data:image/jpeg;base64,${this.run.crops[crop]}` }), el("span", {}, String(frame)))));
  }

  /** Pixels a second of the middle of the box, over half a second. */
  speed(r, k, rate) {
    const { rows } = this.run;
    const reach = Math.max(1, Math.round(rate / 4));
    const a = Math.max(r - reach, rows.start[k]), b = Math.min(r + reach, rows.start[k + 1] - 1);
    const [p, q] = [rows.box(a), rows.box(b)];
    const seconds = (rows.frame[b] - rows.frame[a]) / rate;
    return seconds ? Math.hypot((q[0] + q[2] - p[0] - p[2]) / 2, (q[1] + q[3] - p[1] - p[3]) / 2) / seconds : 0;
  }

  curve(name, unit, k, read) {
    const { rows } = this.run;
    const start = rows.start[k], stop = rows.start[k + 1];
    const stride = Math.max(1, Math.floor((stop - start) / 300));
    const points = [];
    for (let r = start; r < stop; r += stride) points.push([rows.frame[r], read(r)]);
    const most = points.reduce((top, [, value]) => Math.max(top, value), 0) || 1;
    const [from, to] = [rows.first(k), rows.last(k)];
    const x = (frame) => ((frame - from) / Math.max(1, to - from)) * 300;
    const y = (value) => 38 - (value / most) * 34;
    let path = "", last = -Infinity;
    for (const [frame, value] of points) {
      path += `${frame - last > 2 * stride + 1 ? "M" : "L"}${x(frame).toFixed(1)} ${y(value).toFixed(1)}`;
      last = frame;
    }
    const svg = el("svg", { viewBox: "0 0 300 40", preserveAspectRatio: "none", class: "curve", "aria-hidden": "true" },
      el("path", { svg: true, d: path, "vector-effect": "non-scaling-stroke" }),
      el("line", { svg: true, class: "now", y1: 0, y2: 40, "data-from": from, "data-to": to, "vector-effect": "non-scaling-stroke" }));
    svg.addEventListener("click", (event) => {
      const box = svg.getBoundingClientRect();
      set({ frame: Math.round(from + ((event.clientX - box.left) / box.width) * (to - from)) });
    });
    const digits = most < 10 ? 2 : 0;
    return el("div", { class: "spark" }, el("span", {}, name), svg, el("span", { class: "num" }, `max ${most.toFixed(digits)}${unit ? ` ${unit}` : ""}`));
  }

  /** Moves the line of the present frame in the curves. */
  follow() {
    for (const line of this.body.querySelectorAll("line.now")) {
      const from = Number(line.dataset.from), to = Number(line.dataset.to);
      const x = ((state.frame - from) / Math.max(1, to - from)) * 300;
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    }
  }
}
