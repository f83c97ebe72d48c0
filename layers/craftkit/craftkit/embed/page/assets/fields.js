// One variable of a manifest as a field: label, control, hint and error.

import { h, fill, uid, announce } from "./dom.js";
import { icon } from "./icons.js";
import { isMissing, readMoment, readNumber, showMoment } from "./values.js";
import { IMAGE_TYPES, readImage } from "./images.js";
import { t } from "./language.js";

const NARROW = new Set(["number", "currency", "date", "datetime", "boolean"]);
const HINTS = {
  url: "Starts with https://",
  image: "PNG, JPEG, WebP or GIF, at most 5 MB",
};

/**
 * A field: `element`, `read()` (undefined when empty), `fail(messages)`, `focus()`, `label`, `id`.
 *
 * `hint` is the sample that the preview shows while the field is empty. `marks` is "Required" or
 * "Optional": the less frequent of the two, which is shown at the label.
 */
export function field(variable, { value, hint, isLocked, locale, marks, changed }) {
  const id = uid("field");
  const errorId = `${id}-error`;
  const noteId = `${id}-note`;
  const note = variable.description ?? (variable.dataType in HINTS ? t(HINTS[variable.dataType]) : null);
  const shared = {
    id,
    disabled: isLocked,
    required: variable.required && !isLocked,
    "aria-describedby": [note && noteId, errorId].filter(Boolean).join(" "),
    oninput: () => {
      fail(null);
      changed();
    },
    onblur: () => {
      if (variable.required && !isLocked && control.isTouched?.() !== false && isMissing(control.read()))
        fail(["Required"]);
    },
  };
  const placeholder = typeof hint === "string" && !hint.startsWith("data:") ? hint : String(hint ?? "");
  const control = controlFor(variable, { value, placeholder, locale, shared, failed: (text) => fail([text]) });
  const error = h("p", { class: "error", id: errorId });
  const kind = variable.required ? "Required" : "Optional";
  const mark = isLocked ? "Fixed" : variable.dataType !== "boolean" && marks === kind ? kind : null;
  const label = h(
    "label",
    { class: "label", htmlFor: id },
    variable.label,
    mark && h("span", { class: "mark", "aria-hidden": "true" }, t(mark)),
  );
  const element = h(
    "div",
    { class: `field ${variable.dataType}${NARROW.has(variable.dataType) ? " narrow" : ""}` },
    label,
    control.element,
    note && h("p", { class: "note", id: noteId }, note),
    error,
  );

  function fail(messages) {
    const text = messages?.length ? messages.map((message) => t(message)).join(". ") : "";
    fill(error, text && [icon("alert"), text]);
    element.classList.toggle("failed", Boolean(text));
    if (text) control.target.setAttribute("aria-invalid", "true");
    else control.target.removeAttribute("aria-invalid");
  }

  return { id, element, fail, label: variable.label, read: control.read, focus: () => control.target.focus() };
}

function controlFor(variable, how) {
  switch (variable.dataType) {
    case "longtext":
    case "richtext":
      return longText(how);
    case "boolean":
      return check(how);
    case "image":
      return imageInput(variable, how);
    case "number":
    case "currency":
      return number(variable, how);
    case "date":
      return input({ ...how, placeholder: "" }, { type: "date" });
    case "datetime":
      return moment(how);
    case "email":
      return input(how, { type: "email", autocomplete: "email" });
    case "url":
      return input(how, { type: "url", inputMode: "url" });
    default:
      return input(how, { type: "text" });
  }
}

function input({ value, placeholder, shared }, own) {
  const target = h("input", { class: "input", value: value ?? "", placeholder, autocomplete: "off", ...own, ...shared });
  return { element: target, target, read: () => target.value.trim() || undefined };
}

function longText({ value, placeholder, shared }) {
  const grow = () => {
    target.style.height = "auto";
    target.style.height = `${target.scrollHeight + 2}px`;
  };
  const target = h("textarea", { class: "input", rows: 3, value: value ?? "", placeholder, ...shared });
  target.addEventListener("input", grow);
  return { element: target, target, read: () => target.value.trim() || undefined };
}

function number(variable, { value, placeholder, locale, shared }) {
  const target = h("input", {
    class: "input figures",
    type: "text",
    inputMode: "decimal",
    value: value ?? "",
    placeholder,
    autocomplete: "off",
    ...shared,
  });
  const read = () => readNumber(target.value.trim(), locale) || undefined;
  const unit = variable.dataType === "currency" && variable.format;
  return { element: unit ? h("span", { class: "with-unit" }, target, h("span", { class: "unit" }, unit)) : target, target, read };
}

function moment({ value, shared }) {
  const target = h("input", { class: "input", type: "datetime-local", value: value ? showMoment(value) : "", ...shared });
  return { element: target, target, read: () => (target.value ? readMoment(target.value) : undefined) };
}

function check({ value, shared }) {
  const isOn = value === true || String(value).toLowerCase() === "true";
  const target = h("input", { class: "switch", type: "checkbox", checked: isOn, ...shared, required: false });
  return { element: target, target, read: () => target.checked };
}

function imageInput(variable, { value, shared, failed }) {
  let current = value ?? undefined;
  const { oninput, onblur, ...rest } = shared;
  const target = h("input", { ...rest, type: "file", accept: IMAGE_TYPES, class: "hidden-file", required: false });
  const element = h("div", { class: "drop" });

  async function take(file) {
    if (!file) return;
    try {
      current = await readImage(file);
    } catch (error) {
      failed(error.message);
      announce(`${variable.label}: ${t(error.message)}`);
      target.value = "";
      return;
    }
    show();
    oninput();
    announce(t("{name}: image added", { name: variable.label }));
  }
  function remove() {
    current = undefined;
    target.value = "";
    show();
    oninput();
    target.focus();
  }
  function show() {
    const name = variable.label;
    fill(
      element,
      target,
      current
        ? [
            // An image by URL is not shown: the Content-Security-Policy allows no other origin.
            current.startsWith("data:")
              ? h("img", { class: "thumb", src: current, alt: t("{name}, as chosen", { name }) })
              : h("span", { class: "thumb empty", title: current }, icon("image")),
            h("span", { class: "drop-text" }, t("Drop another here, or"), " ", h("span", { class: "link" }, t("choose one"))),
            !shared.disabled &&
              h("button", { type: "button", class: "icon-button", "aria-label": t("Remove {name}", { name }), onclick: remove }, icon("trash")),
          ]
        : [
            h("span", { class: "thumb empty" }, icon("image")),
            h("span", { class: "drop-text" }, t("Drop an image here, or"), " ", h("span", { class: "link" }, t("choose one"))),
          ],
    );
  }
  target.addEventListener("change", () => take(target.files[0]));
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    element.classList.add("over");
  });
  element.addEventListener("dragleave", () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("over");
    if (!shared.disabled) take(event.dataTransfer.files[0]);
  });
  show();
  return { element, target, read: () => current };
}
