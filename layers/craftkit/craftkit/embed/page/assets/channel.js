// The line to the partner's page: one port, handed over by a page on an allowed origin.

let port = null;
let waiting = [];
let asked = 0;
const answers = new Map();
const PATIENCE_MS = 30_000;

export const isEmbedded = window.parent !== window;

/** Wait for the partner's page to hand over its port. One from anywhere else is ignored. */
export function listen(frame) {
  window.addEventListener("message", (event) => {
    const isConnect = event.source === window.parent && event.data?.craftkit === "connect";
    if (port || !isConnect || !event.ports[0] || !isAllowed(event.origin, frame)) return;
    port = event.ports[0];
    port.onmessage = ({ data }) => {
      const settle = answers.get(data?.answer);
      if (!settle) return;
      answers.delete(data.answer);
      settle(data);
    };
    for (const message of waiting) port.postMessage(message);
    waiting = [];
  });
}

/** The sources of `frame-ancestors`, as they stand: an origin, or loopback on any port. */
function isAllowed(origin, frame) {
  return frame.some((source) =>
    source.endsWith(":*") ? origin === source.slice(0, -2) || isOnPort(origin, source) : origin === source,
  );
}

function isOnPort(origin, source) {
  const start = source.slice(0, -1);
  return origin.startsWith(start) && /^\d+$/.test(origin.slice(start.length));
}

/** Tell the partner's page. What is said before it listens is kept for it. */
export function tell(event, detail = {}) {
  if (!isEmbedded) return;
  const message = { event, detail };
  if (port) port.postMessage(message);
  else waiting.push(message);
}

/** A fresh session token from the partner's page. */
export function askForToken() {
  if (!port) return Promise.reject(new Error("No page to ask for a fresh session."));
  asked += 1;
  const number = asked;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      answers.delete(number);
      reject(new Error("The page did not give a fresh session."));
    }, PATIENCE_MS);
    answers.set(number, ({ token }) => {
      clearTimeout(timer);
      if (typeof token === "string" && token) resolve(token);
      else reject(new Error("The page has no fresh session."));
    });
    port.postMessage({ event: "refresh", ask: number });
  });
}
