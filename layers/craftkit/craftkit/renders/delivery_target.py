"""Where a finished document is sent to: the address and headers of `options.deliverTo`.

Both are secrets: a presigned address grants access by itself. They are stored encrypted by KMS, for
their render alone, and removed once the delivery has ended.
"""

from collections.abc import Callable

from craftkit import network, vault
from craftkit.config import config
from craftkit.dynamodb import Item
from craftkit.errors import InvalidRequestError, Issues
from craftkit.network import FetchError, Policy
from craftkit.renders.models import DeliverTo, Render

SEALED_LIMIT_BYTES = 4096
"""The most that KMS encrypts in one call.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html
"""

DEADLINE_SECONDS = 30
"""For one PUT, from resolving the host to the response."""

_RESPONSE_BYTES = 4096

Check = Callable[[str, Policy], None]


def policy() -> Policy:
    """Public HTTPS, no redirects. The local stage also allows HTTP and private addresses."""
    is_private = config.has_private_webhooks
    return Policy(
        schemes=frozenset({"https", "http"} if is_private else {"https"}),
        max_bytes=_RESPONSE_BYTES,
        deadline_seconds=DEADLINE_SECONDS,
        truncate=True,
        allow_private=is_private,
    )


def check_target(target: DeliverTo, *, check: Check | None = None) -> None:
    """Check address and size before the render is charged.

    Raises:
        InvalidRequestError: the address is not allowed, its host is not known, or address and
            headers are too large together. The message does not contain the address.
    """
    if len(target.model_dump_json().encode()) > SEALED_LIMIT_BYTES:
        message = f"`url` and `headers` must have at most {SEALED_LIMIT_BYTES} bytes together"
        raise _refused("options.deliverTo", message)
    try:
        (check or network.check)(target.url, policy())
    except FetchError as error:
        message = f"{str(error).capitalize()}. Use a public https address."
        raise _refused("options.deliverTo.url", message) from error


def sealed(render: Render, target: DeliverTo) -> Item:
    """The field of a render's row that holds the target."""
    return {"deliver_to": vault.seal(target.model_dump_json(), owner=render.id)}


def target_of(row: Item) -> DeliverTo | None:
    """The target in a row; None after the delivery has ended."""
    if "deliver_to" not in row:
        return None
    text = vault.unseal(bytes(row["deliver_to"]), owner=row["render_id"])
    return DeliverTo.model_validate_json(text)


def _refused(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(issues=Issues(field_errors={field: [message]}))
