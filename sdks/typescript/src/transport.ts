import { ConnectionFailedError, errorOf, type ErrorDetail } from "./errors.js";

export interface CraftkitOptions {
  /** `ck_live_…` or `ck_test_…`; without it, `CRAFTKIT_API_KEY` of the environment. */
  apiKey?: string;
  /** Where the API is; without it, `CRAFTKIT_BASE_URL`, else https://api.craftkit.dev. */
  baseUrl?: string;
  /** How often a request is sent again after a passing failure; 5 without it. */
  maxRetries?: number;
  /** Milliseconds for one HTTP request; 60,000 without it. */
  timeoutMs?: number;
  /** In place of the global `fetch`. */
  fetch?: typeof fetch;
}

export interface Call {
  method?: string;
  body?: unknown;
  query?: object;
  headers?: Record<string, string>;
  /** Whether sending it twice does it once. */
  isSafe?: boolean;
}

const RETRIED = [429, 500, 502, 503, 504];
/** Statuses after which nothing was done, so that any request may be sent again. */
const NOT_ACCEPTED = [429, 503];
/** A longer `Retry-After` is thrown instead of waited for: a quota is renewed in hours. */
const LONGEST_PAUSE_MS = 60_000;

export const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

const environment = (name: string): string | undefined =>
  (globalThis as { process?: { env?: Record<string, string> } }).process?.env?.[name];

export class Transport {
  readonly #apiKey: string;
  readonly #baseUrl: string;
  readonly #maxRetries: number;
  readonly #timeoutMs: number;
  readonly #fetch: typeof fetch;

  constructor(options: CraftkitOptions) {
    this.#apiKey = options.apiKey ?? environment("CRAFTKIT_API_KEY") ?? "";
    const url = options.baseUrl ?? environment("CRAFTKIT_BASE_URL") ?? "https://api.craftkit.dev";
    this.#baseUrl = url.replace(/\/+$/, "");
    this.#maxRetries = options.maxRetries ?? 5;
    this.#timeoutMs = options.timeoutMs ?? 60_000;
    this.#fetch = options.fetch ?? ((...given) => globalThis.fetch(...given));
  }

  /** The JSON of the API's response to a call. */
  async json<T>(path: string, call: Call = {}): Promise<T> {
    const { body, headers } = await this.api(path, call);
    const type = headers.get("content-type") ?? "";
    return (type.includes("json") ? JSON.parse(new TextDecoder().decode(body)) : undefined) as T;
  }

  /** Each entry of a list, its pages read as they are needed. */
  async *pages<T>(path: string, field: string, query: object): AsyncGenerator<T> {
    let cursor: string | null | undefined;
    do {
      const page = await this.json<Record<string, unknown>>(path, {
        query: { limit: 100, ...query, cursor },
      });
      yield* page[field] as T[];
      cursor = (page["nextCursor"] ?? page["next_cursor"]) as string | null;
    } while (cursor);
  }

  api(path: string, call: Call = {}): Promise<{ body: ArrayBuffer; headers: Headers }> {
    const url = new URL(this.#baseUrl + path);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = {
      Authorization: `Bearer ${this.#apiKey}`,
      ...call.headers,
    };
    const init: RequestInit = { method: call.method ?? "GET", headers };
    if (call.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(call.body);
    }
    return this.send(url.href, init, call.isSafe ?? true);
  }

  /** The response, after retries with jitter; throws the error that they end with. */
  async send(
    url: string,
    init: RequestInit,
    isSafe: boolean,
  ): Promise<{ body: ArrayBuffer; headers: Headers }> {
    for (let attempt = 0; ; attempt++) {
      let response: Response | undefined;
      let body: ArrayBuffer | undefined;
      let failure: unknown;
      try {
        const signal = AbortSignal.timeout(this.#timeoutMs);
        response = await this.#fetch(url, { ...init, signal });
        body = await response.arrayBuffer();
        if (response.ok) return { body, headers: response.headers };
      } catch (error) {
        failure = error;
      }
      const answered = response !== undefined && body !== undefined;
      const status = answered ? response!.status : 0;
      const after = Number(answered ? (response!.headers.get("retry-after") ?? NaN) : NaN);
      // Full jitter: 0 to 0.25, 0.5, 1, 2, 4 seconds; or what the API says, and a little more.
      const ms = Number.isNaN(after)
        ? Math.random() * 250 * 2 ** attempt
        : after * 1000 + (after && Math.random() * 250);
      const isPassing = !answered || RETRIED.includes(status);
      const mayRetry = isPassing && (isSafe || NOT_ACCEPTED.includes(status));
      if (attempt >= this.#maxRetries || !mayRetry || ms > LONGEST_PAUSE_MS + 250) {
        if (!answered) {
          const message = `${this.#baseUrl} did not respond: ${String(failure)}`;
          throw new ConnectionFailedError(message, { cause: failure });
        }
        throw refusal(response!, body!, after);
      }
      await pause(ms);
    }
  }
}

function refusal(response: Response, body: ArrayBuffer, after: number): Error {
  let detail: ErrorDetail = {};
  try {
    detail = JSON.parse(new TextDecoder().decode(body)).error ?? {};
  } catch {
    // Not the API's own answer: its status says enough.
  }
  const requestId = response.headers.get("x-request-id") ?? "";
  return errorOf(response.status, detail, requestId, Number.isNaN(after) ? undefined : after);
}
