import { BatchFailedError, WaitTimeoutError } from "./errors.js";
import { pause, type Transport } from "./transport.js";
import type {
  BatchItem,
  BatchItemJson,
  BatchJson,
  BatchOptions,
  BatchStatus,
  BatchUpload,
} from "./types.js";

const WAIT_MS = 3_600_000;
const FINAL: readonly BatchStatus[] = ["completed", "refused", "cancelled"];
const segment = encodeURIComponent;

/** A batch as it was when it was last read; `json` has every field of the API. */
export class Batch {
  readonly #transport: Transport;

  constructor(
    transport: Transport,
    public json: BatchJson,
  ) {
    this.#transport = transport;
  }

  get id(): string {
    return this.json.id;
  }

  get status(): BatchStatus {
    return this.json.status;
  }

  /**
   * This batch, once it is completed, refused or cancelled.
   *
   * @throws WaitTimeoutError: it is not over in time
   */
  async wait({ timeoutMs = WAIT_MS } = {}): Promise<this> {
    const deadline = Date.now() + timeoutMs;
    for (let ms = 200; !FINAL.includes(this.status); ms = Math.min(ms * 1.6, 5000)) {
      if (Date.now() >= deadline) {
        throw new WaitTimeoutError(`Batch ${this.id} is ${this.status} after ${timeoutMs} ms.`);
      }
      await pause(Math.min(ms, Math.max(0, deadline - Date.now())));
      await this.#read();
    }
    return this;
  }

  /** The documents of this batch with their download URLs. */
  items(filters: { status?: BatchItemJson["status"] } = {}): AsyncGenerator<BatchItemJson> {
    return this.#transport.pages(`/v1/batches/${this.id}/items`, "items", filters);
  }

  /**
   * The bytes of the one file of this batch (`output: "zip"` or `"merged"`); waits for them.
   *
   * @throws WaitTimeoutError: it is not over in time
   * @throws BatchFailedError: it has no result
   */
  async content(options: { timeoutMs?: number } = {}): Promise<Uint8Array> {
    await this.wait(options);
    await this.#read();
    if (!this.json.resultUrl) throw new BatchFailedError(this.json);
    const { body } = await this.#transport.send(this.json.resultUrl, {}, true);
    return new Uint8Array(body);
  }

  /** Cancel this batch. Documents that are being rendered may still succeed. */
  cancel(): Promise<this> {
    return this.#post("cancel");
  }

  /** Render the failed documents of this completed batch again. */
  retry(): Promise<this> {
    return this.#post("retry");
  }

  async #read(): Promise<void> {
    this.json = await this.#transport.json(`/v1/batches/${this.id}`);
  }

  async #post(action: string): Promise<this> {
    const call = { method: "POST", isSafe: false };
    this.json = await this.#transport.json(`/v1/batches/${this.id}/${action}`, call);
    return this;
  }
}

export class Batches {
  constructor(private readonly transport: Transport) {}

  /** Create a batch of up to 1,000 items. A retry never makes a second one. */
  async create(template: string, items: BatchItem[], given: BatchOptions = {}): Promise<Batch> {
    return new Batch(this.transport, await this.#create(template, { items }, given));
  }

  /** Create a batch of the rows of a file, upload the file and start the batch. */
  async upload(template: string, file: BatchUpload, given: BatchOptions = {}): Promise<Batch> {
    const { content, ...upload } = file;
    let json = await this.#create(template, { upload }, given);
    if (json.uploadUrl) {
      await this.transport.send(json.uploadUrl, { method: "PUT", body: content }, true);
      json = await this.transport.json(`/v1/batches/${json.id}/start`, { method: "POST" });
    }
    return new Batch(this.transport, json);
  }

  async get(id: string): Promise<Batch> {
    return new Batch(this.transport, await this.transport.json(`/v1/batches/${segment(id)}`));
  }

  /** Every batch, newest first. */
  async *list(): AsyncGenerator<Batch> {
    for await (const json of this.transport.pages<BatchJson>("/v1/batches", "batches", {})) {
      yield new Batch(this.transport, json);
    }
  }

  #create(template: string, rows: object, given: BatchOptions): Promise<BatchJson> {
    const { idempotencyKey = crypto.randomUUID(), ...fields } = given;
    return this.transport.json("/v1/batches", {
      method: "POST",
      body: { templateSlug: template, ...rows, ...fields },
      headers: { "Idempotency-Key": idempotencyKey },
    });
  }
}
