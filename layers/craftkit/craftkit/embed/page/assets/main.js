// Entry point: removes the token from the address, opens the session and shows its page.

import { h, fill } from "./dom.js";
import { icon } from "./icons.js";
import { call, claimsOf, exchangeToken, renewBefore, renewWith, useToken } from "./api.js";
import { isEmbedded, listen, notify, requestToken } from "./channel.js";
import { applyTheme } from "./theme.js";
import { fillingPage } from "./filling.js";
import { viewingPage } from "./viewing.js";
import { editingPage } from "./editor.js";
import { t, useLanguage } from "./language.js";

const PAGES = { fill: fillingPage, view: viewingPage, edit: editingPage, create: editingPage };

/** Runs first, so that history, bookmarks and screenshots of the address do not contain the token. */
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
    notify("error", { code: "session_refused", message: refused.textContent });
    return;
  }
  try {
    if (isEmbedded) renewWith(requestToken);
    const token = await exchangeToken(taken);
    useToken(token);
    const contents = await call("session");
    renewBefore(claimsOf(token).exp);
    const { session } = contents;
    applyTheme(session.appearance, session.tenant.branding);
    // The editor has English texts alone.
    if (session.mode === "fill" || session.mode === "view") useLanguage(contents.template?.locale);
    document.title = session.form.title ?? contents.template?.name ?? contents.writing?.name ?? "Document";
    const page = PAGES[session.mode](contents);
    fill(app, header(contents, page), page.element);
    app.dataset.mode = session.mode;
    notify("ready", { mode: session.mode, sessionId: session.id });
  } catch (error) {
    fill(app, h("main", { class: "notice", role: "alert" }, h("h1", null, t("This page cannot be opened")), h("p", null, t(error.message))));
    notify("error", { code: error.code ?? "internal", message: error.message });
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
    session.isTest && h("span", { class: "chip" }, t("Test")),
    actor.displayName && h("span", { class: "person", title: actor.email ?? "" }, actor.displayName),
    isEmbedded && h("button", { type: "button", class: "icon-button", "aria-label": t("Close"), onclick: () => closeAfterAsking(page) }, icon("close")),
  );
}

/** Confirm before unsaved entries are lost. `confirm()` does not work in a cross-origin frame. */
function closeAfterAsking(page) {
  if (!page.isUnsaved()) {
    notify("close");
    return;
  }
  const heading = h("h2", { id: "discard" }, t("Discard your entries?"));
  const keep = h("button", { type: "button", class: "button primary", onclick: () => dialog.close() }, t("Keep editing"));
  const discard = h("button", { type: "button", class: "button plain", onclick: () => (dialog.close(), notify("close")) }, t("Discard"));
  const dialog = h("dialog", { class: "ask", "aria-labelledby": "discard", onclose: () => dialog.remove() }, heading, h("p", { class: "note" }, page.loss), h("div", { class: "links" }, keep, discard));
  document.body.append(dialog);
  dialog.showModal();
}

begin();
