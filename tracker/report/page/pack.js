// What tracker/report/pack.py packed, and small things that every part of the page needs.

/** An element with properties, attributes and children; strings become text, never markup. */
function el(tag, props = {}, ...children) {
  const node = tag === "svg" || props.svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "svg" || value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(node.style, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((one) => one !== null && one !== undefined && one !== false));
  return node;
}

function bytesOf(text) {
  const raw = atob(text);
  const out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
}

async function inflate(text) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function inflateJson(text) {
  return JSON.parse(new TextDecoder().decode(await inflate(text)));
}

/** Columns by name, each an Int32Array. */
async function unpack(packed) {
  const data = await inflate(packed.data);
  const out = {};
  let at = 0;
  for (const [name, count, width] of packed.columns) {
    const column = new Int32Array(count);
    let last = 0;
    for (let i = 0; i < count; i++) {
      let folded = 0;
      for (let k = 0; k < width; k++) folded += data[at + k * count + i] * 2 ** (8 * k);
      last += folded % 2 ? -(folded + 1) / 2 : folded / 2;
      column[i] = last;
    }
    at += width * count;
    out[name] = column;
  }
  return out;
}

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const count = (n) => n.toLocaleString("en-US");
const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
/** Seconds as 1:02.4 */
function clockText(seconds) {
  const tenths = Math.round(seconds * 10);
  return `${Math.floor(tenths / 600)}:${String(Math.floor((tenths % 600) / 10)).padStart(2, "0")}.${tenths % 10}`;
}
/** The first place in a sorted part of an array whose value is at least ``value``. */
function lowerBound(array, value, low, high) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (array[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
