/** The base class of every error of this package. */
export class CraftkitError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The API did not respond, after every retry. */
export class ConnectionFailedError extends CraftkitError {}

/** The render was not finished in time. It goes on; wait again, or read it later. */
export class WaitTimeoutError extends CraftkitError {}

/** A webhook was not signed with this secret, or is too old. */
export class InvalidSignatureError extends CraftkitError {}

export interface ErrorDetail {
  code?: string;
  message?: string;
  docUrl?: string;
  requestId?: string;
  renderId?: string;
  render?: { id: string; status: string; errorCode: string | null; errorMessage: string | null };
  issues?: { formErrors: string[]; fieldErrors: Record<string, string[]> };
}

/** The API refused the request. */
export class ApiError extends CraftkitError {
  /** Stable, such as `invalid_input_data`; see https://docs.craftkit.dev/errors.html. */
  readonly code: string;
  /** Name it when you contact support. */
  readonly requestId: string;
  /** The code's section of the documentation. */
  readonly docUrl: string | undefined;
  /** What is wrong with each field, by dotted path. */
  readonly fieldErrors: Record<string, string[]>;

  constructor(
    /** The HTTP status. */
    readonly status: number,
    /** The `error` object of the response. */
    readonly detail: ErrorDetail,
    requestId: string,
    /** Seconds to wait, where the API said so. */
    readonly retryAfter: number | undefined,
  ) {
    const fields = Object.entries(detail.issues?.fieldErrors ?? {});
    const listed = fields.map(([path, texts]) => `${path}: ${texts.join("; ")}`).join(", ");
    const message = detail.message ?? `The API answered with status ${status}.`;
    super(`${detail.code ?? "unknown"}: ${message}${listed && ` (${listed})`}`);
    this.code = detail.code ?? "unknown";
    this.requestId = detail.requestId ?? requestId;
    this.docUrl = detail.docUrl;
    this.fieldErrors = Object.fromEntries(fields);
  }
}

/** 400, 405, 413, 415: the request itself is wrong. */
export class InvalidRequestError extends ApiError {}
/** 401: the key is missing, unknown, revoked, expired or from another environment. */
export class AuthenticationError extends ApiError {}
/** 403: the key may not do this. */
export class PermissionDeniedError extends ApiError {}
/** 404: the project has no such resource. */
export class NotFoundError extends ApiError {}
/** 409: the request does not fit the resource's state. */
export class ConflictError extends ApiError {}
/** 429: too many requests, or the quota is used up. */
export class RateLimitedError extends ApiError {}
/** 5xx: the API failed, after every retry. */
export class ServerError extends ApiError {}

/** The batch has no result: `batch` says why. */
export class BatchFailedError extends CraftkitError {
  constructor(readonly batch: { id: string; status: string; errorMessage: string | null }) {
    super(`Batch ${batch.id} ${batch.status}: ${batch.errorMessage ?? "It has no result."}`);
  }
}

/** The render failed or was cancelled. */
export class RenderFailedError extends CraftkitError {
  /** The render's `errorCode`, such as `template_error`; `cancelled` for a cancelled one. */
  readonly code: string;

  constructor(
    readonly render: NonNullable<ErrorDetail["render"]>,
    /** Of the request that reported it. */
    readonly requestId: string,
  ) {
    super(`Render ${render.id} ${render.status}: ${render.errorMessage ?? "It has no document."}`);
    this.code = render.errorCode ?? render.status;
  }
}

const BY_STATUS: Record<number, typeof ApiError> = {
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  429: RateLimitedError,
};

export function errorOf(
  status: number,
  detail: ErrorDetail,
  requestId: string,
  retryAfter: number | undefined,
): CraftkitError {
  if (detail.code === "render_failed" && detail.render) {
    return new RenderFailedError(detail.render, detail.requestId ?? requestId);
  }
  const Kind = BY_STATUS[status] ?? (status >= 500 ? ServerError : InvalidRequestError);
  return new Kind(status, detail, requestId, retryAfter);
}
