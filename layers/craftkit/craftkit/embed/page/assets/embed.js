/*! Craftkit embed: shows a session's page in yours. https://craftkit.dev/docs/embed
 *
 *   const embed = Craftkit.init({
 *     iframeUrl,                        // from POST /v1/embed/sessions, which your server calls
 *     refresh: async () => token,       // a new session token from your server, when one expires
 *     on: { submitted: ({ renderId }) => … },
 *   });
 *   embed.mount("#document");           // an element or a CSS selector
 *   embed.on("ready", …).on("error", …);
 *   embed.destroy();
 *
 * Events: ready, saved, published, submitted, error, close. Never pass an API key to this script.
 */
(() => {
  "use strict";

  const EVENTS = ["ready", "saved", "published", "submitted", "error", "close"];
  const SANDBOX = "allow-scripts allow-same-origin allow-forms allow-downloads allow-popups allow-popups-to-escape-sandbox";
  const own = new URL(document.currentScript?.src ?? window.location.href);

  function init({ iframeUrl, sessionToken, refresh, on = {}, title = "Document" } = {}) {
    const address = iframeUrl ? new URL(iframeUrl) : new URL("../embed", own);
    if (sessionToken) address.searchParams.set("session_token", sessionToken);
    if (!address.searchParams.get("session_token")) throw new TypeError("Craftkit.init requires iframeUrl or sessionToken.");
    const listeners = Object.fromEntries(EVENTS.map((event) => [event, new Set()]));
    let iframe = null;
    let port = null;

    const embed = {
      /** Add a listener. Adding the same listener again has no effect. */
      on(event, listener) {
        if (!(event in listeners)) throw new TypeError(`Unknown event ${event}. The events are: ${EVENTS.join(", ")}.`);
        listeners[event].add(listener);
        return embed;
      },
      off(event, listener) {
        listeners[event]?.delete(listener);
        return embed;
      },
      /** Append the page to an element. The frame fills the element. */
      mount(target) {
        if (iframe) throw new Error("This Craftkit embed is already mounted.");
        const element = typeof target === "string" ? document.querySelector(target) : target;
        if (!element) throw new TypeError(`embed.mount: no element matches ${target}.`);
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
      /** Remove the page and all listeners. */
      destroy() {
        port?.close();
        iframe?.remove();
        iframe = port = null;
        for (const kept of Object.values(listeners)) kept.clear();
      },
    };
    for (const [event, listener] of Object.entries(on)) embed.on(event, listener);

    /** Send a port to the page. The target origin keeps it from any other document in the frame. */
    function connect() {
      port?.close();
      const channel = new MessageChannel();
      port = channel.port1;
      port.onmessage = ({ data }) => receive(data);
      iframe.contentWindow.postMessage({ craftkit: "connect" }, address.origin, [channel.port2]);
    }

    async function receive({ event, detail, ask }) {
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
