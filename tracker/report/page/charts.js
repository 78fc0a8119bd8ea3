// Counts over time, where people were, scores, costs; and what the run was.

const COST = [["HOTA", "HOTA"], ["IDF1", "IDF1"], ["MOTA", "MOTA"]];

class Charts {
  constructor(host, runs) {
    this.host = host;
    this.runs = runs;
  }

  render() {
    const run = this.runs[state.run];
    this.host.replaceChildren(
      card("Tracks in each frame", countsChart(run), "wide"),
      card(`How long people stood where (most: ${(run.heat.most || 0).toFixed(1)} s in ${run.heat.size}×${run.heat.size} pixels)`, scene(run, drawHeat, [run.heat.width, run.heat.height])),
      card("Paths of feet", scene(run, drawPaths)),
      run.curves ? card("Scores over the IoU that a match needs", curvesChart(run)) : null,
      Object.keys(run.cost).length ? card("What undoing each cause would gain, in points", costTable(run), "wide") : null,
      !run.curves ? card("Scores", el("p", { class: "empty" }, "There is no ground truth. track report RUN --gt GT adds scores and the cost of each cause.")) : null,
    );
  }
}

const card = (title, content, kind = "") => el("article", { class: `card ${kind}` }, el("h2", {}, title), content);

/** A chart with axes: lines are [name, points, class]. */
function plot(lines, { x, y, xs, ys, name, click, wide }) {
  const [W, H, L, B] = [wide ? 1280 : 640, wide ? 200 : 300, 44, 28];
  const px = (value) => L + ((value - x[0]) / (x[1] - x[0] || 1)) * (W - L - 90);
  const py = (value) => H - B - ((value - y[0]) / (y[1] - y[0] || 1)) * (H - B - 12);
  const text = (at, words, props) => el("text", { svg: true, x: at[0], y: at[1], ...props }, words);
  const rule = (value) => el("line", { svg: true, class: "grid", x1: L, x2: W - 90, y1: py(value), y2: py(value) });
  const ends = lines.map(([label, points, kind]) => [label, kind, points.length ? py(points[points.length - 1][1]) : 0]).sort((a, b) => a[2] - b[2]);
  for (let k = ends.length - 1; k >= 0; k--) ends[k][2] = Math.min(ends[k][2], k === ends.length - 1 ? H - B : ends[k + 1][2] - 15);
  const svg = el("svg", { viewBox: `0 0 ${W} ${H}`, class: "plot", role: "img", "aria-label": name },
    ...ys.map(rule),
    ...ys.map((value) => text([L - 8, py(value) + 4], String(value), { "text-anchor": "end" })),
    ...xs.map((value) => text([px(value), H - 8], String(value), { "text-anchor": "middle" })),
    ...lines.map(([, points, kind]) => el("path", { svg: true, class: `series ${kind}`, d: points.map(([a, b], k) => `${k ? "L" : "M"}${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join("") })),
    ...(lines.length > 1 ? ends.map(([label, kind, at]) => text([W - 84, at + 4], label, { class: `name ${kind}` })) : []));
  if (click)
    svg.addEventListener("click", (event) => {
      const box = svg.getBoundingClientRect();
      click(x[0] + ((((event.clientX - box.left) / box.width) * W - L) / (W - L - 90)) * (x[1] - x[0]));
    });
  return svg;
}

function nice(most, parts) {
  const power = 10 ** Math.floor(Math.log10(Math.max(most / parts, 1e-9)));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n * parts >= most);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, k) => Number((k * step).toFixed(6)));
}

function perFrame(table, frames) {
  const bins = Math.min(frames, 320);
  return Array.from({ length: bins }, (_, bin) => {
    const from = 1 + Math.floor((bin * frames) / bins);
    const to = Math.max(from + 1, 1 + Math.floor(((bin + 1) * frames) / bins));
    return [from, (table.frameStart[Math.min(to, table.frameStart.length - 1)] - table.frameStart[from]) / (to - from)];
  });
}

function countsChart(run) {
  const lines = [["tracks", perFrame(run.rows, run.frames), "one"]];
  if (run.truth) lines.push(["truth", perFrame(run.truth, run.frames), "two"]);
  const most = Math.max(1, ...lines.flatMap(([, points]) => points.map(([, value]) => value)));
  return plot(lines, {
    x: [1, run.frames], y: [0, most], xs: nice(run.frames, 6).slice(1), ys: nice(most, 4), name: "Number of tracks over the frames", wide: true,
    click: (frame) => set({ frame: clamp(Math.round(frame), 1, run.frames), view: "review" }),
  });
}

function curvesChart(run) {
  const { thresholds, HOTA, DetA, AssA } = run.curves;
  const points = (values) => values.map((value, k) => [thresholds[k], 100 * (value ?? 0)]);
  return plot([["HOTA", points(HOTA), "one"], ["DetA", points(DetA), "two"], ["AssA", points(AssA), "three"]], {
    x: [0, 1], y: [0, 100], xs: [0.1, 0.3, 0.5, 0.7, 0.9], ys: [0, 25, 50, 75, 100], name: "HOTA, DetA and AssA over thresholds of IoU",
  });
}

function costTable(run) {
  const rows = Object.entries(run.cost).sort(([, a], [, b]) => b.HOTA - a.HOTA);
  const most = Math.max(...rows.map(([, gain]) => Math.abs(gain.HOTA)), 1e-9);
  return el("table", { class: "costs" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Cause"), el("th", { scope: "col", class: "num" }, "How many"), ...COST.map(([, text]) => el("th", { scope: "col", class: "num" }, text)), el("th", { scope: "col" }, "HOTA"))),
    el("tbody", {}, ...rows.map(([cause, gain]) => el("tr", {},
      el("th", { scope: "row" }, words(cause)), el("td", { class: "num" }, count(gain.count)),
      ...COST.map(([name]) => el("td", { class: "num" }, signed(100 * gain[name]))),
      el("td", { class: "bar-cell" }, el("span", { class: gain.HOTA < 0 ? "barline less" : "barline", style: { width: `${(Math.abs(gain.HOTA) / most) * 100}%` } }))))));
}

const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);

/** The scene with a canvas above it, of the image's size or of the heat map's. */
function scene(run, paint, [w, h] = run.size) {
  const canvas = el("canvas", { width: w, height: h, "aria-hidden": "true" });
  paint(canvas.getContext("2d"), run);
  return el("div", { class: "overlay", style: { aspectRatio: `${run.size[0]} / ${run.size[1]}` } },
    run.scene ? el("img", { alt: "", src: `data:image/jpeg;base64,${run.scene}` }) : null, canvas);
}

// Dark blue to yellow by way of grey: people who see no red or no green see the same order.
const RAMP = [[0, 32, 81], [60, 77, 110], [127, 124, 117], [187, 175, 113], [253, 234, 69]];

function drawHeat(c, run) {
  const { width, cells } = run.heat;
  const filled = cells.filter(Boolean).sort();
  const most = filled.length ? filled[Math.floor((filled.length - 1) * 0.98)] : 1; // what parks there all day hides no path
  for (let k = 0; k < cells.length; k++) {
    if (!cells[k]) continue;
    const share = Math.sqrt(Math.min(1, cells[k] / most)) * (RAMP.length - 1);
    const low = Math.min(Math.floor(share), RAMP.length - 2);
    const [r, g, b] = RAMP[low].map((value, j) => Math.round(value + (RAMP[low + 1][j] - value) * (share - low)));
    c.fillStyle = `rgba(${r},${g},${b},.85)`;
    c.fillRect(k % width, Math.floor(k / width), 1, 1);
  }
}

function drawPaths(c, run) {
  const { rows } = run;
  const stride = Math.max(1, Math.floor(rows.length / 200000));
  c.lineWidth = Math.max(1, run.size[0] / 480);
  c.globalAlpha = 0.85;
  for (let k = 0; k < rows.ids.length; k++) {
    c.strokeStyle = HUES[rows.ids[k] % HUES.length];
    c.beginPath();
    for (let r = rows.start[k]; r < rows.start[k + 1]; r += stride) {
      const [l, , rr, b] = rows.box(r);
      if (r > rows.start[k] && rows.frame[r] - rows.frame[r - stride] <= 2 * stride) c.lineTo((l + rr) / 2, b);
      else c.moveTo((l + rr) / 2, b);
    }
    c.stroke();
  }
}

/** Facts as lines of "detector.name". */
function flat(facts, before = "") {
  return Object.entries(facts || {}).flatMap(([key, value]) => {
    const name = before ? `${before}.${key}` : key;
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return flat(value, name);
    if (Array.isArray(value) && value.some((one) => one !== null && typeof one === "object")) return value.flatMap((one, k) => flat(one, `${name}.${k + 1}`));
    return [[name, Array.isArray(value) ? value.join(" ") : value === null ? "–" : String(value)]];
  });
}

/** "algorithm.parameters" of "algorithm.parameters.max_age"; what has no group is the run's. */
function groupOf(name) {
  const levels = name.split(".");
  if (levels.length === 1) return "run";
  return levels.slice(0, levels[1] === "parameters" ? 2 : 1).join(".");
}

class About {
  constructor(host, runs) {
    const named = runs.map((run) => new Map([...Object.entries(run.scores || {}).map(([name, value]) => [name, value === null ? "–" : ["IDSW", "Frag", "FP", "FN"].includes(name) ? count(value) : (100 * value).toFixed(2)]),
      ["tracks", count(run.rows.ids.length)], ["rows", count(run.rows.length)], ["frames", count(run.frames)],
      ...Object.entries(run.counts).filter(([name]) => !["birth", "end"].includes(name)).map(([name, value]) => [NOUNS[name] ? NOUNS[name][1] : name, count(value)])]));
    const facts = runs.map((run) => new Map(flat(run.facts)));
    host.append(card("Figures", this.table(named, runs)));
    const groups = [...new Set(facts.flatMap((map) => [...map.keys()]).map(groupOf))];
    for (const group of groups) {
      const own = facts.map((map) => new Map([...map].filter(([name]) => groupOf(name) === group).map(([name, value]) => [group === "run" ? name : name.slice(group.length + 1), value])));
      host.append(card(group.replaceAll(".", ", "), this.table(own, runs)));
    }
  }

  table(maps, runs) {
    const names = [...new Set(maps.flatMap((map) => [...map.keys()]))];
    const rows = names.map((name) => {
      const values = maps.map((map) => map.get(name) ?? "–");
      const differ = values.some((value) => value !== values[0]);
      return el("tr", { class: differ ? "differ" : "" }, el("th", { scope: "row" }, name, differ ? el("span", { class: "ne" }, " ≠") : null), ...values.map((value) => el("td", {}, value)));
    });
    const head = runs.length > 1 ? el("thead", {}, el("tr", {}, el("td"), ...runs.map((run) => el("th", { scope: "col" }, run.label)))) : null;
    return el("table", { class: "facts" }, head, el("tbody", {}, ...rows));
  }
}
