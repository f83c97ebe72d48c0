export type Mode = "live" | "test";
export type RenderStatus = "queued" | "rendering" | "succeeded" | "failed" | "cancelled";
export type Data = Record<string, unknown>;

/** A render, as the API shows it. */
export interface RenderJson {
  id: string;
  status: RenderStatus;
  mode: Mode;
  templateSlug: string;
  versionNumber: number;
  pollUrl: string;
  downloadUrl: string | null;
  downloadExpiresAt: string | null;
  filename: string;
  format: string;
  pageCount: number | null;
  sizeBytes: number | null;
  sha256: string | null;
  pdfStandard: string;
  warnings: string[];
  errorCode: string | null;
  errorMessage: string | null;
  metadata: Record<string, string>;
  jobId: string | null;
  attempt: number;
  createdAt: string;
  completedAt: string | null;
  durationMs: number | null;
  expiresAt: string;
  /** Of `options.deliverTo`: its status, attempts and last error. */
  delivery: {
    status: "pending" | "delivered" | "failed" | "skipped";
    attempts: number;
    lastError: string | null;
  } | null;
}

export interface CreateRenderOptions {
  filename?: string;
  versionNumber?: number;
  /** Wait for the document, up to 25 seconds, in this one call. */
  sync?: boolean;
  metadata?: Record<string, string>;
  /** Your own name for the job; also the idempotency key. */
  jobId?: string;
  idempotencyKey?: string;
  /** Further `options` of the API by their names there. */
  options?: FinishingOptions & Data;
}

/** Letterhead, further pages, attachments and password of a PDF. `content` is base64. */
export interface FinishingOptions {
  /** The name of a letterhead of the project. */
  letterhead?: string;
  append?: ({ title?: string } & ({ renderId: string } | { url: string } | { content: string }))[];
  attachments?: ({
    filename: string;
    description?: string;
    relationship?: "Source" | "Data" | "Alternative" | "Supplement" | "Unspecified";
  } & ({ url: string } | { content: string }))[];
  password?: {
    open?: string;
    owner?: string;
    permissions?: ("print" | "copy" | "edit" | "annotate" | "fillForms" | "assemble")[];
  };
}

export interface RenderFilters {
  status?: RenderStatus;
  templateSlug?: string;
  keyId?: string;
  /** A name and a value, such as `order:4711`. */
  metadata?: string;
  from?: string;
  to?: string;
}

export type BatchStatus =
  | "awaiting_upload"
  | "checking"
  | "running"
  | "completed"
  | "refused"
  | "cancelled";

export interface BatchJson {
  id: string;
  status: BatchStatus;
  mode: Mode;
  templateSlug: string;
  versionNumber: number;
  output: "files" | "zip" | "merged";
  onInvalid: "refuse" | "skip";
  format: string;
  counts: {
    total: number;
    queued: number;
    succeeded: number;
    failed: number;
    cancelled: number;
    invalid: number;
  };
  pageCount: number;
  attempt: number;
  pollUrl: string;
  uploadUrl: string | null;
  resultUrl: string | null;
  errorCode: string | null;
  errorMessage: string | null;
  createdAt: string;
  completedAt: string | null;
  expiresAt: string;
}

export interface BatchItem {
  data: Data;
  jobId?: string;
  filename?: string;
  metadata?: Record<string, string>;
}

export interface BatchItemJson {
  row: number;
  status: "queued" | "succeeded" | "failed" | "cancelled" | "invalid";
  jobId: string | null;
  filename: string | null;
  metadata: Record<string, string>;
  downloadUrl: string | null;
  downloadExpiresAt: string | null;
  pageCount: number | null;
  sizeBytes: number | null;
  sha256: string | null;
  warnings: string[];
  errorCode: string | null;
  errorMessage: string | null;
  issues: { formErrors: string[]; fieldErrors: Record<string, string[]> } | null;
}

/** Of a new batch; `options` has the API's names. */
export interface BatchOptions {
  output?: "files" | "zip" | "merged";
  onInvalid?: "refuse" | "skip";
  options?: Record<string, unknown>;
  idempotencyKey?: string;
}

export interface BatchUpload {
  format: "ndjson" | "csv";
  content: string | Uint8Array<ArrayBuffer>;
  /** Of CSV: the columns by the path in the data. */
  mapping?: Record<string, string>;
}

export interface TemplateSummary {
  slug: string;
  name: string;
  latestVersion: number | null;
  createdAt: string;
  updatedAt: string;
}

export interface Template extends TemplateSummary {
  manifest: Data | null;
  jsonSchema: Data | null;
  /** A render request with example data. */
  previewData: Data | null;
  pdfStandard: string | null;
  locale: string | null;
  versions: TemplateVersionSummary[];
}

export interface TemplateVersionSummary {
  number: number;
  pdfStandard: string;
  locale: string;
  publishedAt: string;
}

export interface NewTemplateVersion {
  name?: string;
  manifest: Data;
  /** Typst; written from the manifest without it. */
  source?: string;
  locale?: string;
  pdfStandard?: string;
  /** Whether renders use the version from now on; true without it. */
  publish?: boolean;
}

export interface CreatedTemplateVersion {
  slug: string;
  versionNumber: number;
  published: boolean;
}

export interface TemplateVersion extends CreatedTemplateVersion {
  name: string;
  manifest: Data;
  source: string;
  pdfStandard: string;
  locale: string;
  publishedAt: string;
}

export interface UsageRow {
  day: string;
  mode: Mode;
  keyId: string;
  renders: number;
  pages: number;
}

export interface EmbedSessionRequest {
  tenant: { externalId: string; displayName: string; branding?: Data };
  actor: { externalId: string; displayName?: string; email?: string; avatarUrl?: string };
  scope: { mode: "edit" | "create" | "view" | "fill"; templateExternalId?: string };
  [setting: string]: unknown;
}

export interface EmbedSession {
  session_id: string;
  session_token: string;
  iframe_url: string;
  expires_at: string;
  renew_token: string;
}

export interface Me {
  keyId: string;
  name: string;
  kind: "key" | "token";
  projectId: string;
  mode: Mode;
  scopes: string[];
  templates: string[];
  networks: string[];
  bound: boolean;
  expiresAt: string | null;
  limits: Data[];
}

export interface WebhookEvent {
  type: string;
  timestamp: string;
  data: Data & { id?: string; projectId?: string };
}
