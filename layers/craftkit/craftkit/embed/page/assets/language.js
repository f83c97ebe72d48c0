// The reader's language: the texts of the page, and the direction in which they are read.

import { LANGUAGES } from "./languages.js";

const RIGHT_TO_LEFT = new Set(["ar"]);

let texts = {};

/**
 * Use the first of the browser's languages that the page has, else that of the template, else
 * English. Sets `lang` and `dir` of the page.
 */
export function useLanguage(templateLocale) {
  const wanted = [...navigator.languages, templateLocale ?? ""].map((one) => one.toLowerCase().split(/[-_]/)[0]);
  const language = wanted.find((one) => one === "en" || Object.hasOwn(LANGUAGES, one)) ?? "en";
  texts = LANGUAGES[language] ?? {};
  document.documentElement.lang = language;
  document.documentElement.dir = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
}

/**
 * A text in the reader's language, with `values` in place of `{name}`. A text without a translation,
 * such as a message of the service, stays as it is.
 */
export function t(text, values = {}) {
  const found = Object.hasOwn(texts, text) ? texts[text] : text;
  return found.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
}
