// Elements made of parts. Text is only ever text: nothing here reads HTML.

/**
 * An element. Properties are set as properties; `class`, `for`, `aria-…`, `data-…` and `role` as
 * attributes; `on…` as listeners. A child that is null or false is left out.
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

/** Put these children, and no others, into an element. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

let ids = 0;

/** An id that nothing else on the page has. */
export function uid(word) {
  ids += 1;
  return `${word}-${ids}`;
}

const live = h("p", { class: "hidden", role: "status", "aria-live": "polite" });

/** Tell a screen reader what a sighted person sees happen. */
export function announce(text) {
  if (!live.isConnected) document.body.append(live);
  live.textContent = "";
  requestAnimationFrame(() => (live.textContent = text));
}

/** Run `work` when nothing has asked for it again for so many milliseconds. */
export function debounced(work, milliseconds) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, milliseconds);
  };
}
