"""Webhooks: endpoints, their deliveries, and replays."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from craftkit.errors import InvalidRequestError, NotFoundError
from craftkit.schema import validate_request
from craftkit.webhooks import service as webhooks
from craftkit.webhooks.models import EVENT_TYPES, Delivery, NewEndpoint
from dashboard import once
from dashboard.request_context import RequestContext
from dashboard.web import Response

_PAGE_LIMIT = 25


class DeliveryList(BaseModel):
    cursor: Annotated[str, StringConstraints(max_length=100)] | None = None


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
    )


def show_endpoint(context: RequestContext) -> Response:
    endpoint = webhooks.get_endpoint(context.project.id, context.path("endpoint"))
    cursor = context.query(DeliveryList).cursor
    page = webhooks.list_deliveries(
        context.project.id, endpoint.id, limit=_PAGE_LIMIT, after=cursor
    )
    return context.page(
        "webhooks/show.html",
        endpoint=endpoint,
        deliveries=page.deliveries,
        cursor=page.after,
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
    return once.show(context, "Webhook secret", secrets, back=f"/webhooks/{made.endpoint.id}")


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


def ping(context: RequestContext) -> Response:
    delivery = webhooks.ping(context.project.id, context.path("endpoint"))
    return context.done(
        f"/webhooks/{delivery.endpoint_id}/deliveries/{delivery.id}", "A ping is sent."
    )


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
