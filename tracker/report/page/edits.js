// Mending by hand. tracker/refine/edits.py replays the same list, in the same order, by the same rules.

class Edits {
  constructor(run, version) {
    this.run = run;
    this.version = version;
    this.list = [];
    this.saved = true;
  }

  /** Adds an edit, or says why it cannot be done. */
  add(edit) {
    const table = this.run.rows;
    const why = refusal(table, edit);
    if (why) return why;
    table.build(changed(table, edit));
    this.list.push(edit);
    this.saved = false;
    return null;
  }

  removeFrom(place) {
    const kept = [...this.list.slice(0, place), ...this.list.slice(place + 1)];
    const table = this.run.rows;
    this.list = [];
    table.build(table.original);
    const lost = kept.filter((edit) => this.add(edit) !== null);
    this.saved = this.list.length === 0;
    return lost.length;
  }

  text() {
    const { name, size, frames } = this.run;
    return JSON.stringify({ version: 1, made_by: `trackwhy ${this.version}`, source: name, size, frames, edits: this.list }, null, 1) + "\n";
  }

  /** Does the edits of a file; says which did not fit. */
  async load(file) {
    let given = null;
    try {
      given = JSON.parse(await file.text());
    } catch {
      return announce(`${file.name} is no JSON.`);
    }
    if (!given || !Array.isArray(given.edits) || given.version !== 1) return announce(`${file.name} holds no edits of a report.`);
    if (given.source !== this.run.name) return announce(`${file.name} is of ${given.source}, this run of ${this.run.name}.`);
    const why = given.edits.map((edit) => (edit && EDITS[edit.op] && Array.isArray(edit.where) ? this.add(edit) : "It is no edit.")).filter(Boolean);
    announce(why.length ? `${plural(why.length, "edit")} of ${given.edits.length} did not fit. ${why[0]}` : `${plural(given.edits.length, "edit")} done.`);
    set({ track: null }, { edited: true });
  }

  download() {
    const link = el("a", { href: URL.createObjectURL(new Blob([this.text()], { type: "application/json" })), download: "edits.json" });
    link.click();
    URL.revokeObjectURL(link.href);
    this.saved = true;
  }
}

/** Where an id is: a frame and its box there, so that a replay can tell whether it is the same track. */
function whereIs(table, id, frame) {
  const k = table.place.get(id);
  const r = clamp(lowerBound(table.frame, frame, table.start[k], table.start[k + 1]), table.start[k], table.start[k + 1] - 1);
  return { id, frame: table.frame[r], box: table.box(r) };
}

const EDITS = {
  merge: (run, id, into) => ({ op: "merge", id, into, where: [whereIs(run.rows, id, 0), whereIs(run.rows, into, run.frames)] }),
  swap: (run, id, other, frame) => ({ op: "swap", id, other, frame, where: [whereIs(run.rows, id, frame), whereIs(run.rows, other, frame)] }),
  split: (run, id, frame) => ({ op: "split", id, frame, to: newId(run.rows), where: [whereIs(run.rows, id, frame)] }),
  rename: (run, id, to) => ({ op: "rename", id, to, where: [whereIs(run.rows, id, 0)] }),
  delete: (run, id, first, last) => ({ op: "delete", id, first, last, where: [whereIs(run.rows, id, first)] }),
};

/** An id that no track has or had. */
const newId = (table) => [...table.original.keys(), ...table.ids].reduce((most, id) => Math.max(most, id), 0) + 1;

/** Why an edit cannot be done, or null. */
function refusal(table, edit) {
  for (const id of [edit.id, edit.into, edit.other]) if (id !== undefined && !table.place.has(id)) return `There is no id ${id}.`;
  if (edit.into === edit.id || edit.other === edit.id) return `Name another id than ${edit.id}.`;
  if (edit.to !== undefined && (!Number.isInteger(edit.to) || edit.to < 0 || edit.to > 2147483647)) return "An id is a whole number from 0 on.";
  if (edit.to !== undefined && table.place.has(edit.to)) return `There is an id ${edit.to} already; merge the two instead.`;
  const k = table.place.get(edit.id);
  if (edit.op === "merge") {
    const other = table.place.get(edit.into);
    for (let r = table.start[k]; r < table.start[k + 1]; r++)
      if (table.rowIn(other, table.frame[r]) >= 0) return `Ids ${edit.id} and ${edit.into} are both in frame ${table.frame[r]}; swap them or delete a part first.`;
  }
  if (edit.op === "split" && (edit.frame <= table.first(k) || edit.frame > table.last(k))) return `Id ${edit.id} has no rows on both sides of frame ${edit.frame}.`;
  if (edit.op === "swap" && edit.frame > Math.max(table.last(k), table.last(table.place.get(edit.other)))) return `Neither id has rows from frame ${edit.frame} on.`;
  if (edit.op === "delete" && !countIn(table, k, edit.first, edit.last)) return `Id ${edit.id} has no rows in frames ${edit.first} to ${edit.last}.`;
  return null;
}

function countIn(table, k, first, last) {
  return lowerBound(table.frame, last + 1, table.start[k], table.start[k + 1]) - lowerBound(table.frame, first, table.start[k], table.start[k + 1]);
}

