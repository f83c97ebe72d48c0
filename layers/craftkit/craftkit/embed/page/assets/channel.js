// The message channel to the partner's page: one port, sent by a page of an allowed origin.

let port = null;
let unsent = [];
let tokenRequests = 0;
const pending = new Map();
const TOKEN_TIMEOUT_MS = 30_000;

export const isEmbedded = window.parent !== window;

/** Wait for the port of the partner's page. Messages from other origins are ignored. */
export function listen(frame) {
  window.addEventListener("message", (event) => {
    const isConnect = event.source === window.parent && event.data?.craftkit === "connect";
    if (port || !isConnect || !event.ports[0] || !isAllowed(event.origin, frame)) return;
    port = event.ports[0];
    port.onmessage = ({ data }) => {
      const settle = pending.get(data?.answer);
      if (!settle) return;
      pending.delete(data.answer);
      settle(data);
    };
    for (const message of unsent) port.postMessage(message);
    unsent = [];
  });
}

/** Match the sources of `frame-ancestors`: an origin, or a loopback origin on any port. */
function isAllowed(origin, frame) {
  return frame.some((source) =>
    source.endsWith(":*") ? origin === source.slice(0, -2) || isOnPort(origin, source) : origin === source,
  );
}

function isOnPort(origin, source) {
  const start = source.slice(0, -1);
  return origin.startsWith(start) && /^\d+$/.test(origin.slice(start.length));
}

/** Send an event to the partner's page. Events before the port arrives are sent when it does. */
export function notify(event, detail = {}) {
  if (!isEmbedded) return;
  const message = { event, detail };
  if (port) port.postMessage(message);
  else unsent.push(message);
}

/** Request a new session token from the partner's page. */
export function requestToken() {
  if (!port) return Promise.reject(new Error("The session has expired, and the page is not connected to renew it."));
  tokenRequests += 1;
  const number = tokenRequests;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      pending.delete(number);
      reject(new Error("The session has expired, and the page did not renew it within 30 seconds."));
    }, TOKEN_TIMEOUT_MS);
    pending.set(number, ({ token }) => {
      clearTimeout(timer);
      if (typeof token === "string" && token) resolve(token);
      else reject(new Error("The session has expired, and the page has no new one."));
    });
    port.postMessage({ event: "refresh", ask: number });
  });
}
