/*! Craftkit embed: puts a session's page into yours. https://craftkit.dev/docs/embed
 *
 *   const embed = Craftkit.init({
 *     iframeUrl,                        // from POST /v1/embed/sessions, asked by your server
 *     refresh: async () => token,       // a fresh session token from your server, when needed
 *     on: { submitted: ({ renderId }) => … },
 *   });
 *   embed.mount("#document");           // an element, or a selector of one
 *   embed.on("ready", …).on("error", …);
 *   embed.destroy();
 *
 * Events: ready, saved, published, submitted, error, close. No API key ever comes here.
 */
(() => {
  "use strict";

  const EVENTS = ["ready", "saved", "published", "submitted", "error", "close"];
  const SANDBOX = "allow-scripts allow-same-origin allow-forms allow-downloads allow-popups allow-popups-to-escape-sandbox";
  const own = new URL(document.currentScript?.src ?? window.location.href);

  function init({ iframeUrl, sessionToken, refresh, on = {}, title = "Document" } = {}) {
    const address = iframeUrl ? new URL(iframeUrl) : new URL("../embed", own);
    if (sessionToken) address.searchParams.set("session_token", sessionToken);
    if (!address.searchParams.get("session_token")) throw new TypeError("Craftkit.init needs an iframeUrl or a sessionToken.");
    const listeners = Object.fromEntries(EVENTS.map((event) => [event, new Set()]));
    let iframe = null;
    let port = null;

    const embed = {
      /** Listen to an event; the same again does nothing. */
      on(event, listener) {
        if (!(event in listeners)) throw new TypeError(`Craftkit has no event ${event}. There are: ${EVENTS.join(", ")}.`);
        listeners[event].add(listener);
        return embed;
      },
      off(event, listener) {
        listeners[event]?.delete(listener);
        return embed;
      },
      /** Put the page into an element, which gives it its size. */
      mount(target) {
        if (iframe) throw new Error("This Craftkit embed is mounted already.");
        const element = typeof target === "string" ? document.querySelector(target) : target;
        if (!element) throw new TypeError("Craftkit.mount found no such element.");
        iframe = document.createElement("iframe");
        iframe.title = title;
        iframe.setAttribute("sandbox", SANDBOX);
        iframe.referrerPolicy = "no-referrer";
        iframe.allow = "clipboard-write";
        Object.assign(iframe.style, { border: "0", width: "100%", height: "100%", display: "block" });
        iframe.addEventListener("load", connect);
        iframe.src = address.href;
        element.append(iframe);
        return embed;
      },
      /** Take the page away. Nothing of it stays. */
      destroy() {
        port?.close();
        iframe?.remove();
        iframe = port = null;
        for (const kept of Object.values(listeners)) kept.clear();
      },
    };
    for (const [event, listener] of Object.entries(on)) embed.on(event, listener);

    /** The port goes to the page's own origin: no other document that the frame may show gets it. */
    function connect() {
      port?.close();
      const line = new MessageChannel();
      port = line.port1;
      port.onmessage = ({ data }) => hear(data);
      iframe.contentWindow.postMessage({ craftkit: "connect" }, address.origin, [line.port2]);
    }

    async function hear({ event, detail, ask }) {
      if (event === "refresh") {
        const answering = port;
        let token = null;
        try {
          const fresh = await refresh?.();
          token = typeof fresh === "string" ? fresh : (fresh?.session_token ?? fresh?.sessionToken ?? null);
        } catch (error) {
          emit("error", { code: "refresh_failed", message: String(error?.message ?? error) });
        }
        answering.postMessage({ answer: ask, token });
      } else if (event in listeners) emit(event, detail);
    }

    function emit(event, detail) {
      for (const listener of [...listeners[event]]) listener(detail);
    }

    return embed;
  }

  window.Craftkit = Object.freeze({ init });
})();
