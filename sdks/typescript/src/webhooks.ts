import { InvalidSignatureError } from "./errors.js";
import type { WebhookEvent } from "./types.js";

const TOLERANCE_SECONDS = 5 * 60;

type HeadersLike = Headers | Record<string, string | string[] | undefined>;

/**
 * The event in a webhook (Standard Webhooks, HMAC-SHA256).
 *
 * @param body the raw request body, unchanged
 * @param headers the request's headers, in any case
 * @param secret the endpoint's secret, `whsec_…`
 * @throws InvalidSignatureError: not signed with this secret, or more than five minutes old
 */
export async function verify(
  body: string | Uint8Array,
  headers: HeadersLike,
  secret: string,
  now: number = Date.now() / 1000,
): Promise<WebhookEvent> {
  const [id, sent, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(
    (name) => headerOf(headers, name),
  ) as [string, string, string];
  if (!(Math.abs(now - Number(sent)) <= TOLERANCE_SECONDS)) {
    throw new InvalidSignatureError("The webhook is more than five minutes old.");
  }
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  const encoder = new TextEncoder();
  const head = encoder.encode(`${id}.${sent}.`);
  const raw = typeof body === "string" ? encoder.encode(body) : body;
  const signed = new Uint8Array(head.length + raw.length);
  signed.set(head);
  signed.set(raw, head.length);
  let secretBytes: Uint8Array<ArrayBuffer>;
  try {
    secretBytes = bytesOf(secret.replace(/^whsec_/, ""));
  } catch {
    throw new InvalidSignatureError("The secret is malformed.");
  }
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secretBytes, algorithm, false, ["verify"]);
  for (const each of signatures.split(" ")) {
    if (!each.startsWith("v1,")) continue;
    try {
      if (await crypto.subtle.verify("HMAC", key, bytesOf(each.slice(3)), signed)) {
        return JSON.parse(text) as WebhookEvent;
      }
    } catch (error) {
      if (error instanceof SyntaxError) throw error;
      // Not base64: another signature may be.
    }
  }
  throw new InvalidSignatureError("The signature does not match.");
}

function headerOf(headers: HeadersLike, name: string): string {
  const found =
    headers instanceof Headers
      ? headers.get(name)
      : Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1];
  const value = Array.isArray(found) ? found[0] : found;
  if (!value) throw new InvalidSignatureError(`The header ${name} is missing.`);
  return value;
}

const bytesOf = (base64: string) =>
  Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
