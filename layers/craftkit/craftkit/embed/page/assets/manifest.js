// Editor of a manifest: tables of variables and lists, with the fields of the catalog.

import { h, fill, uid, announce } from "./dom.js";
import { icon } from "./icons.js";

const TYPES = {
  text: "Text",
  longtext: "Long text",
  richtext: "Rich text",
  number: "Number",
  currency: "Amount",
  date: "Date",
  datetime: "Date and time",
  boolean: "Yes or no",
  image: "Image",
  url: "Web address",
  email: "Email",
  qr: "QR code",
  barcode: "Barcode",
};
const BARCODES = ["code128", "code39", "ean13", "ean8", "upca", "itf", "datamatrix", "pdf417", "aztec"];

/** `element`; `read()` returns the current manifest. `changed` is called at every change. */
export function manifestEditor(manifest, catalog, changed) {
  const state = {
    variables: (manifest.variables ?? []).map((one) => ({ ...one })),
    loops: (manifest.loops ?? []).map((one) => ({ ...one, itemFields: one.itemFields.map((part) => ({ ...part })) })),
  };
  const mayAdd = !catalog || catalog.allowCustom;
  const known = catalogFields(catalog);
  const element = h("div", { class: "manifest" });
  const past = [];
  const future = [];
  let isTypedSince = false;
  element.addEventListener("input", () => (isTypedSince = true));
  document.addEventListener("keydown", undoStructure);

  function draw() {
    fill(
      element,
      h("p", { class: "note" }, "The data of the document. In the layout, write a field as ", h("code", null, "#data.its.key"), "."),
      table(state.variables, "Fields", ""),
      state.loops.map((loop, index) => loopBox(loop, index)),
      h("div", { class: "links" }, adders()),
    );
  }
  function adders() {
    const unused = known.filter(({ loop, path }) => (loop ? !state.loops.some(({ key }) => key === path) : !state.variables.some(({ key }) => key === path)));
    const select = h(
      "select",
      { class: "input", "aria-label": "Add from your data", onchange: () => addKnown(unused[select.selectedIndex - 1]) },
      h("option", { value: "" }, "Add from your data…"),
      unused.map(({ path, label }) => h("option", { value: path }, label)),
    );
    return [
      unused.length > 0 && select,
      mayAdd && h("button", { type: "button", class: "button quiet", onclick: () => add(state.variables, "") }, icon("plus"), "Add a field"),
      mayAdd && h("button", { type: "button", class: "button quiet", onclick: addLoop }, icon("list"), "Add a list"),
    ];
  }
  function addKnown(found) {
    if (!found) return;
    remember();
    if (found.loop) state.loops.push(structuredClone(found.loop));
    else state.variables.push({ ...found.variable, key: found.path });
    redraw(`${found.label} added`);
  }
  function add(into) {
    remember();
    into.push({ key: free(into, "field"), label: "New field", dataType: "text" });
    redraw("Field added");
    const inputs = element.querySelectorAll('[data-name="label"]');
    const rows = [...state.variables, ...state.loops.flatMap(({ itemFields }) => itemFields)];
    const added = inputs[rows.indexOf(into.at(-1))];
    added?.focus();
    added?.select();
  }
  function addLoop() {
    remember();
    const key = free([...state.loops, ...state.variables], "items");
    state.loops.push({ key, label: "New list", itemFields: [{ key: "name", label: "Name", dataType: "text" }] });
    redraw("List added");
  }
  /** Store the state before a field or list is added, removed or gets another type. */
  function remember() {
    past.push(structuredClone(state));
    future.length = 0;
  }

  /**
   * Ctrl+Z directly after such a change undoes it. The browser handles any other undo: after typing,
   * or in another part of the page.
   */
  function undoStructure(event) {
    const isUndo = (event.metaKey || event.ctrlKey) && !event.altKey && event.key.toLowerCase() === "z";
    const isElsewhere = event.target.closest("input, textarea, select") && !element.contains(event.target);
    if (!isUndo || isTypedSince || isElsewhere || element.closest("[hidden]")) return;
    const [from, to] = event.shiftKey ? [future, past] : [past, future];
    event.preventDefault();
    if (!from.length) return;
    to.push(structuredClone(state));
    Object.assign(state, from.pop());
    redraw(event.shiftKey ? "Change made again" : "Change undone");
  }

  /** Moves the focus to the next remove button, so that the keyboard stays in the table. */
  function removeFrom(list, index, text, button) {
    const tools = () => [...element.querySelectorAll('[data-tool="remove"]')];
    const at = tools().indexOf(button);
    remember();
    list.splice(index, 1);
    redraw(text);
    (tools()[Math.min(at, tools().length - 1)] ?? element.querySelector(".links button, .links select"))?.focus();
  }

  function redraw(text) {
    isTypedSince = false;
    draw();
    changed();
    announce(text);
  }

  function loopBox(loop, index) {
    const heading = uid("list");
    const isKnown = known.some(({ loop: one, path }) => one && path === loop.key);
    return h(
      "section",
      { class: "list-box", "aria-labelledby": heading },
      h(
        "div",
        { class: "row-head" },
        h("h3", { id: heading }, icon("list"), loop.label, h("code", null, loop.key)),
        h("button", { type: "button", class: "icon-button", "aria-label": `Remove the list ${loop.label}`, "data-tool": "remove", onclick: (event) => removeFrom(state.loops, index, "List removed", event.currentTarget) }, icon("trash")),
      ),
      h("div", { class: "grid" }, text(loop, "label", "Name of the list", isKnown), text(loop, "key", "Key", isKnown, "[A-Za-z_][A-Za-z0-9_\\-]*")),
      table(loop.itemFields, `Fields of ${loop.label}`, `${loop.key}.`),
      mayAdd && h("button", { type: "button", class: "button quiet", onclick: () => add(loop.itemFields) }, icon("plus"), "Add a field to the list"),
    );
  }

  function table(variables, caption, prefix) {
    if (!variables.length) return h("p", { class: "note empty" }, "No fields yet.");
    const head = ["Label", "Key", "Type", "Required", ""].map((name) => h("th", { scope: "col" }, name || h("span", { class: "hidden" }, "Remove")));
    return h(
      "div",
      { class: "table-box", tabIndex: 0, role: "region", "aria-label": caption },
      h("table", null, h("caption", { class: "hidden" }, caption), h("thead", null, h("tr", null, head)), h("tbody", null, variables.map((one, index) => row(variables, one, index, prefix)))),
    );
  }
  function row(variables, variable, index, prefix) {
    if (variable.itemFields) return h("tr", null, h("td", { colSpan: 5, class: "note" }, `${variable.label}: a list inside the list`));
    const isKnown = known.some(({ path, loop }) => (loop ? hasField(loop, prefix, variable) : path === prefix + variable.key));
    const cell = (...content) => h("td", null, content);
    const type = h(
      "select",
      { class: "input", disabled: isKnown, "aria-label": `Type of ${variable.label}`, onchange: () => retype(variable, type.value) },
      Object.entries(TYPES).map(([value, name]) => h("option", { value, selected: variable.dataType === value }, name)),
    );
    const format = formatOf(variable);
    const required = h("input", { type: "checkbox", class: "switch", checked: Boolean(variable.required), "aria-label": `${variable.label} is required`, onchange: () => ((variable.required = required.checked), changed()) });
    const remove = h("button", { type: "button", class: "icon-button", "aria-label": `Remove ${variable.label}`, "data-tool": "remove", onclick: (event) => removeFrom(variables, index, "Field removed", event.currentTarget) }, icon("trash"));
    return h("tr", null, cell(bare(variable, "label", `Label ${index + 1}`, isKnown)), cell(bare(variable, "key", `Key of ${variable.label}`, isKnown)), cell(type, format), cell(required), cell(remove));
  }
  function retype(variable, dataType) {
    remember();
    variable.dataType = dataType;
    delete variable.previewData;
    delete variable.format;
    if (dataType === "qr") variable.format = "qr";
    if (dataType === "barcode") variable.format = "code128";
    redraw("Type changed");
  }
  function formatOf(variable) {
    if (variable.dataType === "barcode") {
      const select = h(
        "select",
        { class: "input", "aria-label": `Kind of barcode of ${variable.label}`, onchange: () => ((variable.format = select.value), changed()) },
        BARCODES.map((kind) => h("option", { value: kind, selected: variable.format === kind }, kind)),
      );
      return select;
    }
    if (variable.dataType !== "currency") return null;
    const code = h("input", { class: "input code", value: variable.format ?? "", maxLength: 3, placeholder: "EUR", "aria-label": `Currency of ${variable.label}`, oninput: () => {
      const text = code.value.trim().toUpperCase();
      if (text) variable.format = text;
      else delete variable.format;
      changed();
    } });
    return code;
  }
  function bare(target, name, label, isKnown) {
    const input = h("input", { class: `input${name === "key" ? " code" : ""}`, value: target[name] ?? "", disabled: isKnown, "aria-label": label, "data-name": name, oninput: () => ((target[name] = input.value.trim()), changed()) });
    return input;
  }
  function text(target, name, label, isKnown) {
    const input = bare(target, name, label, isKnown);
    input.id = uid("part");
    return h("div", { class: "field" }, h("label", { class: "label", htmlFor: input.id }, label), input);
  }

  draw();
  return { element, read: () => structuredClone(state) };
}

function hasField(loop, prefix, variable) {
  return prefix === `${loop.key}.` && loop.itemFields.some(({ key }) => key === variable.key);
}

function free(taken, word) {
  let number = 1;
  while (taken.some(({ key }) => key === `${word}${number}`)) number += 1;
  return `${word}${number}`;
}

function catalogFields(catalog) {
  if (!catalog) return [];
  const variables = (catalog.namespaces ?? []).flatMap((namespace) =>
    namespace.fields.map((variable) => ({ path: `${namespace.key}.${variable.key}`, label: `${namespace.label} · ${variable.label}`, variable })),
  );
  return [...variables, ...(catalog.loops ?? []).map((loop) => ({ path: loop.key, label: `${loop.label} (a list)`, loop }))];
}
