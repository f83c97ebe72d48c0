// The editor's page: the code editor, automatic saving of drafts, and recovery of unsaved changes.
"use strict";

const form = document.getElementById("editor");
const area = document.getElementById("source");
const editor = CodeEditor.attach(area);
const saveState = document.getElementById("save-state");
const revision = form.elements.namedItem("revision");

// Marks the line of the problem that the preview reports.
document.addEventListener("htmx:afterSettle", () => {
  const marked = document.querySelector("#problem [data-line]");
  const column = marked?.querySelector("[data-go-to-line]")?.textContent.match(/column (\d+)/)?.[1];
  editor.mark(Number(marked?.dataset.line || 0), Number(column || 0), marked?.textContent.trim() || "");
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-go-to-line]");
  if (link) editor.goTo(Number(link.dataset.goToLine));
});

// Unsaved changes are stored in this browser until the server has saved them.
const STORE = `craftkit-draft:${location.pathname}`;
const entered = () => JSON.stringify([...new FormData(form)].filter(([name]) => name !== "csrf" && name !== "revision"));
let saved = entered(), isLeaving = false, timer = 0;
const isDirty = () => entered() !== saved;

function keep() {
  if (isDirty()) localStorage.setItem(STORE, JSON.stringify({ at: Date.now(), fields: entered() }));
  else localStorage.removeItem(STORE);
}
const kept = JSON.parse(localStorage.getItem(STORE) || "null");
if (kept && kept.fields !== saved) {
  const notice = document.getElementById("kept");
  const text = document.createElement("p"), row = document.createElement("div");
  text.textContent = `This browser has changes of ${new Date(kept.at).toLocaleString()} that were not saved.`;
  row.className = "row";
  for (const [label, act] of [["Restore", restore], ["Discard", discardKept]]) {
    const button = document.createElement("button");
    button.type = "button"; button.className = "small"; button.textContent = label;
    button.addEventListener("click", act);
    row.append(button);
  }
  notice.append(text, row);
  notice.hidden = false;
}
function discardKept() {
  localStorage.removeItem(STORE);
  document.getElementById("kept").hidden = true;
}
function restore() {
  const sent = document.createElement("form");
  sent.method = "post"; sent.action = location.pathname;
  const fields = [...JSON.parse(kept.fields), ["revision", revision.value], ["csrf", form.elements.namedItem("csrf").value]];
  for (const [name, value] of fields) {
    const field = document.createElement("textarea");
    field.name = name; field.value = value;
    sent.append(field);
  }
  sent.hidden = true;
  document.body.append(sent);
  isLeaving = true;
  sent.requestSubmit();
}

// The draft is saved automatically, five seconds after the last change.
const AUTOSAVE_MS = 5000;
form.addEventListener("input", () => {
  keep();
  saveState.textContent = isDirty() ? "Not saved yet" : "";
  clearTimeout(timer);
  if (isDirty()) timer = setTimeout(save, AUTOSAVE_MS);
});
async function save() {
  clearTimeout(timer);
  const sent = entered();
  let answer;
  try {
    answer = await fetch(form.action, { method: "post", headers: { "hx-request": "true" }, body: new URLSearchParams(new FormData(form)) });
  } catch {
    saveState.textContent = "Not saved: the server cannot be reached";
    return false;
  }
  if (answer.status === 401) { askToSignIn(); saveState.textContent = "Not saved: your session has ended"; return false; }
  if (answer.status === 409) { document.getElementById("saved-elsewhere").showModal(); saveState.textContent = "Not saved: the draft was changed in another tab"; return false; }
  if (!answer.ok) {
    const isOurs = answer.headers.get("content-type")?.startsWith("text/plain");
    saveState.textContent = isOurs ? `Not saved: ${await answer.text()}` : "Not saved: the request failed";
    return false;
  }
  revision.value = (await answer.json()).revision;
  saved = sent;
  keep();
  saveState.textContent = isDirty() ? "Not saved yet" : "Draft saved";
  return true;
}
document.addEventListener("signed-in", save);
addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
  event.preventDefault();
  save();
});

// The draft was changed in another tab: compare, take theirs, take mine.
const saysTheirs = () => fetch(form.action, { headers: { "hx-request": "true" } }).then((answer) => answer.json());
document.getElementById("compare").addEventListener("click", async () => {
  const box = document.getElementById("saved-elsewhere-source");
  const mine = area.value.split("\n"), theirs = (await saysTheirs()).source.split("\n");
  box.replaceChildren(...lineDifference(mine, theirs));
  box.hidden = false;
});
document.getElementById("take-theirs").addEventListener("click", () => {
  localStorage.removeItem(STORE);
  isLeaving = true;
  location.assign(location.pathname);
});
document.getElementById("take-mine").addEventListener("click", async () => {
  revision.value = (await saysTheirs()).revision;
  document.getElementById("saved-elsewhere").close();
  save();
});
function lineDifference(mine, theirs) {
  let start = 0, end = 0;
  while (start < Math.min(mine.length, theirs.length) && mine[start] === theirs[start]) start += 1;
  while (end < Math.min(mine.length, theirs.length) - start && mine.at(-1 - end) === theirs.at(-1 - end)) end += 1;
  const line = (kind, mark) => (text) => { const span = document.createElement("span"); span.className = kind; span.textContent = `${mark} ${text}`; return span; };
  return [
    line("at", " ")(`From line ${start + 1}: + mine, - theirs`),
    ...theirs.slice(start, theirs.length - end).map(line("del", "-")),
    ...mine.slice(start, mine.length - end).map(line("add", "+")),
  ];
}

// Ask before unsaved changes are lost.
// The first submit event only checks the session; see dashboard.js.
form.addEventListener("submit", () => { if (form.dataset.checked) isLeaving = true; });
addEventListener("beforeunload", (event) => { if (isDirty() && !isLeaving) event.preventDefault(); });
