"""Webhooks: endpoints, their deliveries, and replays."""

from collections.abc import Callable
from typing import Any, get_args

from craftkit.errors import InvalidRequestError, NotFoundError
from craftkit.openapi.webhooks import example_data
from craftkit.schema import validate_request
from craftkit.webhooks import service as webhooks
from craftkit.webhooks.models import EVENT_TYPES, PING, Delivery, DeliveryStatus, NewEndpoint
from craftkit.webhooks.service import DeliveryFilter
from dashboard import once
from dashboard.listing import Listing, ListSearch, Text, show
from dashboard.request_context import RequestContext
from dashboard.web import Response

_COLUMNS: dict[str, Callable[[Delivery], Any]] = {
    "id": lambda delivery: delivery.id,
    "event": lambda delivery: delivery.event_type,
    "event id": lambda delivery: delivery.event_id,
    "status": lambda delivery: delivery.status,
    "attempts": lambda delivery: delivery.attempt,
    "response": lambda delivery: _answer(delivery),
    "created": lambda delivery: delivery.created_at,
    "completed": lambda delivery: delivery.completed_at,
}


class Search(ListSearch):
    """The query string of the list of deliveries."""

    event: Text = ""
    status: DeliveryStatus | None = None


def list_endpoints(context: RequestContext) -> Response:
    found = webhooks.list_endpoints(context.project.id)
    return context.page("webhooks/list.html", endpoints=found)


def new_endpoint(context: RequestContext) -> Response:
    return _form(context)


def create_endpoint(context: RequestContext) -> Response:
    try:
        made = webhooks.create_endpoint(
            context.project.id, _read_request(context), by=context.user.sub
        )
    except InvalidRequestError as error:
        return context.refused("webhooks/form.html", error, **_choices(context))
    return once.show(
        context,
        "Webhook secret",
        [("Signing secret", made.secret)],
        back=f"/webhooks/{made.endpoint.id}",
        verifies=True,
    )


def show_endpoint(context: RequestContext) -> Response:
    """The endpoint and its deliveries."""
    endpoint = webhooks.get_endpoint(context.project.id, context.path("endpoint"))
    search = context.query(Search)
    wanted = DeliveryFilter(search.q, search.event, search.status or "")
    listing = Listing(
        path=f"/webhooks/{endpoint.id}",
        name="delivery",
        names="deliveries",
        columns=_COLUMNS,
        searched="Delivery or event id, or text of the payload",
        state=lambda delivery: f"{delivery.status} {delivery.attempt}",
    )
    return show(
        context,
        "webhooks/show.html",
        listing,
        search,
        lambda place, limit: webhooks.find_deliveries(
            context.project.id, endpoint.id, wanted, place, limit=limit
        ),
        lambda _rows: {
            "endpoint": endpoint,
            "events": (*EVENT_TYPES, PING),
            "statuses": get_args(DeliveryStatus),
        },
    )


def edit_endpoint(context: RequestContext) -> Response:
    return _form(context)


def change_endpoint(context: RequestContext) -> Response:
    endpoint_id = context.path("endpoint")
    try:
        webhooks.change_endpoint(
            context.project.id, endpoint_id, _read_request(context), by=context.user.sub
        )
    except InvalidRequestError as error:
        return context.refused("webhooks/form.html", error, **_choices(context))
    return context.done(f"/webhooks/{endpoint_id}", "The endpoint is changed.")


def rotate_secret(context: RequestContext) -> Response:
    made = webhooks.rotate_secret(context.project.id, context.path("endpoint"), by=context.user.sub)
    secrets = [("New signing secret; the old one stays valid for 24 hours", made.secret)]
    back = f"/webhooks/{made.endpoint.id}"
    return once.show(context, "Webhook secret", secrets, back=back, verifies=True)


def switch_endpoint(context: RequestContext) -> Response:
    on = context.form("on") == "yes"
    endpoint = webhooks.switch_endpoint(
        context.project.id, context.path("endpoint"), on=on, by=context.user.sub
    )
    state = "on" if on else "off; its events are stored and can be replayed"
    return context.done(f"/webhooks/{endpoint.id}", f"The endpoint is {state}.")


def delete_endpoint(context: RequestContext) -> Response:
    webhooks.delete_endpoint(context.project.id, context.path("endpoint"), by=context.user.sub)
    return context.done("/webhooks", "The endpoint is deleted.")


def send_event(context: RequestContext) -> Response:
    """Send a ping, or an example of an event."""
    project_id, endpoint_id = context.project.id, context.path("endpoint")
    event = context.form("event") or PING
    if event == PING:
        delivery = webhooks.ping(project_id, endpoint_id)
    elif event in EVENT_TYPES:
        delivery = webhooks.send_example(project_id, endpoint_id, event, example_data(event))
    else:
        raise InvalidRequestError(f"There is no event {event}.")
    path = f"/webhooks/{delivery.endpoint_id}/deliveries/{delivery.id}"
    return context.done(path, f"{event} is sent.")


def replay_many(context: RequestContext) -> Response:
    """Send the chosen deliveries again."""
    endpoint_id = context.path("endpoint")
    chosen = context.request.all("delivery")
    if not chosen:
        raise InvalidRequestError("Choose the deliveries that are to be sent again.")
    number = webhooks.replay_chosen(context.project.id, endpoint_id, chosen)
    are = "delivery is" if number == 1 else "deliveries are"
    left = len(chosen) - number
    message = f"{number} {are} sent again." + (f" {left} could not be." if left else "")
    return context.done(f"/webhooks/{endpoint_id}", message)


def show_delivery(context: RequestContext) -> Response:
    return context.page("webhooks/delivery.html", delivery=_delivery(context))


def show_attempts(context: RequestContext) -> Response:
    """The attempts of a delivery, which the page polls until it is delivered."""
    delivery = _delivery(context)
    if context.request.query.get("seen") == f"{delivery.status}-{len(delivery.attempts)}":
        return Response(204)  # htmx changes nothing, so that opened details stay open
    return context.fragment("webhooks/attempts.html", delivery=delivery)


def replay(context: RequestContext) -> Response:
    delivery = webhooks.replay_delivery(_delivery(context).id)
    path = f"/webhooks/{delivery.endpoint_id}/deliveries/{delivery.id}"
    return context.done(path, "The delivery is sent again.")


def _answer(delivery: Delivery) -> str:
    """The latest response, or why there was none."""
    if not delivery.attempts:
        return ""
    return str(delivery.attempts[-1].status_code or delivery.attempts[-1].error)


def _delivery(context: RequestContext) -> Delivery:
    delivery = webhooks.get_delivery(context.path("delivery"))
    wanted = (context.project.id, context.path("endpoint"))
    if (delivery.project_id, delivery.endpoint_id) != wanted:
        raise NotFoundError("There is no delivery of this id.")
    return delivery


def _read_request(context: RequestContext) -> NewEndpoint:
    request = {"url": context.form("url"), "events": context.request.all("events")}
    return validate_request(NewEndpoint, request)


def _form(context: RequestContext) -> Response:
    return context.page("webhooks/form.html", error=None, form={}, **_choices(context))


def _choices(context: RequestContext) -> dict[str, object]:
    endpoint_id = context.parameters.get("endpoint")
    endpoint = webhooks.get_endpoint(context.project.id, endpoint_id) if endpoint_id else None
    chosen = context.request.all("events") or (endpoint.events if endpoint else ())
    return {"endpoint": endpoint, "events": EVENT_TYPES, "chosen": chosen}
