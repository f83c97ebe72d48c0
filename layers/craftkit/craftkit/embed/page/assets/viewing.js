// Mode view, and the parts that all modes share: two panes, and the links of a document.

import { h, fill, uid } from "./dom.js";
import { icon } from "./icons.js";
import { call } from "./api.js";
import { isEmbedded } from "./channel.js";
import { previewPane } from "./preview.js";
import { t } from "./language.js";

export function viewingPage({ session, template }) {
  const pane = previewPane("preview", () => ({}), { title: session.form.title ?? template.name });
  const links = h("div", { class: "view-links" });
  const { renderId } = session.form;
  if (renderId) {
    call("document", { renderId }).then(
      (render) => render.downloadUrl && fill(links, documentLinks(render)),
      () => {},
    );
  }
  pane.now();
  return { element: h("main", { class: "single" }, links, pane.element), isUnsaved: () => false };
}

/** Links to open and to download a document in a new window. Their URLs expire after minutes. */
export function documentLinks(render) {
  const link = (text, iconName, kind, more) =>
    h("a", { class: `button ${kind}`, href: render.downloadUrl, target: "_blank", rel: "noopener noreferrer", ...more }, icon(iconName), text);
  return h("div", { class: "links" }, link(t("Open PDF"), "open", "primary"), link(t("Download"), "download", "plain", { download: render.filename }));
}

/** Go to the partner's callback URL, unless the page is framed: then the partner gets an event. */
export function leaveTo(address) {
  if (!address || isEmbedded) return false;
  window.location.assign(address);
  return true;
}

/** Two panes side by side; on a narrow page, one at a time with two tabs. */
export function split(first, second, name) {
  const left = h("div", { class: "pane first", id: uid("pane") }, first);
  const right = h("div", { class: "pane second", id: uid("pane") }, second);
  const tab = (text, pane) =>
    h("button", { type: "button", class: "tab", "aria-pressed": "false", "aria-controls": pane.id, onclick: () => choose(pane) }, text);
  const tabs = [tab(name, left), tab(t("Preview"), right)];
  const element = h("main", { class: "split" }, h("div", { class: "tabs", role: "group", "aria-label": t("Show") }, tabs), left, right);

  function choose(pane) {
    element.dataset.shown = pane === left ? "first" : "second";
    tabs.forEach((button, index) => button.setAttribute("aria-pressed", String((index === 0) === (pane === left))));
  }
  choose(left);
  return {
    element,
    showFirst(content) {
      fill(left, content);
      choose(left);
    },
  };
}
