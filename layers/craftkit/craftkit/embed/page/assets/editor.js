// Modes edit and create: the template's fields and layout, and a preview of the document.

import { h, fill, uid, announce } from "./dom.js";
import { icon } from "./icons.js";
import { call } from "./api.js";
import { notify } from "./channel.js";
import { previewPane } from "./preview.js";
import { manifestEditor } from "./manifest.js";
import { leaveTo, split } from "./viewing.js";

export function editingPage({ session, writing, catalog }) {
  let revision = writing.revision ?? 0;
  let isWritten = Boolean(writing.source?.trim());
  let isDirty = false;
  let caretLine = null;
  const mayPublish = session.permissions.includes("publish");

  const name = h("input", { class: "input name", id: uid("name"), value: writing.name, maxLength: 120, oninput: changed });
  const fields = manifestEditor(writing.manifest ?? {}, catalog, changed);
  const lines = h("pre", { class: "lines", "aria-hidden": "true" });
  const source = h("textarea", { class: "source", id: uid("source"), value: writing.source ?? "", spellcheck: false, autocapitalize: "off", autocomplete: "off", wrap: "off", "aria-label": "Layout, in Typst", oninput: typed, onscroll: () => (lines.scrollTop = source.scrollTop) });
  const problem = h("div", { class: "summary", role: "alert", hidden: true });
  const origin = h("p", { class: "note" });
  const state = h("span", { class: "status", role: "status" });
  const save = h("button", { type: "button", class: "button plain", onclick: saved }, "Save draft");
  const publish = mayPublish && h("button", { type: "button", class: "button primary", onclick: published }, "Publish");

  const pane = previewPane("template/preview", () => body(), { answered });
  const layout = h("div", { class: "layout" }, origin, h("div", { class: "code-box" }, lines, source));
  const parts = tabbed([
    ["Fields", fields.element],
    ["Layout", layout],
  ]);
  const page = split(
    h(
      "div",
      { class: "editor" },
      h("div", { class: "editor-head" }, h("div", { class: "field" }, h("label", { class: "label", htmlFor: name.id }, "Name of the template"), name), h("div", { class: "links" }, state, save, publish)),
      problem,
      parts,
    ),
    pane.element,
    "Template",
  );

  function body() {
    return { name: name.value.trim() || "Untitled", manifest: fields.read(), source: isWritten ? source.value : "", locale: writing.locale ?? "en" };
  }
  function changed() {
    isDirty = true;
    state.textContent = "Not saved";
    pane.refresh();
  }
  function typed() {
    isWritten = Boolean(source.value.trim());
    number();
    changed();
  }
  /** Show the layout that the server has generated from the fields, until the user edits it. */
  function answered(answer) {
    if (!isWritten && answer.source && source.value !== answer.source) source.value = answer.source;
    caretLine = answer.problem?.line ?? null;
    number();
  }
  function number() {
    origin.textContent = isWritten ? "This layout was edited. It is written in Typst." : "This layout is generated from the fields until you edit it.";
    const count = source.value.split("\n").length;
    fill(lines, Array.from({ length: count }, (_, index) => h("span", { class: index + 1 === caretLine ? "bad" : "" }, `${index + 1}\n`)));
  }
  async function attempt(button, work) {
    if (button.disabled) return;
    button.disabled = true;
    button.classList.add("busy");
    problem.hidden = true;
    try {
      await work();
    } catch (error) {
      const issues = Object.entries(error.issues?.fieldErrors ?? {}).map(([path, messages]) => h("li", null, h("code", null, path), ` ${messages.join(". ")}`));
      fill(problem, h("h2", null, icon("alert"), error.message), issues.length > 0 && h("ul", null, issues));
      problem.hidden = false;
      notify("error", { code: error.code ?? "internal", message: error.message });
    } finally {
      button.disabled = false;
      button.classList.remove("busy");
    }
  }
  function saved() {
    return attempt(save, async () => {
      isDirty = false;
      const answer = await call("template/draft", { ...body(), revision });
      revision = answer.revision;
      if (!isDirty) state.textContent = "Draft saved";
      announce("Draft saved");
      notify("saved", { slug: answer.slug, revision });
    });
  }
  function published() {
    return attempt(publish, async () => {
      isDirty = false;
      const answer = await call("template/publish", body());
      revision = 0;
      if (!isDirty) state.textContent = `Version ${answer.versionNumber} is published`;
      announce(`Version ${answer.versionNumber} is published`);
      notify("published", answer);
      leaveTo(session.callbacks.published);
    });
  }

  window.addEventListener("beforeunload", (event) => isDirty && event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key === "s") {
      event.preventDefault();
      saved();
    }
  });
  number();
  pane.now();
  return { element: page.element, isUnsaved: () => isDirty, loss: "Your changes since the last save will be lost." };
}

/** Tabs by the ARIA Authoring Practices: one tab stop, arrow keys move between tabs. */
function tabbed(parts) {
  const panels = parts.map(([, content]) => h("div", { role: "tabpanel", id: uid("panel"), tabIndex: -1 }, content));
  const buttons = parts.map(([title], index) =>
    h("button", { type: "button", class: "tab", role: "tab", id: uid("tab"), "aria-controls": panels[index].id, onclick: () => choose(index), onkeydown: (event) => arrow(event, index) }, title),
  );
  function choose(chosen) {
    buttons.forEach((button, index) => {
      button.setAttribute("aria-selected", String(index === chosen));
      button.tabIndex = index === chosen ? 0 : -1;
      panels[index].hidden = index !== chosen;
    });
  }
  function arrow(event, index) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = (index + by + buttons.length) % buttons.length;
    choose(next);
    buttons[next].focus();
  }
  panels.forEach((panel, index) => panel.setAttribute("aria-labelledby", buttons[index].id));
  choose(0);
  return h("div", { class: "tabbed" }, h("div", { class: "tabs always", role: "tablist", "aria-label": "Parts of the template" }, buttons), panels);
}
