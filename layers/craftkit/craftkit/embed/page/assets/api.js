// Requests to the page's own API. The session token is kept in this module's memory only.

/** An error response: `code`, `message` and `issues` of the error envelope. */
export class ApiError extends Error {
  constructor(status, error, retryAfter = null) {
    super(error?.message ?? "The service did not respond. Check your connection and try again.");
    this.status = status;
    this.retryAfterSeconds = Number(retryAfter) || 1;
    this.code = error?.code ?? "unreachable";
    this.issues = error?.issues ?? { formErrors: [], fieldErrors: {} };
  }
}

const BASE = new URL("../api/", import.meta.url);
const RENEW_BEFORE_SECONDS = 120;
const WAIT_LIMIT_MS = 2 ** 31 - 1;

let token = null;
let renew = null;
let renewing = null;
let timer = 0;

export function useToken(text) {
  token = text;
}

/** Set the function that gets a new token. It is called before a token expires and when it has. */
export function renewWith(getToken) {
  renew = getToken;
}

export function renewBefore(expiresAt) {
  clearTimeout(timer);
  if (!renew) return;
  const life = expiresAt - Date.now() / 1000;
  const wait = Math.max(life - RENEW_BEFORE_SECONDS, life * 0.75, 1) * 1000;
  timer = setTimeout(() => renewToken().catch(() => {}), Math.min(wait, WAIT_LIMIT_MS));
}

async function renewToken() {
  renewing ??= renew().finally(() => (renewing = null));
  token = await exchangeToken(await renewing);
  const { exp } = claimsOf(token);
  if (exp) renewBefore(exp);
}

/** Exchange a token that a partner signed for a session token. A session token is returned as is. */
export async function exchangeToken(text) {
  if (!String(claimsOf(text).iss ?? "").startsWith("ck_pk_")) return text;
  return (await post("exchange", {}, text)).sessionToken;
}

/** The claims of a token, without verification: the server verifies tokens. */
export function claimsOf(text) {
  try {
    const part = text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(part));
  } catch {
    return {};
  }
}

/** Send a request, always by POST, because browsers add `Origin` to every POST. */
export async function call(name, body = {}, { signal } = {}) {
  try {
    return await post(name, body, token, signal);
  } catch (error) {
    if (error.code !== "session_expired" || !renew) throw error;
    await renewToken();
    return post(name, body, token, signal);
  }
}

async function post(name, body, bearer, signal) {
  let response;
  try {
    response = await fetch(new URL(name, BASE), {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${bearer}` },
      body: JSON.stringify(body),
      credentials: "omit",
      cache: "no-store",
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, null);
  }
  const content = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, content?.error, response.headers.get("retry-after"));
  return content;
}
