"""The use cases of webhook endpoints and deliveries, for the dashboard and the CLI."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from craftkit import network, vault
from craftkit.clock import utc_now
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import ConflictError, InvalidRequestError, Issues, NotFoundError
from craftkit.ids import new_id
from craftkit.network import BlockedTargetError, FetchError, Policy
from craftkit.slices import Place, Slice
from craftkit.webhooks import deliveries, dispatch, repository
from craftkit.webhooks.models import (
    ENDPOINT_LIMIT,
    EVENT_TYPES,
    PING,
    Delivery,
    Endpoint,
    Event,
    MadeEndpoint,
    NewEndpoint,
    SealedSecret,
)
from craftkit.webhooks.policy import policy
from craftkit.webhooks.signing import new_secret

PAGE_LIMIT = 100
ROTATION_OVERLAP = timedelta(hours=24)
"""How long the previous secret signs too, by default."""

LONGEST_OVERLAP = timedelta(days=30)

Check = Callable[[str, Policy], None]
"""The signature of `network.check`."""


class DeliveryPage(NamedTuple):
    """Deliveries, the newest event first. `after` starts the next page; None on the last."""

    deliveries: list[Delivery]
    after: str | None


def create_endpoint(
    project_id: str,
    request: NewEndpoint,
    *,
    by: str,
    check: Check = network.check,
) -> MadeEndpoint:
    """Register an endpoint. Its secret is returned only now.

    Raises:
        InvalidRequestError: the URL is not allowed for webhooks, or its host is not known.
        ConflictError: the project has the maximum of endpoints.
    """
    _check_url(request.url, check)
    if len(repository.list_endpoints(project_id)) >= ENDPOINT_LIMIT:
        raise ConflictError(
            f"This project has {ENDPOINT_LIMIT} webhook endpoints, which is the maximum. "
            "Delete one first."
        )
    now, id_ = utc_now(), new_id()
    secret, sealed = _make_secret(id_, now)
    endpoint = Endpoint(
        id=id_,
        project_id=project_id,
        url=request.url,
        events=request.events,
        mode=request.mode,
        secrets=(sealed,),
        created_at=now,
        created_by=by,
    )
    repository.create(endpoint)
    return MadeEndpoint(endpoint=endpoint, secret=secret)


def get_endpoint(project_id: str, endpoint_id: str) -> Endpoint:
    """The endpoint.

    Raises:
        NotFoundError: the project has none of this id.
    """
    endpoint = repository.get(project_id, endpoint_id)
    if endpoint is None:
        raise NotFoundError("There is no webhook endpoint of this id in this project.")
    return endpoint


def list_endpoints(project_id: str) -> list[Endpoint]:
    """The project's endpoints, oldest first."""
    return repository.list_endpoints(project_id)


def change_endpoint(
    project_id: str,
    endpoint_id: str,
    request: NewEndpoint,
    *,
    by: str,
    check: Check = network.check,
) -> Endpoint:
    """Change an endpoint's URL and filter. Raises as `create_endpoint`, and NotFoundError."""
    _check_url(request.url, check)
    endpoint = get_endpoint(project_id, endpoint_id)
    _change(
        lambda: repository.change(
            endpoint,
            url=request.url,
            events=request.events,
            mode=request.mode,
            by=by,
            now=utc_now(),
        )
    )
    return get_endpoint(project_id, endpoint_id)


