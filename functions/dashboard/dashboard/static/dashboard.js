// What HTML alone cannot do: copying, forms that are sent once, and what htmx could not fetch.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent;
  await navigator.clipboard.writeText(text);
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
});

// A form goes out once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  if (form.method === "post" && !form.hasAttribute("hx-post")) {
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-busy", "true");
  }
});
// The browser may bring a page back as it was left.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
});

// Filters act when they are changed.
document.addEventListener("change", (event) => {
  if (event.target.closest("form[data-filters]")) event.target.form.requestSubmit();
});

// On a narrow screen the tabs scroll: bring the current one into sight.
for (const tab of document.querySelectorAll("nav [aria-current]")) {
  const bar = tab.closest(".side, .tabs");
  if (bar) bar.scrollLeft = tab.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2;
}

// The newest days of a chart that is wider than the screen.
for (const chart of document.querySelectorAll(".chart")) chart.scrollLeft = chart.scrollWidth;

// What scrolls sideways can be scrolled by keyboard too.
for (const box of document.querySelectorAll(".scroll")) {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}

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
document.addEventListener("htmx:responseError", (event) => toast(event.detail.xhr.responseText || "This did not work. Try again."));
document.addEventListener("htmx:sendError", () => toast("The server cannot be reached."));

// Rows of a table that are added and taken away.
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
