// One run: its rows by track and by frame, the truth, what is wrong, and the times of frames.

const QUARTER = 4;
const FILLED = 1;
const WRONG = 2;
const COLUMNS = ["frame", "left", "top", "width", "height", "score", "class", "flags"];

/** Rows by track (``start``) and by frame (``rowsAt``). ``segments``: by id the stretches of rows it has. */
class Table {
  constructor(base, frames) {
    this.base = base;
    this.frames = frames;
    this.segments = new Map();
    let at = 0;
    base.id.forEach((id, k) => {
      this.segments.set(id, [[at, at + base.rows[k]]]);
      at += base.rows[k];
    });
    this.original = this.segments;
    this.build(this.segments);
  }

  build(segments) {
    this.segments = segments;
    const ids = [...segments.keys()].sort((a, b) => a - b);
    this.ids = Int32Array.from(ids);
    this.place = new Map(ids.map((id, k) => [id, k]));
    this.start = new Int32Array(ids.length + 1);
    ids.forEach((id, k) => {
      this.start[k + 1] = this.start[k] + segments.get(id).reduce((sum, [from, to]) => sum + to - from, 0);
    });
    this.length = this.start[ids.length];
    if (segments === this.original) for (const name of COLUMNS) this[name] = this.base[name];
    else this.copy(ids, segments);
    this.trackOf = new Int32Array(this.length);
    for (let k = 0; k < ids.length; k++) this.trackOf.fill(k, this.start[k], this.start[k + 1]);
    this.frameStart = new Int32Array(this.frames + 2);
    for (let r = 0; r < this.length; r++) this.frameStart[this.frame[r] + 1]++;
    for (let f = 1; f < this.frameStart.length; f++) this.frameStart[f] += this.frameStart[f - 1];
    const next = this.frameStart.slice();
    this.frameRows = new Int32Array(this.length);
    for (let r = 0; r < this.length; r++) this.frameRows[next[this.frame[r]]++] = r;
    this.known = new Map();
  }

  copy(ids, segments) {
    for (const name of COLUMNS) this[name] = new Int32Array(this.length);
    ids.forEach((id, k) => {
      const order = [];
      for (const [from, to] of segments.get(id)) for (let r = from; r < to; r++) order.push(r);
      order.sort((a, b) => this.base.frame[a] - this.base.frame[b]);
      order.forEach((r, j) => {
        for (const name of COLUMNS) this[name][this.start[k] + j] = this.base[name][r];
      });
    });
  }

  rowsAt(frame) {
    if (frame < 0 || frame > this.frames) return new Int32Array(0);
    return this.frameRows.subarray(this.frameStart[frame], this.frameStart[frame + 1]);
  }

  /** The row of a track, by its place, in a frame, or -1. */
  rowIn(k, frame) {
    const r = lowerBound(this.frame, frame, this.start[k], this.start[k + 1]);
    return r < this.start[k + 1] && this.frame[r] === frame ? r : -1;
  }

  first(k) {
    return this.frame[this.start[k]];
  }

  last(k) {
    return this.frame[this.start[k + 1] - 1];
  }

  /** Left, top, right, bottom in pixels. */
  box(r) {
    const left = this.left[r] / QUARTER, top = this.top[r] / QUARTER;
    return [left, top, left + this.width[r] / QUARTER, top + this.height[r] / QUARTER];
  }

  /** Stretches of a track: [from, to, "seen" | "coasting" | "lost" | "tentative"]. */
  states(k, life) {
    let out = this.known.get(k);
    if (out) return out;
    out = [];
    const begin = this.first(k);
    if (life && life[0] !== null && life[0] < begin) out.push([life[0], begin - 1, "tentative"]);
    for (let r = this.start[k]; r < this.start[k + 1]; r++) {
      const frame = this.frame[r];
      const state = this.flags[r] & FILLED ? "coasting" : "seen";
      const last = out[out.length - 1];
      if (last && last[1] < frame - 1) out.push([last[1] + 1, frame - 1, "lost"]);
      const open = out[out.length - 1];
      if (open && open[2] === state && open[1] === frame - 1) open[1] = frame;
      else out.push([frame, frame, state]);
    }
    if (this.known.size > 5000) this.known.clear();
    this.known.set(k, out);
    return out;
  }
}

/** Times of frames: by the rate, or by the table of stored times. Frames count from 1. */
class Times {
  constructor(rate, table) {
    this.rate = rate;
    this.numbers = table ? table.number : null;
    this.seconds = table ? Float64Array.from(table.ticks, (ticks) => ticks / 10000) : null;
  }

  of(frame) {
    if (!this.numbers) return (frame - 1) / this.rate;
    const k = clamp(lowerBound(this.numbers, frame, 0, this.numbers.length), 0, this.numbers.length - 1);
    return this.seconds[k];
  }

  /** Where to seek for a frame: in the middle of the time it is shown. */
  middle(frame) {
    if (!this.numbers) return (frame - 0.5) / this.rate;
    const next = this.of(frame + 1);
    const now = this.of(frame);
    return next > now ? (now + next) / 2 : now + 0.5 / this.rate;
  }

  /** The frame that is shown at a time of the video. */
  frameAt(seconds) {
    if (!this.numbers) return Math.max(1, Math.round(seconds * this.rate) + 1);
    const k = lowerBound(this.seconds, seconds + 0.0005, 0, this.seconds.length) - 1;
    return this.numbers[Math.max(0, k)];
  }
}

async function openRun(run, place) {
  const [rows, truth, more, grid, times] = await Promise.all([
    unpack(run.rows),
    run.truth ? unpack(run.truth) : null,
    inflateJson(run.more),
    unpack(run.heat.grid),
    run.times ? unpack(run.times) : null,
  ]);
  const last = truth ? truth.frame.reduce((a, b) => Math.max(a, b), 0) : 0;
  const algorithm = more.facts.algorithm && more.facts.algorithm.name;
  return {
    ...run,
    ...more,
    place,
    label: `${"AB"[place]} ${algorithm || "run"}`,
    heat: { ...run.heat, ...run.heat.grid, cells: grid.cell },
    rows: new Table(rows, run.frames),
    truth: truth ? new Table(truth, Math.max(last, run.frames)) : null,
    times: new Times(run.rate, times),
  };
}