def rotate_secret(
    project_id: str,
    endpoint_id: str,
    *,
    by: str,
    overlap: timedelta = ROTATION_OVERLAP,
) -> MadeEndpoint:
    """Create a new secret. The previous one signs too until the overlap ends.

    Raises:
        NotFoundError: the project has no such endpoint.
        InvalidRequestError: an overlap of more than 30 days.
        ConflictError: another request rotated it at the same time.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise InvalidRequestError("The overlap must be between 0 and 30 days.")
    endpoint, now = get_endpoint(project_id, endpoint_id), utc_now()
    secret, sealed = _make_secret(endpoint.id, now)
    newest, *_ = endpoint.secrets
    outgoing = newest.model_copy(update={"expires_at": now + overlap})
    secrets = (sealed, outgoing) if overlap else (sealed,)
    _change(lambda: repository.put_secrets(endpoint, secrets, by=by, now=now))
    return MadeEndpoint(endpoint=get_endpoint(project_id, endpoint_id), secret=secret)


def switch_endpoint(project_id: str, endpoint_id: str, *, on: bool, by: str) -> Endpoint:
    """Switch an endpoint on or off. Events for an endpoint that is off can be replayed later."""
    endpoint = get_endpoint(project_id, endpoint_id)
    if (endpoint.disabled_at is None) is on:
        return endpoint
    if on:
        _change(lambda: repository.enable(endpoint, by=by, now=utc_now()))
    else:
        reason = "Switched off by hand."
        _change(lambda: repository.disable(endpoint, by=by, reason=reason, now=utc_now()))
    return get_endpoint(project_id, endpoint_id)


def delete_endpoint(project_id: str, endpoint_id: str, *, by: str) -> None:
    """Delete an endpoint. Its waiting deliveries are skipped. Raises NotFoundError."""
    endpoint = get_endpoint(project_id, endpoint_id)
    _change(lambda: repository.delete(endpoint, by=by, now=utc_now()))


def ping(project_id: str, endpoint_id: str) -> Delivery:
    """Send an event of type `ping` to the endpoint, regardless of its filter.

    Raises:
        NotFoundError: the project has no such endpoint.
        ConflictError: it is switched off.
    """
    return _send(project_id, endpoint_id, PING, {"endpointId": endpoint_id})


def send_example(
    project_id: str, endpoint_id: str, event_type: str, data: dict[str, Any]
) -> Delivery:
    """Send an example of an event to the endpoint, regardless of its filter.

    Args:
        data: as in a real event. The endpoint gets it with `"example": true` and its project's id.

    Raises:
        InvalidRequestError: there are no events of this type.
        NotFoundError: the project has no such endpoint.
        ConflictError: it is switched off.
    """
    if event_type not in EVENT_TYPES:
        raise InvalidRequestError(f"An event is one of {', '.join(EVENT_TYPES)}.")
    sent = {**data, "projectId": project_id, "example": True}
    return _send(project_id, endpoint_id, event_type, sent)


def _send(project_id: str, endpoint_id: str, event_type: str, data: dict[str, Any]) -> Delivery:
    endpoint = _require_on(get_endpoint(project_id, endpoint_id))
    event = Event(new_id(), project_id, event_type, utc_now(), data)
    delivery = dispatch.create_delivery(event, endpoint)
    if delivery is None:
        raise ConflictError("This event was already sent. Send another one.")
    return delivery


def list_deliveries(
    project_id: str, endpoint_id: str, *, limit: int = PAGE_LIMIT, after: str | None = None
) -> DeliveryPage:
    """A page of the deliveries to an endpoint. Raises NotFoundError."""
    endpoint = get_endpoint(project_id, endpoint_id)
    return DeliveryPage(*deliveries.page(endpoint.id, limit, after))


@dataclass(frozen=True)
class DeliveryFilter:
    """Deliveries of this event type and status whose id or event's id, or a part of whose payload,
    is `text`. Empty values match any delivery.
    """

    text: str = ""
    event_type: str = ""
    status: str = ""

    def matches(self, delivery: Delivery) -> bool:
        return (
            self.event_type in ("", delivery.event_type)
            and self.status in ("", delivery.status)
            and (
                self.text in (delivery.id, delivery.event_id)
                or self.text.casefold() in delivery.payload.casefold()
            )
        )


def find_deliveries(
    project_id: str, endpoint_id: str, wanted: DeliveryFilter, place: Place, *, limit: int
) -> Slice[Delivery]:
    """A slice of the matching deliveries to an endpoint. Raises NotFoundError."""
    endpoint = get_endpoint(project_id, endpoint_id)
    return deliveries.rows(endpoint.id).read(place, limit=limit, matches=wanted.matches)


def get_delivery(delivery_id: str) -> Delivery:
    """The delivery with all its attempts.

    Raises:
        NotFoundError: there is no such delivery, or it has expired.
    """
    delivery = deliveries.get(delivery_id)
    if delivery is None:
        raise NotFoundError("There is no delivery of this id.")
    return delivery


def replay_delivery(delivery_id: str) -> Delivery:
    """Send a delivery again from the start of the schedule, whether it succeeded or failed.

    A delivery that waits for a retry is sent once, now. A delivery that is being sent is not
    changed.

    Raises:
        NotFoundError: there is no such delivery, or its endpoint was deleted.
        ConflictError: its endpoint is switched off.
    """
    delivery = get_delivery(delivery_id)
    _require_on(get_endpoint(delivery.project_id, delivery.endpoint_id))
    return _replay(delivery) or get_delivery(delivery_id)


def replay_chosen(project_id: str, endpoint_id: str, delivery_ids: Iterable[str]) -> int:
    """Send some deliveries of an endpoint again, as `replay_delivery` does.

    Returns:
        The number of deliveries that are sent again. Those of other endpoints, those that are gone
        and those that are being sent are left out.

    Raises:
        InvalidRequestError: more than 100 deliveries.
        NotFoundError, ConflictError: as `replay_delivery`.
    """
    endpoint = _require_on(get_endpoint(project_id, endpoint_id))
    wanted = list(dict.fromkeys(delivery_ids))
    if len(wanted) > PAGE_LIMIT:
        raise InvalidRequestError(f"{PAGE_LIMIT} deliveries at most can be sent again at once.")
    found = (deliveries.get(id_) for id_ in wanted)
    here = [each for each in found if each is not None and each.endpoint_id == endpoint.id]
    return sum(_replay(each) is not None for each in here)


def replay_deliveries(
    project_id: str,
    endpoint_id: str,
    since: datetime,
    until: datetime,
    *,
    delivered_too: bool = False,
) -> int:
    """Replay the deliveries of a period that did not succeed, or all of them.

    Returns:
        The number of deliveries that are sent again. Raises as `replay_delivery`.
    """
    endpoint = _require_on(get_endpoint(project_id, endpoint_id))
    wanted = {"failed", "skipped", *(("delivered",) if delivered_too else ())}
    found = deliveries.between(endpoint.id, since, until)
    return sum(_replay(each) is not None for each in found if each.status in wanted)


def _replay(delivery: Delivery) -> Delivery | None:
    again = deliveries.restart(delivery, utc_now() + dispatch.GRACE)
    if again is not None:
        dispatch.enqueue(again)
    return again


def _require_on(endpoint: Endpoint) -> Endpoint:
    if endpoint.disabled_at is not None:
        raise ConflictError("The endpoint is switched off. Switch it on first.")
    return endpoint


def _make_secret(endpoint_id: str, now: datetime) -> tuple[str, SealedSecret]:
    secret = new_secret()
    return secret, SealedSecret(sealed=vault.seal(secret, owner=endpoint_id), created_at=now)


def _check_url(url: str, check: Check) -> None:
    try:
        check(url, policy())
    except BlockedTargetError as error:
        raise _bad_url(f"No webhook may go there: {error}.") from error
    except FetchError as error:
        raise _bad_url(f"The URL cannot be reached: {error}.") from error


def _bad_url(message: str) -> InvalidRequestError:
    return InvalidRequestError(message, issues=Issues(field_errors={"url": [message]}))


def _change(write: Callable[[], None]) -> None:
    try:
        write()
    except ConditionFailedError as error:
        raise ConflictError(
            "The endpoint was changed by another request at the same time. Try again."
        ) from error
