// Calls of our own server. The session's token lives here, in memory, and nowhere else.

/** A refusal, as every answer of the API words it. */
export class Refusal extends Error {
  constructor(status, error, retryAfter = null) {
    super(error?.message ?? "The service did not answer. Check your connection and try again.");
    this.status = status;
    this.retryAfterSeconds = Number(retryAfter) || 1;
    this.code = error?.code ?? "unreachable";
    this.issues = error?.issues ?? { formErrors: [], fieldErrors: {} };
  }
}

const BASE = new URL("../api/", import.meta.url);
const NEARLY_SECONDS = 120;
const WAIT_LIMIT_MS = 2 ** 31 - 1;

let token = null;
let renew = null;
let renewing = null;
let timer = 0;

export function useToken(text) {
  token = text;
}

/** Ask for a fresh token shortly before this one ends, and whenever it turns out to have ended. */
export function renewWith(ask) {
  renew = ask;
}

export function renewBefore(expiresAt) {
  clearTimeout(timer);
  if (!renew) return;
  const life = expiresAt - Date.now() / 1000;
  const wait = Math.max(life - NEARLY_SECONDS, life * 0.75, 1) * 1000;
  timer = setTimeout(() => renewed().catch(() => {}), Math.min(wait, WAIT_LIMIT_MS));
}

async function renewed() {
  renewing ??= renew().finally(() => (renewing = null));
  token = await exchanged(await renewing);
  const { exp } = claimsOf(token);
  if (exp) renewBefore(exp);
}

/** A token that a partner signed is exchanged for one of ours, once. */
export async function exchanged(text) {
  if (!String(claimsOf(text).iss ?? "").startsWith("ck_pk_")) return text;
  return (await post("exchange", {}, text)).sessionToken;
}

/** What a token says of itself. Nothing is trusted of it here: the server judges tokens. */
export function claimsOf(text) {
  try {
    const part = text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(part));
  } catch {
    return {};
  }
}

/** One call. It is a POST always, so that every browser says which page it comes from. */
export async function call(name, body = {}, { signal } = {}) {
  try {
    return await post(name, body, token, signal);
  } catch (refusal) {
    if (refusal.code !== "session_expired" || !renew) throw refusal;
    await renewed();
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
    throw new Refusal(0, null);
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Refusal(response.status, answer?.error, response.headers.get("retry-after"));
  return answer;
}
