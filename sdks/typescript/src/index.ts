import { Batches } from "./batches.js";
import { RenderFailedError, WaitTimeoutError } from "./errors.js";
import { pause, Transport, type Call, type CraftkitOptions } from "./transport.js";
import type {
  CreatedTemplateVersion,
  CreateRenderOptions,
  Data,
  EmbedSession,
  EmbedSessionRequest,
  Me,
  NewTemplateVersion,
  RenderFilters,
  RenderJson,
  RenderStatus,
  Template,
  TemplateSummary,
  TemplateVersion,
  TemplateVersionSummary,
  UsageRow,
} from "./types.js";
import { verify } from "./webhooks.js";

export { Batch } from "./batches.js";
export * from "./errors.js";
export type { CraftkitOptions } from "./transport.js";
export type * from "./types.js";

const WAIT_MS = 120_000;
const FINAL: readonly RenderStatus[] = ["succeeded", "failed", "cancelled"];
const MEDIA_TYPES: Record<string, string> = {
  pdf: "application/pdf",
  png: "image/png",
  jpeg: "image/jpeg",
  webp: "image/webp",
  svg: "image/svg+xml",
};
const segment = encodeURIComponent;

/** A client of one project, for Node 20 and later and for edge runtimes. */
export class Craftkit {
  readonly renders: Renders;
  readonly batches: Batches;
  readonly templates: Templates;
  readonly embed: { sessions: EmbedSessions; catalogs: EmbedCatalogs };
  readonly webhooks = { verify };
  readonly #transport: Transport;

