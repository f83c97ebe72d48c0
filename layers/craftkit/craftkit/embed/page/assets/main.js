// The page's beginning: the token leaves the address, the session says what there is to show.

import { h, fill } from "./dom.js";
import { icon } from "./icons.js";
import { call, claimsOf, exchanged, renewBefore, renewWith, useToken } from "./api.js";
import { askForToken, isEmbedded, listen, tell } from "./channel.js";
import { applyTheme } from "./theme.js";
import { fillingPage } from "./filling.js";
import { viewingPage } from "./viewing.js";
import { editingPage } from "./editor.js";

const PAGES = { fill: fillingPage, view: viewingPage, edit: editingPage, create: editingPage };

/** Before anything else: no history, no bookmark, no screenshot of the address shall hold it. */
function takeToken() {
  const address = new URL(window.location.href);
  const taken = address.searchParams.get("session_token");
  address.searchParams.delete("session_token");
  window.history.replaceState(null, "", address.pathname + address.search);
  return taken;
}

async function begin() {
  const app = document.getElementById("app");
  const frame = JSON.parse(document.querySelector('meta[name="craftkit-frame"]').content);
  const taken = takeToken();
  listen(frame);
  const refused = app.querySelector(".notice p");
  if (refused) {
    tell("error", { code: "session_refused", message: refused.textContent });
    return;
  }
  try {
    if (isEmbedded) renewWith(askForToken);
    const token = await exchanged(taken);
    useToken(token);
    const contents = await call("session");
    renewBefore(claimsOf(token).exp);
    const { session } = contents;
    applyTheme(session.appearance, session.tenant.branding);
    document.documentElement.lang = "en";
    document.title = session.form.title ?? contents.template?.name ?? contents.writing?.name ?? "Document";
    const page = PAGES[session.mode](contents);
    fill(app, header(contents, page), page.element);
    app.dataset.mode = session.mode;
    tell("ready", { mode: session.mode, sessionId: session.id });
  } catch (error) {
    fill(app, h("main", { class: "notice", role: "alert" }, h("h1", null, "This page cannot be opened"), h("p", null, error.message)));
    tell("error", { code: error.code ?? "internal", message: error.message });
  }
}

function header({ session, template, writing }, page) {
  const { tenant, actor } = session;
  const logo = tenant.branding?.logoUrl;
  const title = session.form.title ?? template?.name ?? (session.mode === "create" ? "New template" : writing?.name);
  return h(
    "header",
    { class: "bar" },
    logo ? h("img", { class: "logo", src: logo, alt: tenant.displayName, referrerPolicy: "no-referrer" }) : h("span", { class: "logo letter", "aria-hidden": "true" }, [...tenant.displayName][0]),
    h("div", { class: "bar-text" }, h("h1", null, title), h("p", null, tenant.displayName)),
    session.isTest && h("span", { class: "chip" }, "Test"),
    actor.displayName && h("span", { class: "person", title: actor.email ?? "" }, actor.displayName),
    isEmbedded && h("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: () => closeAfterAsking(page) }, icon("close")),
  );
}

/** Ask before what was entered is lost. A frame of another origin has no `confirm()`. */
function closeAfterAsking(page) {
  if (!page.isUnsaved()) {
    tell("close");
    return;
  }
  const heading = h("h2", { id: "discard" }, "Discard what you have entered?");
  const keep = h("button", { type: "button", class: "button primary", onclick: () => dialog.close() }, "Keep editing");
  const discard = h("button", { type: "button", class: "button plain", onclick: () => (dialog.close(), tell("close")) }, "Discard");
  const dialog = h("dialog", { class: "ask", "aria-labelledby": "discard", onclose: () => dialog.remove() }, heading, h("p", { class: "note" }, page.loss), h("div", { class: "links" }, keep, discard));
  document.body.append(dialog);
  dialog.showModal();
}

begin();
