// The preview of the document: shows the latest response, and drops outdated ones.

import { h, fill, announce } from "./dom.js";
import { icon } from "./icons.js";
import { call } from "./api.js";
import { t } from "./language.js";

const WAIT_MS = 100;
const SLOW_MS = 350;

/**
 * `element`; `now()` requests a preview; `refresh()` does so at once if no request is running, and
 * otherwise when no further input follows for a tenth of a second.
 *
 * Requests are numbered. A response is dropped if a later one was shown, and it is shown only after
 * its images are decoded, so that the preview does not flicker.
 */
export function previewPane(route, request, { title = t("Preview"), answered = () => {} } = {}) {
  const status = h("span", { class: "status", role: "status" });
  const pages = h("div", { class: "pages", "data-shown": "0", tabIndex: 0, role: "region", "aria-label": t("Pages of the document") }, h("div", { class: "paper waiting" }));
  const problem = h("p", { class: "problem", hidden: true });
  const element = h("section", { class: "preview", "aria-label": title }, h("div", { class: "preview-head" }, h("h2", null, title), status), problem, pages);
  const scale = Math.min(2, Math.max(1, window.devicePixelRatio || 1)) >= 1.5 ? 2 : 1.25;
  let asked = 0;
  let shown = 0;
  let running = null;
  let begun = -WAIT_MS;
  let timer = 0;

  function refresh() {
    clearTimeout(timer);
    if (!running && performance.now() - begun >= WAIT_MS) now();
    else timer = setTimeout(now, WAIT_MS);
  }

  async function now() {
    asked += 1;
    const number = asked;
    running?.abort();
    running = new AbortController();
    begun = performance.now();
    const slow = setTimeout(() => {
      element.classList.add("busy");
      status.textContent = t("Updating…");
    }, SLOW_MS);
    try {
      const answer = await call(route, { ...request(), scale }, { signal: running.signal });
      const images = answer.pages.map((page, index) => {
        const image = new Image();
        image.className = "paper";
        image.alt = t("Page {number} of {count}", { number: index + 1, count: answer.pageCount });
        image.src = `data:image/png;base64,${page}`;
        return image;
      });
      await Promise.all(images.map((image) => image.decode()));
      if (number <= shown) return;
      shown = number;
      answered(answer);
      show(images, answer.problem, answer.pageCount);
    } catch (error) {
      if (error.name === "AbortError" || number < asked) return;
      if (error.code === "rate_limited") {
        // The project's limit of previews is reached: repeat the latest request.
        setTimeout(() => number === asked && now(), error.retryAfterSeconds * 1000);
        return;
      }
      show([], { message: error.message });
    } finally {
      clearTimeout(slow);
      if (number === asked) {
        running = null;
        element.classList.remove("busy");
        if (status.textContent === t("Updating…")) status.textContent = t("Up to date");
      }
    }
  }

  function show(images, trouble, total = images.length) {
    problem.hidden = !trouble;
    if (trouble) {
      const message = t(trouble.message);
      fill(problem, icon("alert"), trouble.line ? t("Line {line}: {message}", { line: trouble.line, message }) : message);
    }
    if (images.length) {
      pages.replaceChildren(...images);
      pages.dataset.shown = String(Number(pages.dataset.shown) + 1);
      const count = total === 1 ? t("1 page") : t("{count} pages", { count: total });
      status.textContent = total > images.length ? t("The first {shown} of {pages}", { shown: images.length, pages: count }) : count;
    } else {
      // The last valid pages stay, marked as outdated.
      status.textContent = trouble ? t("Not up to date") : "";
    }
    pages.classList.toggle("stale", !images.length);
  }

  return { element, now, refresh, say: announce };
}
