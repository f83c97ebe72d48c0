"""The environment variables, read on first use. No other module reads them.

Each function has only the variables that it needs. Reading a variable that is not set raises
`ConfigError`.
"""

import os
from collections.abc import Iterable
from functools import cached_property

from craftkit import process_cache


class ConfigError(RuntimeError):
    """A variable that the code needs is not in the function's environment."""


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ConfigError(f"{name} is not set: add it to the function in template.yaml.")
    return value


def variable(name: str) -> str:
    """The variable's value.

    Raises:
        ConfigError: it is not set, or empty.
    """
    return _required(name)


def missing_variables(names: Iterable[str]) -> list[str]:
    """The names of the variables that are not set, or empty."""
    return [name for name in names if not os.environ.get(name)]


class Config:
    """A function's environment: names and addresses. Its only secrets are Lambda's credentials."""

    @cached_property
    def stage(self) -> str:
        return _required("STAGE")

    @cached_property
    def region(self) -> str:
        return _required("AWS_REGION")

    @cached_property
    def keys_table(self) -> str:
        return _required("KEYS_TABLE")

    @cached_property
    def proofs_table(self) -> str:
        """DPoP proofs that were used. Each may be used once."""
        return _required("PROOFS_TABLE")

    @cached_property
    def key_activity_table(self) -> str:
        return _required("KEY_ACTIVITY_TABLE")

    @cached_property
    def limits_table(self) -> str:
        return _required("LIMITS_TABLE")

    @cached_property
    def projects_table(self) -> str:
        return _required("PROJECTS_TABLE")

    @cached_property
    def content_table(self) -> str:
        return _required("CONTENT_TABLE")

    @cached_property
    def audit_table(self) -> str:
        return _required("AUDIT_TABLE")

    @cached_property
    def renders_table(self) -> str:
        return _required("RENDERS_TABLE")

    @cached_property
    def render_keys_table(self) -> str:
        """The data keys of renders, in a table without backups."""
        return _required("RENDER_KEYS_TABLE")

    @cached_property
    def batches_table(self) -> str:
        return _required("BATCHES_TABLE")

    @cached_property
    def assemble_function(self) -> str:
        """The function, by alias, that writes the result of a batch."""
        return _required("ASSEMBLE_FUNCTION")

    @cached_property
    def batches_queue_url(self) -> str:
        """The queue of batches whose state is to be checked."""
        return _required("BATCHES_QUEUE_URL")

    @cached_property
    def documents_bucket(self) -> str:
        return _required("DOCUMENTS_BUCKET")

    @cached_property
    def cursor_secret(self) -> str:
        """ARN of the secret that lists' cursors are sealed with."""
        return _required("CURSOR_SECRET")

    @cached_property
    def retention_days(self) -> int:
        """Days that a render's row and its PDF are kept."""
        return int(_required("RETENTION_DAYS"))

    @cached_property
    def requests_table(self) -> str:
        """The request log."""
        return _required("REQUESTS_TABLE")

    @cached_property
    def logs_requests(self) -> bool:
        """Whether this function's requests are logged: those of routes that take a key."""
        return bool(os.environ.get("REQUESTS_TABLE"))

    @cached_property
    def request_log_days(self) -> int:
        """Days that a request stays in the request log."""
        return int(_required("REQUEST_LOG_DAYS"))

    @cached_property
    def public_url(self) -> str:
        """Where callers reach this stage, without a trailing slash; empty without a domain."""
        return os.environ.get("PUBLIC_URL", "").rstrip("/")

    @cached_property
    def pages_origin(self) -> str:
        """The dashboard's origin, such as `https://app.example.com`; empty without a domain."""
        return os.environ.get("PAGES_ORIGIN", "").rstrip("/")

    @cached_property
    def ca_bundle(self) -> str | None:
        """A file of trusted certificate authorities, as the AWS SDKs read it."""
        return os.environ.get("AWS_CA_BUNDLE") or None

    @cached_property
    def mail_sender(self) -> str:
        """The address that emails about keys are sent from; empty: none are sent."""
        return os.environ.get("MAIL_SENDER", "")

    @cached_property
    def embed_origin(self) -> str:
        """The embedded page's origin; empty without a domain."""
        return os.environ.get("EMBED_ORIGIN", "").rstrip("/")

    @cached_property
    def user_pool_id(self) -> str:
        """The Cognito user pool of the dashboard's users."""
        return _required("USER_POOL_ID")

    @cached_property
    def sign_in_url(self) -> str:
        """Where a browser finds the pool's hosted pages, without a trailing slash."""
        return _required("SIGN_IN_URL").rstrip("/")

    @cached_property
    def session_secret(self) -> str:
        """ARN of the secret that the dashboard's cookies are sealed with."""
        return _required("SESSION_SECRET")

    @cached_property
    def api_url(self) -> str:
        """Where programs reach this stage's API, without a trailing slash."""
        return _required("API_URL").rstrip("/")

    @cached_property
    def aws_endpoint_url(self) -> str | None:
        """The embedded AWS, on a developer's machine; None on AWS."""
        return os.environ.get("AWS_ENDPOINT_URL") or None

    @cached_property
    def embed_sessions_table(self) -> str:
        return _required("EMBED_SESSIONS_TABLE")

    @cached_property
    def embed_keys_table(self) -> str:
        """Public halves of the keys that sign session tokens."""
        return _required("EMBED_KEYS_TABLE")

    @cached_property
    def embed_signing_secret(self) -> str:
        """ARN of the secret that the key for session tokens is derived from."""
        return _required("EMBED_SIGNING_SECRET")

    @cached_property
    def embed_allows_loopback(self) -> bool:
        """Whether a page on localhost may embed; only in the local stage."""
        return os.environ.get("EMBED_ALLOWS_LOOPBACK") == "true"

    @cached_property
    def embed_url_parameter(self) -> str:
        """The parameter that holds the embedded page's address, in a stage without a domain."""
        return _required("EMBED_URL_PARAMETER")

    @cached_property
    def compile_function(self) -> str:
        return _required("COMPILE_FUNCTION")

    @cached_property
    def validate_function(self) -> str | None:
        """The function with the official rules of invoices; None where only our own are checked."""
        return os.environ.get("VALIDATE_FUNCTION") or None

    @cached_property
    def seal_key(self) -> str | None:
        """ARN of the KMS key that seals documents; None in a stage without seals."""
        key = os.environ.get("SEAL_KEY", "")
        return key if key.startswith("arn:") else None

    @cached_property
    def timestamp_url(self) -> str | None:
        """The timestamp server of seals (RFC 3161); None without one."""
        return os.environ.get("TIMESTAMP_URL") or None

    @cached_property
    def deliveries_table(self) -> str:
        return _required("DELIVERIES_TABLE")

    @cached_property
    def usage_table(self) -> str:
        return _required("USAGE_TABLE")

    @cached_property
    def deliveries_queue_url(self) -> str:
        return _required("DELIVERIES_QUEUE_URL")

    @cached_property
    def dead_renders_queue_url(self) -> str:
        """The queue that holds messages of failed renders until an operator redrives them."""
        return _required("DEAD_RENDERS_QUEUE_URL")

    @cached_property
    def vault_key(self) -> str:
        """ARN of the KMS key that seals the secrets of hooks and webhook endpoints."""
        return _required("VAULT_KEY")

    @cached_property
    def has_private_webhooks(self) -> bool:
        """Whether webhooks may use HTTP and private addresses; only in the local stage."""
        return _required("PRIVATE_WEBHOOKS") == "true"

    @cached_property
    def worker_queue_url(self) -> str:
        """The queue that this worker's messages come from."""
        return _required("WORKER_QUEUE_URL")

    def queue_url(self, mode: str) -> str:
        """The queue of the mode's worker pool: `live` or `test`."""
        return _required(f"{mode.upper()}_QUEUE_URL")

    def worker_function(self, mode: str) -> str:
        """The function, by alias, that renders documents of the mode."""
        return _required(f"{mode.upper()}_WORKER_FUNCTION")

    @cached_property
    def project_writes_per_second(self) -> int:
        """The default rate of write requests per second for a project; 0 is no limit."""
        return int(_required("PROJECT_WRITES_PER_SECOND"))

    @cached_property
    def project_reads_per_second(self) -> int:
        """Read requests a second of one project; 0 is no limit."""
        return int(_required("PROJECT_READS_PER_SECOND"))

    @cached_property
    def previews_per_project(self) -> int:
        """How many previews the embed sessions of one project may have running; 0 is no limit."""
        return int(_required("PREVIEWS_PER_PROJECT"))

    @cached_property
    def previews_per_second(self) -> int:
        """How many previews a second the sessions of one project may request; 0 is no limit."""
        return int(_required("PREVIEWS_PER_SECOND"))

    @cached_property
    def sync_renders_per_project(self) -> int:
        """How many synchronous renders one project may have running; more of them are queued."""
        return int(_required("SYNC_RENDERS_PER_PROJECT"))

    @cached_property
    def revoke_exposed_keys_function(self) -> str:
        """The function, by alias, that revokes keys found in public."""
        return _required("REVOKE_EXPOSED_KEYS_FUNCTION")

    @cached_property
    def scanner_keys_url(self) -> str:
        """The address of the public keys that GitHub secret scanning signs its reports with."""
        return _required("SCANNER_KEYS_URL")

    @cached_property
    def trust_rules_table(self) -> str:
        """Trust rules: which OIDC tokens a project accepts in exchange for a short-lived key."""
        return _required("TRUST_RULES_TABLE")

    @cached_property
    def trust_tokens_table(self) -> str:
        """What the token exchange writes: issued tokens, used OIDC tokens, keys of issuers."""
        return _required("TRUST_TOKENS_TABLE")

    @cached_property
    def trusts_loopback_issuers(self) -> bool:
        """Whether an issuer may be on localhost over HTTP; only in the local stage."""
        return os.environ.get("TRUSTS_LOOPBACK_ISSUERS") == "true"

    @cached_property
    def is_lambda(self) -> bool:
        """Whether this process is a Lambda function, on AWS or on the emulator."""
        return "AWS_LAMBDA_FUNCTION_NAME" in os.environ

    @cached_property
    def is_snapshot(self) -> bool:
        """Whether this process initialises for a snapshot (Lambda SnapStart)."""
        return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"

    @cached_property
    def runtime_api(self) -> str | None:
        """Host and port of Lambda's runtime API; None outside of Lambda."""
        return os.environ.get("AWS_LAMBDA_RUNTIME_API")

    @cached_property
    def aws_credentials(self) -> tuple[str, str, str | None] | None:
        """Access key, secret key and session token; None where Lambda has an endpoint for them."""
        if "AWS_ACCESS_KEY_ID" not in os.environ:
            return None
        secret_key = _required("AWS_SECRET_ACCESS_KEY")
        return os.environ["AWS_ACCESS_KEY_ID"], secret_key, os.environ.get("AWS_SESSION_TOKEN")

    @cached_property
    def dynamodb_endpoint(self) -> str:
        """The endpoint of the authorizer's DynamoDB calls; boto3 resolves its own."""
        return os.environ.get("AWS_ENDPOINT_URL") or _required("DYNAMODB_ENDPOINT")


config = Config()


def forget() -> None:
    """Clear the cached values, for tests that change the environment."""
    config.__dict__.clear()


process_cache.register(forget)
