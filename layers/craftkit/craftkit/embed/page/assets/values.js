// Reads and writes data by dotted path, and converts typed text to API values.

/** An object without a prototype, so that a key such as `__proto__` is an ordinary key. */
export function emptyObject() {
  return Object.create(null);
}

export function getAt(data, path) {
  let node = data;
  for (const step of path.split(".")) {
    if (node === null || typeof node !== "object" || !Object.hasOwn(node, step)) return undefined;
    node = node[step];
  }
  return node;
}

export function setAt(data, path, value) {
  const steps = path.split(".");
  const name = steps.pop();
  let node = data;
  for (const step of steps) {
    if (!Object.hasOwn(node, step)) node[step] = emptyObject();
    node = node[step];
  }
  node[name] = value;
}

/** Convert a number of the locale to the API's form: `1.234,50` → `1234.50`. */
export function readNumber(text, locale) {
  const bare = text.replace(/[\s'’\u00a0\u202f]/g, "");
  const marks = bare.match(/[.,]/g) ?? [];
  if (!marks.length) return bare;
  const last = marks.at(-1);
  const after = bare.length - bare.lastIndexOf(last) - 1;
  const isMixed = new Set(marks).size > 1;
  const isGroup = marks.length > 1 ? !isMixed : last !== decimalMark(locale) && after === 3;
  if (isGroup) return bare.replace(/[.,]/g, "");
  const at = bare.lastIndexOf(last);
  return `${bare.slice(0, at).replace(/[.,]/g, "")}.${bare.slice(at + 1)}`;
}

function decimalMark(locale) {
  try {
    return new Intl.NumberFormat(locale).formatToParts(1.5).find(({ type }) => type === "decimal").value;
  } catch {
    return ".";
  }
}

/** Add the browser's UTC offset at that time to a local time such as `2026-11-24T10:30`. */
export function readMoment(local) {
  const moment = new Date(local);
  if (Number.isNaN(moment.getTime())) return local;
  const minutes = -moment.getTimezoneOffset();
  const two = (number) => String(Math.floor(Math.abs(number))).padStart(2, "0");
  const seconds = local.length === 16 ? ":00" : "";
  return `${local}${seconds}${minutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** Convert an API time to the value of a `datetime-local` input. */
export function showMoment(text) {
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) return "";
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** A key as a heading: `customerName` → `Customer name`. */
export function headingOf(key) {
  const words = key.replace(/[_-]+/g, " ").replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The singular of a label: `Items` → `Item`. Labels without an English plural ending stay. */
export function singular(label) {
  if (/ies$/i.test(label) && label.length > 4) return label.replace(/ies$/i, "y");
  return /[^su]s$/i.test(label) && label.length > 3 ? label.slice(0, -1) : label;
}

export function isMissing(value) {
  return value === undefined || value === null || value === "";
}
