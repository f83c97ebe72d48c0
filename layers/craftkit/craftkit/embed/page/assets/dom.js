// Creates elements. Strings become text nodes: no function here parses HTML.

/**
 * Create an element. Names starting with `on` become listeners, names of DOM properties are set as
 * properties, others as attributes. Children that are null, undefined or false are skipped.
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-") && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
}

/** Replace the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

let ids = 0;

/** An id that is unique on the page. */
export function uid(word) {
  ids += 1;
  return `${word}-${ids}`;
}

const live = h("p", { class: "hidden", role: "status", "aria-live": "polite" });

/** Announce a change of the page to screen readers. */
export function announce(text) {
  if (!live.isConnected) document.body.append(live);
  live.textContent = "";
  requestAnimationFrame(() => (live.textContent = text));
}
