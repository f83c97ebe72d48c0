// Builds a form from a manifest: variables in groups, loops as rows that can be added and removed.

import { h, fill, uid, announce } from "./dom.js";
import { icon } from "./icons.js";
import { emptyObject, getAt, setAt, singular, headingOf } from "./values.js";
import { field } from "./fields.js";
import { t } from "./language.js";

/**
 * `element`; `collect()` returns the data for the API; `fail(fieldErrors)` shows each error at its
 * field and returns the errors whose field exists.
 */
export function buildForm(manifest, how) {
  const every = allVariables(manifest.variables ?? [], manifest.loops ?? []);
  const required = every.filter((one) => one.required).length;
  const marks = required * 2 > every.length ? "Optional" : "Required";
  const group = fields(manifest.variables, manifest.loops, { ...how, marks }, "", how.data, how.sample, true);
  return {
    element: group.element,
    collect: () => group.collect(),
    fail(fieldErrors) {
      const placed = [];
      for (const [path, messages] of Object.entries(fieldErrors)) {
        const found = group.find(path);
        if (!found) continue;
        found.fail(messages);
        placed.push({ path, messages, ...found });
      }
      return placed;
    },
    isFocused: (path) => document.activeElement?.id === group.find(path)?.id,
  };
}

function allVariables(variables, loops) {
  return [...variables, ...loops.flatMap(({ itemFields }) => itemFields.filter((one) => !one.itemFields))];
}

/** Fields and loops under one parent: the whole form, or one row of a loop. */
function fields(variables, loops, how, prefix, data, sample, isRoot) {
  const known = new Map();
  const lists = new Map();
  for (const variable of variables ?? []) {
    known.set(
      variable.key,
      field(variable, {
        value: getAt(data, variable.key),
        hint: getAt(sample, variable.key),
        isLocked: how.isLocked(prefix + variable.key),
        locale: how.locale,
        marks: how.marks,
        changed: how.changed,
      }),
    );
  }
  for (const loop of loops ?? []) lists.set(loop.key, rows(loop, how, prefix, getAt(data, loop.key), getAt(sample, loop.key)));
  const tables = [...lists.values()].map((list) => list.element);
  const content = isRoot
    ? sections(variables ?? [], known, tables)
    : [h("div", { class: "grid" }, [...known.values()].map((one) => one.element)), tables];
  return {
    element: h("div", { class: "fields" }, content),
    collect() {
      const collected = emptyObject();
      for (const [key, one] of known) {
        const value = one.read();
        if (value !== undefined) setAt(collected, key, value);
      }
      for (const [key, list] of lists) setAt(collected, key, list.collect());
      return collected;
    },
    find(path) {
      if (known.has(path)) return known.get(path);
      for (const [key, list] of lists) {
        if (path === key) return list;
        if (path.startsWith(`${key}.`)) return list.find(path.slice(key.length + 1));
      }
      return undefined;
    },
    focus: () => (known.values().next().value ?? lists.values().next().value)?.focus(),
  };
}

/**
 * Groups variables by the first part of their key. Variables without a group come first; those that
 * the manifest has after its first group (a total, notes) come after the loops.
 */
function sections(variables, known, tables) {
  const groups = new Map();
  const [before, after] = [[], []];
  for (const variable of variables) {
    const [first, ...rest] = variable.key.split(".");
    const { element } = known.get(variable.key);
    if (!rest.length) (groups.size ? after : before).push(element);
    else groups.set(first, [...(groups.get(first) ?? []), element]);
  }
  const plain = (elements) => elements.length > 0 && h("div", { class: "section" }, h("div", { class: "grid" }, elements));
  const named = [...groups].map(([name, elements]) => {
    const id = uid("section");
    return h("section", { class: "section", "aria-labelledby": id }, h("h2", { id }, headingOf(name)), h("div", { class: "grid" }, elements));
  });
  return [plain(before), named, tables, plain(after)];
}