/** Stretches before a frame, and from it on. */
function cutAt(table, stretches, frame) {
  const before = [], after = [];
  for (const [from, to] of stretches) {
    const at = lowerBound(table.base.frame, frame, from, to);
    if (at > from) before.push([from, at]);
    if (at < to) after.push([at, to]);
  }
  return [before, after];
}

/** The segments of a table after an edit. */
function changed(table, edit) {
  const out = new Map(table.segments);
  const put = (id, stretches) => (stretches.length ? out.set(id, stretches) : out.delete(id));
  const own = out.get(edit.id);
  if (edit.op === "merge") {
    out.delete(edit.id);
    put(edit.into, [...out.get(edit.into), ...own]);
  } else if (edit.op === "rename") {
    out.delete(edit.id);
    put(edit.to, own);
  } else if (edit.op === "split") {
    const [before, after] = cutAt(table, own, edit.frame);
    put(edit.id, before);
    put(edit.to, after);
  } else if (edit.op === "swap") {
    const [before, after] = cutAt(table, own, edit.frame);
    const [otherBefore, otherAfter] = cutAt(table, out.get(edit.other), edit.frame);
    put(edit.id, [...before, ...otherAfter]);
    put(edit.other, [...otherBefore, ...after]);
  } else {
    const [before, rest] = cutAt(table, own, edit.first);
    const [, after] = cutAt(table, rest, edit.last + 1);
    put(edit.id, [...before, ...after]);
  }
  return out;
}

function said(edit) {
  if (edit.op === "merge") return `id ${edit.id} becomes a part of ${edit.into}`;
  if (edit.op === "swap") return `ids ${edit.id} and ${edit.other} change places from frame ${edit.frame} on`;
  if (edit.op === "split") return `id ${edit.id} is ${edit.to} from frame ${edit.frame} on`;
  if (edit.op === "rename") return `id ${edit.id} is called ${edit.to}`;
  return `id ${edit.id} is deleted in frames ${edit.first} to ${edit.last}`;
}

/** Does an edit and shows what became of it. */
function mend(run, edit) {
  const why = run.edits.add(edit);
  if (why) return announce(why);
  announce(`Done: ${said(edit)}. Undo with Ctrl+Z.`);
  const track = state.track !== null && !run.rows.place.has(state.track) ? edit.into ?? edit.to ?? null : state.track;
  set({ track }, { edited: true });
}

function undo(run, place = run.edits.list.length - 1) {
  if (place < 0) return announce("There is nothing to undo.");
  const edit = run.edits.list[place];
  const lost = run.edits.removeFrom(place);
  announce(`Undone: ${said(edit)}.${lost ? ` ${plural(lost, "later edit")} did not fit any more and went too.` : ""}`);
  set({}, { edited: true });
}

/** What would repair an entry: one click. */
function suggestions(run, entry) {
  if (entry.kind !== "switch" && entry.kind !== "suspect") return [];
  const { id, previous, frame } = entry;
  if (id === null || previous === null || id === previous || !run.rows.place.has(id) || !run.rows.place.has(previous)) return [];
  const merge = EDITS.merge(run, id, previous);
  const edit = refusal(run.rows, merge) ? EDITS.swap(run, previous, id, frame) : merge;
  if (refusal(run.rows, edit)) return [];
  const text = edit.op === "merge" ? `Mend: merge ${id} into ${previous}` : `Mend: swap ${previous} and ${id} from here on`;
  return [el("p", { class: "mend" }, el("button", { type: "button", id: "mend", onclick: () => mend(run, edit) }, text))];
}

/** Everything that can be done to a track. */
function mendForm(run, id) {
  const number = (name, value) => el("input", { type: "number", min: 0, "aria-label": name, placeholder: name, value });
  const line = (text, inputs, make) => {
    const button = el("button", { type: "submit" }, text);
    return el("form", { onsubmit: (event) => {
      event.preventDefault();
      const values = inputs.map((input) => (input.value === "" ? NaN : Number(input.value)));
      if (values.some(Number.isNaN)) return announce(`Give ${inputs.map((input) => input.getAttribute("aria-label")).join(" and ")}.`);
      const edit = make(...values);
      if (typeof edit === "string") announce(edit);
      else mend(run, edit);
    } }, button, ...inputs);
  };
  const known = (other, make) => (run.rows.place.has(other) ? make() : `There is no id ${other}.`);
  const k = run.rows.place.get(id);
  return el("details", { class: "forms" }, el("summary", {}, "Mend by hand"),
    line("Merge into", [number("other id", "")], (other) => known(other, () => EDITS.merge(run, id, other))),
    line("Swap from this frame on with", [number("other id", "")], (other) => known(other, () => EDITS.swap(run, id, other, state.frame))),
    line("Split at this frame", [], () => EDITS.split(run, id, state.frame)),
    line("Rename to", [number("new id", "")], (to) => EDITS.rename(run, id, to)),
    line("Delete frames", [number("first frame", run.rows.first(k)), number("last frame", run.rows.last(k))], (first, last) => EDITS.delete(run, id, first, last)));
}
