// Follows the folder: after each save the state is read again, and the pages with it.
const find = (selector) => document.querySelector(selector);
const select = find("#set");
let busy = false;
let again = false;

async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    const answer = await fetch(`/state?set=${encodeURIComponent(select.value || "data")}`);
    show(await answer.json());
  } catch {
    find("#status").textContent = "The command has ended.";
  }
  busy = false;
  if (again) {
    again = false;
    await refresh();
  }
}

function show(state) {
  if (state.data_sets.length) {
    select.replaceChildren(...state.data_sets.map((name) => new Option(name, name)));
    select.value = state.data_set;
  }
  list("#warnings", state.warnings);
  list("#accessibility", state.accessibility);
  showFault(state.fault);
  const pages = find("#pages");
  pages.classList.toggle("stale", Boolean(state.fault));
  find("#status").textContent = state.fault ? "Not rendered" : summary(state);
  if (state.fault) return;
  const images = [];
  for (let number = 1; number <= state.pages; number += 1) {
    const image = pages.children[number - 1] ?? new Image();
    image.alt = `Page ${number}`;
    const set = encodeURIComponent(state.data_set);
    image.src = `/page?set=${set}&number=${number}&revision=${state.revision}`;
    images.push(image);
  }
  pages.replaceChildren(...images);
  pages.dataset.revision = state.revision;
}

function summary(state) {
  const pages = `${state.page_count} ${state.page_count === 1 ? "page" : "pages"}`;
  const left = state.page_count - state.pages;
  return `${pages}${left ? `, ${left} not shown` : ""}, ${state.milliseconds} ms`;
}

function list(selector, sentences) {
  const section = find(selector);
  section.hidden = !sentences.length;
  section.querySelector("ul").replaceChildren(...sentences.map(item));
}

function item(text) {
  const made = document.createElement("li");
  made.textContent = text;
  return made;
}

function showFault(fault) {
  const section = find("#fault");
  section.hidden = !fault;
  if (!fault) return;
  const place = fault.line ? `${fault.file}, line ${fault.line}, column ${fault.column}: ` : "";
  section.querySelector("h2").textContent = place + fault.message;
  const lines = (fault.lines ?? []).map((text, index) => {
    const number = fault.firstLine + index;
    const line = document.createElement(number === fault.line ? "mark" : "span");
    line.textContent = `${String(number).padStart(4)}  ${text}\n`;
    return line;
  });
  section.querySelector("pre").replaceChildren(...lines);
  section.querySelector("pre").hidden = !lines.length;
  section.querySelector("ul").replaceChildren(...(fault.issues ?? []).map(item));
}

select.addEventListener("change", refresh);
const events = new EventSource("/events");
events.onmessage = refresh;
events.onerror = () => { find("#status").textContent = "Connecting …"; };
