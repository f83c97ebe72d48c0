// Copy buttons, dialogs, forms that are sent once and with a valid session, filters, and errors of htmx.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text]");
  if (!button) return;
  const text = button.dataset.copyText ?? document.getElementById(button.dataset.copy).textContent;
  await navigator.clipboard.writeText(text);
  const label = button.textContent;
  if (label === "Copied") return;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
});

// Opens and closes dialogs in browsers that do not support the attribute `command` of buttons.
if (!("commandForElement" in HTMLButtonElement.prototype)) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (dialog) button.getAttribute("command") === "close" ? dialog.close() : dialog.showModal();
  });
}

// Before a form is sent, the script checks that the session is valid, so that no entries are lost to a
// redirect to the sign-in page. The user signs in in a second tab, which notifies this one.
const SESSION = document.body.dataset.session;
const channel = SESSION && new BroadcastChannel("craftkit-session");

async function isSignedIn() {
  let answer;
  try {
    answer = await fetch(SESSION, { headers: { "hx-request": "true" } });
  } catch {
    toast("The server cannot be reached. Your entries are still here.");
    return false;
  }
  if (answer.status === 401) { askToSignIn(); return false; }
  if (!answer.ok) { toast("The server did not respond. Your entries are still here."); return false; }
  const { csrf } = await answer.json();
  for (const field of document.querySelectorAll("input[name=csrf]")) field.value = csrf;
  document.body.setAttribute("hx-headers", JSON.stringify({ "x-csrf-token": csrf }));
  return true;
}

function askToSignIn() {
  const dialog = document.getElementById("sign-in-again");
  if (dialog && !dialog.open) dialog.showModal();
}
if (channel) {
  channel.addEventListener("message", async () => {
    if (!(await isSignedIn())) return;
    document.getElementById("sign-in-again")?.close();
    document.dispatchEvent(new Event("signed-in"));
  });
  if (location.pathname.endsWith("/signed-in-again")) { channel.postMessage("signed in"); close(); }
}

// A form is sent once, even if its button is pressed repeatedly.
document.addEventListener("submit", async (event) => {
  const form = event.target, button = event.submitter;
  if (form.getAttribute("method") !== "post" || form.hasAttribute("hx-post")) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  button?.setAttribute("aria-busy", "true");
  if (!SESSION || form.dataset.checked) { delete form.dataset.checked; return; }
  event.preventDefault();
  const goes = await isSignedIn();
  delete form.dataset.sent;
  if (goes) { form.dataset.checked = "yes"; form.requestSubmit(button); }
  else button?.removeAttribute("aria-busy");
});
// The browser can restore a page from its cache with these attributes.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
});

// A file of a form is sent as base64 in the field that `data-base64` names.
document.addEventListener("change", async (event) => {
  const input = event.target.closest("input[data-base64]"), file = input?.files[0];
  if (!input) return;
  const field = document.getElementById(input.dataset.base64);
  field.value = "";
  const tooLarge = file && file.size > Number(input.dataset.limit);
  input.setCustomValidity(tooLarge ? "The file is too large." : "");
  if (!file || tooLarge) { input.reportValidity(); return; }
  const reader = new FileReader();
  reader.onload = () => { field.value = reader.result.split(",")[1]; };
  reader.readAsDataURL(file);
});

// A changed filter submits its form; after the reload, it has the focus again.
document.addEventListener("change", (event) => {
  if (!event.target.closest("form[data-filters]")) return;
  sessionStorage.setItem("focus", event.target.id);
  event.target.form.requestSubmit();
});
document.addEventListener("formdata", (event) => {
  if (!event.target.matches("form[data-filters]")) return;
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
});
const focused = sessionStorage.getItem("focus");
if (focused) {
  sessionStorage.removeItem("focus");
  document.querySelector(`form[data-filters] [id="${CSS.escape(focused)}"]`)?.focus();
}

// A list's newest page is kept current. A changed row is replaced, unless the user is in it: has its focus,
// an open dialog or a selection there. New rows come in at once at the top of the page; further down, or
// while the user is in the list, a button offers them, so that nothing moves.
const FIRST_WAIT = 4000, LAST_WAIT = 60000;

function isUsed(part) {
  const selected = getSelection();
  return part.contains(document.activeElement) || part.querySelector("dialog[open], details[open], input:checked")
    || (!selected.isCollapsed && selected.containsNode(part, true));
}

function merge(list, found, offer) {
  const old = new Map([...list.rows].map((row) => [row.id, row]));
  const added = [];
  let changes = 0;
  for (const row of found.rows) {
    const shown = old.get(row.id);
    if (!shown) added.push(row);
    else if (shown.dataset.state !== row.dataset.state && !isUsed(shown)) { shown.replaceWith(row); changes += 1; }
    else if (!isUsed(shown)) for (const [at, time] of row.querySelectorAll("time").entries()) {
      const place = shown.querySelectorAll("time")[at];
      if (place) place.textContent = time.textContent;
    }
  }
  const add = () => {
    list.prepend(...added);
    offer.hidden = true;
    window.htmx?.process(list);
  };
  const [name, names] = list.dataset.live.split(",");
  if (!added.length) { offer.hidden = true; return changes; }
  if (scrollY < 200 && !isUsed(list)) add();
  else {
    const text = `${added.length} new ${added.length === 1 ? name : names}`;
    if (offer.hidden || offer.textContent !== text) { offer.hidden = false; offer.textContent = text; }
    offer.onclick = add;
  }
  return changes + added.length;
}