/** A loop: its rows, with controls to add, move and remove them. */
function rows(loop, how, prefix, data, sample) {
  const path = prefix + loop.key;
  const isLocked = how.isLocked(path);
  const heading = uid("loop");
  const one = singular(loop.label);
  const error = h("p", { class: "error" });
  const list = h("div", { class: "rows" });
  const add = h("button", { type: "button", class: "button quiet", onclick: () => insert(true) }, icon("plus"), one === loop.label ? t("Add to {name}", { name: one }) : t("Add {name}", { name: one.toLowerCase() }));
  const items = [];
  const limit = how.itemLimit ?? 10_000;
  const [variables, loops] = [[], []];
  for (const part of loop.itemFields) (part.itemFields ? loops : variables).push(part);

  function insert(byHand, value) {
    const group = fields(variables, loops, { ...how, isLocked: () => isLocked }, `${path}.`, value, sample?.[items.length % (sample.length || 1)], false);
    const title = h("span", { class: "row-title", id: uid("row") });
    const tool = (name, iconName, act) =>
      h("button", { type: "button", class: "icon-button", onclick: () => act(item), "data-tool": name }, icon(iconName));
    const tools = isLocked ? null : h("span", { class: "row-tools" }, tool("Move up", "up", (row) => move(row, -1)), tool("Move down", "down", (row) => move(row, 1)), tool("Remove", "trash", remove));
    const element = h("div", { class: "row", role: "group", "aria-labelledby": title.id }, h("div", { class: "row-head" }, title, tools), group.element);
    const item = { group, element, title };
    items.push(item);
    list.append(element);
    number();
    if (byHand) {
      group.focus();
      announce(t("{name}: row {number} added", { name: loop.label, number: items.length }));
      how.changed();
    }
  }
  function remove(item) {
    const index = items.indexOf(item);
    items.splice(index, 1);
    item.element.remove();
    number();
    const next = items[Math.min(index, items.length - 1)];
    (next?.element.querySelector('[data-tool="Remove"]') ?? add).focus();
    announce(t("{name}: row {number} removed", { name: loop.label, number: index + 1 }));
    how.changed();
  }
  function move(item, by) {
    const index = items.indexOf(item);
    const target = index + by;
    if (target < 0 || target >= items.length) return;
    items.splice(index, 1);
    items.splice(target, 0, item);
    list.insertBefore(item.element, items[target + 1]?.element ?? null);
    number();
    const tool = by < 0 ? "Move up" : "Move down";
    item.element.querySelector(`[data-tool="${tool}"]`).focus();
    announce(t("{name}: now row {number}", { name: loop.label, number: target + 1 }));
    how.changed();
  }
  function number() {
    items.forEach(({ element, title }, index) => {
      title.textContent = `${one} ${index + 1}`;
      for (const button of element.querySelectorAll(":scope > .row-head [data-tool]")) {
        button.setAttribute("aria-label", t(`${button.dataset.tool} {name}`, { name: `${one} ${index + 1}` }));
        const isEnd = (button.dataset.tool === "Move up" && index === 0) || (button.dataset.tool === "Move down" && index === items.length - 1);
        button.setAttribute("aria-disabled", String(isEnd));
      }
    });
    add.hidden = isLocked || items.length >= limit;
    empty.hidden = items.length > 0;
  }
  const empty = h("p", { class: "note" }, t("No entries yet."));
  const element = h(
    "section",
    { class: "section loop", "aria-labelledby": heading },
    h("h2", { id: heading }, loop.label, isLocked && h("span", { class: "mark" }, t("Fixed"))),
    loop.description && h("p", { class: "note" }, loop.description),
    error,
    empty,
    list,
    add,
  );
  for (const value of Array.isArray(data) ? data : []) insert(false, value);
  if (!Array.isArray(data) && loop.required !== false && !isLocked) insert(false, undefined);
  number();

  return {
    id: heading,
    element,
    label: loop.label,
    collect: () => items.map(({ group }) => group.collect()),
    find(rest) {
      const [index, ...steps] = rest.split(".");
      const found = items[Number(index)]?.group.find(steps.join("."));
      return found && { ...found, label: `${one} ${Number(index) + 1}, ${found.label}` };
    },
    fail: (messages) => fill(error, messages && [icon("alert"), messages.map((message) => t(message)).join(". ")]),
    focus: () => (items[0]?.group ?? add).focus(),
  };
}