  constructor(options: CraftkitOptions = {}) {
    this.#transport = new Transport(options);
    this.renders = new Renders(this.#transport);
    this.batches = new Batches(this.#transport);
    this.templates = new Templates(this.#transport);
    this.embed = {
      sessions: new EmbedSessions(this.#transport),
      catalogs: new EmbedCatalogs(this.#transport),
    };
  }

  /** The API key of this client: its project, mode, scopes and limits. */
  me(): Promise<Me> {
    return this.#transport.json("/v1/me");
  }

  /** Succeeded renders by day, mode and key; days as `2026-03-14`, both included. */
  async usage(range: { from?: string; to?: string } = {}): Promise<UsageRow[]> {
    return (await this.#transport.json<{ usage: UsageRow[] }>("/v1/usage", { query: range })).usage;
  }
}

/** A render as it was when it was last read; `json` has every field of the API. */
export class Render {
  readonly #transport: Transport;

  constructor(
    transport: Transport,
    public json: RenderJson,
  ) {
    this.#transport = transport;
  }

  get id(): string {
    return this.json.id;
  }

  get status(): RenderStatus {
    return this.json.status;
  }

  /** A signed address of the document, valid for an hour at most. */
  get downloadUrl(): string | null {
    return this.json.downloadUrl;
  }

  /**
   * This render, once it succeeded.
   *
   * @throws RenderFailedError: it failed or was cancelled
   * @throws WaitTimeoutError: it is not finished in time
   */
  async wait({ timeoutMs = WAIT_MS } = {}): Promise<this> {
    const deadline = Date.now() + timeoutMs;
    let requestId = "";
    for (let ms = 50; !FINAL.includes(this.json.status); ms = Math.min(ms * 1.6, 2000)) {
      if (Date.now() >= deadline) {
        throw new WaitTimeoutError(`Render ${this.id} is ${this.status} after ${timeoutMs} ms.`);
      }
      await pause(Math.min(ms, Math.max(0, deadline - Date.now())));
      const { body, headers } = await this.#transport.api(`/v1/renders/${this.id}`);
      this.json = JSON.parse(new TextDecoder().decode(body));
      requestId = headers.get("x-request-id") ?? "";
    }
    if (this.json.status !== "succeeded") throw new RenderFailedError(this.json, requestId);
    return this;
  }

  /** The document's bytes; waits for them. Throws as `wait`. */
  async content(options: { timeoutMs?: number } = {}): Promise<Uint8Array> {
    await this.wait(options);
    if (!this.json.downloadUrl) this.json = await this.#transport.json(`/v1/renders/${this.id}`);
    const { body } = await this.#transport.send(this.json.downloadUrl!, {}, true);
    return new Uint8Array(body);
  }

  /** Write the document to a file (Node, Deno, Bun); waits for it. Throws as `wait`. */
  async save(path: string, options: { timeoutMs?: number } = {}): Promise<void> {
    const content = await this.content(options);
    const module = "node:fs/promises"; // not to be bundled for edge runtimes
    const { writeFile } = await import(module);
    await writeFile(path, content);
  }

  /** Cancel this render while it is queued. */
  async cancel(): Promise<this> {
    const path = `/v1/renders/${this.id}/cancel`;
    this.json = await this.#transport.json(path, { method: "POST", isSafe: false });
    return this;
  }
}

function request(
  template: string,
  data: Data,
  given: CreateRenderOptions & { store?: boolean },
): [string, Call] {
  const { metadata, jobId, idempotencyKey, options, ...named } = given;
  const key = idempotencyKey ?? (jobId === undefined ? crypto.randomUUID() : undefined);
  const call = {
    method: "POST",
    body: { data, jobId, metadata, options: { ...named, ...options } },
    headers: key === undefined ? {} : { "Idempotency-Key": key },
  };
  return [`/v1/templates/${segment(template)}/render`, call as Call];
}

class Renders {
  constructor(private readonly transport: Transport) {}

  /** Create a render of the template with this slug. A retry never makes a second one. */
  async create(template: string, data: Data, given: CreateRenderOptions = {}): Promise<Render> {
    const { body } = await this.transport.api(...request(template, data, given));
    return new Render(this.transport, JSON.parse(new TextDecoder().decode(body)));
  }

  /**
   * Create a render and return its document, mostly in one call. With `store: false` the service
   * keeps neither the data nor the document.
   *
   * @throws ApiError with the code `render_failed` where it failed
   */
  async document(
    template: string,
    data: Data,
    given: CreateRenderOptions & { store?: boolean } = {},
  ): Promise<Uint8Array> {
    const [path, call] = request(template, data, given);
    const format = (given.options?.["format"] as string | undefined) ?? "pdf";
    call.headers = { ...call.headers, Accept: MEDIA_TYPES[format] ?? MEDIA_TYPES["pdf"]! };
    const { body, headers } = await this.transport.api(path, call); // a redirect is followed
    if (!(headers.get("content-type") ?? "").includes("json")) return new Uint8Array(body);
    return new Render(this.transport, JSON.parse(new TextDecoder().decode(body))).content();
  }

  async get(id: string): Promise<Render> {
    return new Render(this.transport, await this.transport.json(`/v1/renders/${segment(id)}`));
  }

  /** Every render that matches, newest first. */
  async *list(filters: RenderFilters = {}): AsyncGenerator<Render> {
    for await (const json of this.transport.pages<RenderJson>("/v1/renders", "renders", filters)) {
      yield new Render(this.transport, json);
    }
  }
}

class Templates {
  constructor(private readonly transport: Transport) {}

  list(): AsyncGenerator<TemplateSummary> {
    return this.transport.pages("/v1/templates", "templates", {});
  }

  get(slug: string): Promise<Template> {
    return this.transport.json(`/v1/templates/${segment(slug)}`);
  }

  /** The newest hundred versions, newest first. */
  async listVersions(slug: string): Promise<TemplateVersionSummary[]> {
    return (await this.transport.json<{ versions: TemplateVersionSummary[] }>(versions(slug))).versions;
  }

  /** A version with its manifest and source. */
  getVersion(slug: string, number: number): Promise<TemplateVersion> {
    return this.transport.json(`${versions(slug)}/${number}`);
  }

  /** Create the next version; the key must be a token with `templates:write`. */
  createVersion(slug: string, version: NewTemplateVersion): Promise<CreatedTemplateVersion> {
    return this.transport.json(versions(slug), { method: "POST", body: version, isSafe: false });
  }

  /** Let renders use a version: a newer one, or an older one to roll back. */
  publishVersion(slug: string, number: number): Promise<CreatedTemplateVersion> {
    return this.transport.json(`${versions(slug)}/${number}/publish`, { method: "POST" });
  }
}

const versions = (slug: string) => `/v1/templates/${segment(slug)}/versions`;

class EmbedSessions {
  constructor(private readonly transport: Transport) {}

  create(session: EmbedSessionRequest): Promise<EmbedSession> {
    const call = { method: "POST", body: session, isSafe: false };
    return this.transport.json("/v1/embed/sessions", call);
  }

  /** The session with a new token. A renew token works once. */
  refresh(renewToken: string): Promise<EmbedSession> {
    const call = { method: "POST", body: { renewToken }, isSafe: false };
    return this.transport.json("/v1/embed/sessions/refresh", call);
  }

  async revoke(sessionId: string): Promise<void> {
    await this.transport.json(`/v1/embed/sessions/${segment(sessionId)}`, { method: "DELETE" });
  }
}

class EmbedCatalogs {
  constructor(private readonly transport: Transport) {}

  /** Publish the next version of a catalog. */
  publish(name: string, catalog: Data): Promise<Data> {
    const call = { method: "POST", body: { name, catalog }, isSafe: false };
    return this.transport.json("/v1/embed/catalogs", call);
  }

  get(name: string, query: { version?: number } = {}): Promise<Data> {
    return this.transport.json(`/v1/embed/catalogs/${segment(name)}`, { query });
  }

  list(): AsyncGenerator<Data> {
    return this.transport.pages("/v1/embed/catalogs", "catalogs", {});
  }
}