function keepCurrent(place) {
  const offer = document.querySelector("[data-new-rows]");
  let wait = FIRST_WAIT;
  let timer;
  const look = async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href, { headers: { "hx-request": "true" } }).catch(() => null);
    if (answer && !answer.ok) return; // An ended session or a missing list: the page stays as it is.
    const found = answer && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("tbody[data-live]");
    if (found && place.tagName !== "TBODY") { location.reload(); return; } // The first row of an empty list.
    const changes = found ? merge(place, found, offer) : 0;
    wait = changes ? FIRST_WAIT : Math.min(wait * 1.5, LAST_WAIT);
    timer = setTimeout(look, wait);
  };
  timer = setTimeout(look, wait);
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    wait = FIRST_WAIT;
    if (!document.hidden) look();
  });
}
const live = document.querySelector("[data-live]");
if (live) keepCurrent(live);

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-choose-all]")) return;
  for (const box of event.target.closest("table").querySelectorAll("tbody input[type=checkbox]")) box.checked = event.target.checked;
});

// On a narrow screen the tabs scroll: scroll to the current one.
for (const tab of document.querySelectorAll("nav [aria-current]")) {
  const bar = tab.closest(".side, .tabs");
  if (bar) bar.scrollLeft = tab.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2;
}

// Scroll a chart that is wider than the screen to its latest days.
for (const chart of document.querySelectorAll(".chart")) chart.scrollLeft = chart.scrollWidth;

// Make boxes that scroll horizontally focusable, so that the keyboard can scroll them.
for (const box of document.querySelectorAll(".scroll")) {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}

// The theme of this browser. The server reads the cookie, so that a page is drawn once, in its colours.
const theme = document.getElementById("theme");
if (theme) {
  theme.parentElement.hidden = false;
  theme.addEventListener("change", () => {
    const life = theme.value ? 31536000 : 0;
    document.cookie = `craftkit-theme=${theme.value}; Path=/; Max-Age=${life}; SameSite=Lax`;
    if (theme.value) document.documentElement.dataset.theme = theme.value;
    else delete document.documentElement.dataset.theme;
  });
}

// The search and the list of projects: the arrow keys go through the results, Enter opens the first one.
// Ctrl+K or ⌘K opens the search, Ctrl+Shift+K or ⌘⇧K the projects.
for (const finder of document.querySelectorAll("dialog.search")) {
  const query = finder.querySelector("input");
  new MutationObserver(() => {
    if (!finder.open) return;
    query.select();
    query.dispatchEvent(new Event("open"));
  }).observe(finder, { attributeFilter: ["open"] });
  finder.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp" && event.key !== "Enter") return;
    const stops = [query, ...finder.querySelectorAll(".results a")];
    const at = stops.indexOf(document.activeElement);
    if (event.key === "Enter") {
      if (at !== 0 || !stops[1]) return;
      event.preventDefault();
      location.assign(stops[1].href);
      return;
    }
    event.preventDefault();
    stops[(at + (event.key === "ArrowDown" ? 1 : stops.length - 1)) % stops.length].focus();
  });
}
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
  const finder = document.getElementById(event.shiftKey ? "projects" : "search");
  if (!finder || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  finder.showModal();
});

let toastTimer;
function toast(text) {
  let box = document.querySelector(".toast");
  if (!box) {
    box = document.createElement("div");
    box.className = "toast";
    box.setAttribute("role", "alert");
    document.body.append(box);
  }
  box.textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => box.remove(), 8000);
}
document.addEventListener("htmx:responseError", (event) => {
  const answer = event.detail.xhr;
  if (answer.status === 401) { askToSignIn(); return; }
  // Only messages of the dashboard are shown, not the bodies of API Gateway's errors.
  const isOurs = answer.getResponseHeader("content-type")?.startsWith("text/plain");
  toast(isOurs ? answer.responseText : "The request failed. Try again in a moment.");
});
document.addEventListener("htmx:sendError", () => toast("The server cannot be reached."));

// The comparison of two versions' pages: the slider shows one over the other.
document.addEventListener("input", (event) => {
  const figure = event.target.closest("[data-compare]");
  if (!figure) return;
  if (event.target.type === "range") {
    figure.querySelector(".before").style.setProperty("--share", `${100 - event.target.value}%`);
  } else figure.classList.toggle("differs", event.target.checked);
});

// Add and remove rows of a table.
document.addEventListener("click", (event) => {
  const add = event.target.closest("[data-add-row]");
  if (add) {
    const body = document.getElementById(add.dataset.addRow);
    const number = Number(body.dataset.next);
    body.dataset.next = number + 1;
    const row = body.querySelector("template").content.cloneNode(true);
    for (const field of row.querySelectorAll("[name]")) field.name = field.name.replace("NEW", number);
    body.append(row);
    body.lastElementChild.querySelector("input").focus();
  }
  const remove = event.target.closest("[data-remove-row]");
  if (remove) {
    const form = remove.form;
    remove.closest("tr").remove();
    form.dispatchEvent(new Event("input", { bubbles: true }));
  }
});
