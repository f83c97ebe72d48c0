// Mode fill: the form, a preview of its document, and the result of a submission.

import { h, fill, announce } from "./dom.js";
import { icon } from "./icons.js";
import { call, ApiError } from "./api.js";
import { notify, isEmbedded } from "./channel.js";
import { buildForm } from "./form.js";
import { previewPane } from "./preview.js";
import { split, documentLinks, leaveTo } from "./viewing.js";
import { t } from "./language.js";

const POLL_MS = 1000;

export function fillingPage({ session, template }) {
  const { form } = session;
  let isUnsaved = false;
  let replaced = {};
  const locked = new Set(form.locked ?? []);
  const isLocked = (path) => [...locked].some((one) => path === one || path.startsWith(`${one}.`));
  const built = buildForm(template.manifest, {
    data: form.data,
    sample: template.sample,
    locale: template.locale,
    itemLimit: session.itemLimit,
    isLocked,
    changed: () => {
      isUnsaved = true;
      pane.refresh();
    },
  });
  const pane = previewPane("preview", () => ({ data: built.collect() }), { answered: ({ replaced: found }) => ((replaced = found ?? {}), explainReplaced()) });
  const summary = h("div", { class: "summary", role: "alert", tabIndex: -1, hidden: true });
  const button = h("button", { type: "submit", class: "button primary" }, form.submitLabel ?? t("Create document"));
  const actions = h("div", { class: "actions" }, button, h("p", { class: "note" }, t("The preview shows samples for empty fields.")));
  const element = h(
    "form",
    { class: "form", noValidate: true, onsubmit: submit, "aria-label": form.title ?? template.name },
    form.description && h("p", { class: "lead" }, form.description),
    summary,
    built.element,
    actions,
  );
  element.addEventListener("focusin", ({ target }) => keepInSight(target));
  element.addEventListener("focusout", () => setTimeout(explainReplaced));
  const page = split(element, pane.element, t("Form"));
  let submissionId = crypto.randomUUID();

  async function submit(event) {
    event.preventDefault();
    if (button.disabled) return;
    built.fail(Object.fromEntries([...failing].map((path) => [path, null])));
    failing.clear();
    summary.hidden = true;
    button.disabled = true;
    button.classList.add("busy");
    announce(t("Creating the document"));
    try {
      const data = built.collect();
      let render = await call("submit", { data, submissionId });
      while (render.status === "queued" || render.status === "rendering") {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        render = await call("document", { renderId: render.id });
      }
      if (render.status !== "succeeded") throw new ApiError(0, { code: render.errorCode, message: t("The document could not be created: {reason}", { reason: render.errorMessage }) });
      notify("submitted", { renderId: render.id, status: render.status, downloadUrl: render.downloadUrl, pageCount: render.pageCount });
      isUnsaved = false;
      if (leaveTo(session.callbacks.submitted)) return;
      done(render);
    } catch (error) {
      notify("error", { code: error.code ?? "internal", message: error.message });
      explain(error);
      // A refused submission created no render, so the next attempt needs a new id.
      submissionId = crypto.randomUUID();
    } finally {
      button.disabled = false;
      button.classList.remove("busy");
    }
  }

  const failing = new Set();

  /** Show the error of each invalid value at its field. The preview shows its sample instead. */
  function explainReplaced() {
    const faults = Object.entries(replaced).map(([path, messages]) => [path, [...messages, t("The preview shows a sample instead")]]);
    for (const [path, messages] of faults) {
      if (built.isFocused(path)) continue;
      for (const one of built.fail({ [path]: messages })) failing.add(one.path);
    }
  }

  /** Scroll so that the bar with the button does not cover the focused field. */
  function keepInSight(target) {
    if (actions.contains(target)) return;
    const [bar, box] = [actions.getBoundingClientRect(), target.getBoundingClientRect()];
    if (box.bottom > bar.top && box.top < bar.bottom) window.scrollBy({ top: box.bottom - bar.top + 16, behavior: "instant" });
  }

  function explain(error) {
    const placed = built.fail(error.issues?.fieldErrors ?? {});
    for (const one of placed) failing.add(one.path);
    const links = placed.map((one) =>
      h("li", null, h("a", { href: `#${one.id}`, onclick: (event) => (event.preventDefault(), one.focus()) }, `${one.label}: ${one.messages.map((message) => t(message)).join(". ")}`)),
    );
    const count = placed.length;
    const fields = count === 1 ? t("One field needs your attention") : t("{count} fields need your attention", { count });
    const heading = count ? fields : error.message;
    fill(summary, h("h2", null, icon("alert"), heading), links.length > 0 && h("ul", null, links));
    summary.hidden = false;
    summary.focus();
    summary.scrollIntoView({ block: "nearest" });
  }

  function done(render) {
    const mayRepeat = session.submissionsLeft === null || (session.submissionsLeft -= 1) > 0;
    const heading = h("h1", { tabIndex: -1 }, t("Your document is ready"));
    const again = () => {
      submissionId = crypto.randomUUID();
      page.showFirst(element);
      element.querySelector("input, textarea, select, button")?.focus();
    };
    const pages = render.pageCount === 1 ? t("1 page") : t("{count} pages", { count: render.pageCount });
    page.showFirst(
      h(
        "div",
        { class: "done" },
        h("span", { class: "seal" }, icon("check")),
        heading,
        h("p", { class: "lead" }, `${render.filename} · ${pages}`),
        documentLinks(render),
        h(
          "div",
          { class: "links" },
          mayRepeat && h("button", { type: "button", class: "button quiet", onclick: again }, t("Back to the form")),
          isEmbedded && h("button", { type: "button", class: "button quiet", onclick: () => notify("close") }, t("Close")),
        ),
      ),
    );
    heading.focus();
    announce(t("Your document is ready"));
    pane.now();
  }

  window.addEventListener("beforeunload", (event) => isUnsaved && event.preventDefault());
  pane.now();
  return { element: page.element, isUnsaved: () => isUnsaved, loss: t("Your entries will be lost.") };
}
