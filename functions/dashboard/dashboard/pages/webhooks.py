"""Webhooks: endpoints, what was delivered to them, and what is sent again."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from craftkit.errors import InvalidRequestError, NotFoundError
from craftkit.schema import validate_request
from craftkit.webhooks import service as webhooks
from craftkit.webhooks.models import EVENT_TYPES, Delivery, NewEndpoint
from dashboard import once
from dashboard.router import route
from dashboard.visit import Visit
from dashboard.web import Answer

_PAGE_LIMIT = 25


class DeliveryList(BaseModel):
    cursor: Annotated[str, StringConstraints(max_length=100)] | None = None


@route("GET", "/projects/{project}/webhooks")
def list_endpoints(visit: Visit) -> Answer:
    found = webhooks.list_endpoints(visit.project.id)
    return visit.page("webhooks/list.html", endpoints=found)


@route("GET", "/projects/{project}/webhooks/new", needs="admin")
def new_endpoint(visit: Visit) -> Answer:
    return _form(visit)


@route("POST", "/projects/{project}/webhooks", needs="admin")
def create_endpoint(visit: Visit) -> Answer:
    try:
        made = webhooks.create_endpoint(visit.project.id, _wish(visit), by=visit.person.sub)
    except InvalidRequestError as error:
        return visit.refused("webhooks/form.html", error, **_choices(visit))
    return once.show(
        visit,
        "Webhook secret",
        [("Signing secret", made.secret)],
        back=f"/webhooks/{made.endpoint.id}",
    )


@route("GET", "/projects/{project}/webhooks/{endpoint}")
def show_endpoint(visit: Visit) -> Answer:
    endpoint = webhooks.get_endpoint(visit.project.id, visit.path("endpoint"))
    cursor = visit.query(DeliveryList).cursor
    page = webhooks.list_deliveries(visit.project.id, endpoint.id, limit=_PAGE_LIMIT, after=cursor)
    return visit.page(
        "webhooks/show.html",
        endpoint=endpoint,
        deliveries=page.deliveries,
        cursor=page.after,
    )


@route("GET", "/projects/{project}/webhooks/{endpoint}/edit", needs="admin")
def edit_endpoint(visit: Visit) -> Answer:
    return _form(visit)


@route("POST", "/projects/{project}/webhooks/{endpoint}", needs="admin")
def change_endpoint(visit: Visit) -> Answer:
    endpoint_id = visit.path("endpoint")
    try:
        webhooks.change_endpoint(visit.project.id, endpoint_id, _wish(visit), by=visit.person.sub)
    except InvalidRequestError as error:
        return visit.refused("webhooks/form.html", error, **_choices(visit))
    return visit.done(f"/webhooks/{endpoint_id}", "The endpoint is changed.")


@route("POST", "/projects/{project}/webhooks/{endpoint}/rotate", needs="admin")
def rotate_secret(visit: Visit) -> Answer:
    made = webhooks.rotate_secret(visit.project.id, visit.path("endpoint"), by=visit.person.sub)
    secrets = [("New signing secret; the old one signs beside it for 24 hours", made.secret)]
    return once.show(visit, "Webhook secret", secrets, back=f"/webhooks/{made.endpoint.id}")


@route("POST", "/projects/{project}/webhooks/{endpoint}/switch", needs="admin")
def switch_endpoint(visit: Visit) -> Answer:
    on = visit.form("on") == "yes"
    endpoint = webhooks.switch_endpoint(
        visit.project.id, visit.path("endpoint"), on=on, by=visit.person.sub
    )
    said = "on again" if on else "off; its events are kept to be replayed"
    return visit.done(f"/webhooks/{endpoint.id}", f"The endpoint is {said}.")


@route("POST", "/projects/{project}/webhooks/{endpoint}/delete", needs="admin")
def delete_endpoint(visit: Visit) -> Answer:
    webhooks.delete_endpoint(visit.project.id, visit.path("endpoint"), by=visit.person.sub)
    return visit.done("/webhooks", "The endpoint is deleted.")


@route("POST", "/projects/{project}/webhooks/{endpoint}/ping", needs="admin")
def ping(visit: Visit) -> Answer:
    delivery = webhooks.ping(visit.project.id, visit.path("endpoint"))
    return visit.done(
        f"/webhooks/{delivery.endpoint_id}/deliveries/{delivery.id}", "A ping is sent."
    )


@route("GET", "/projects/{project}/webhooks/{endpoint}/deliveries/{delivery}")
def show_delivery(visit: Visit) -> Answer:
    return visit.page("webhooks/delivery.html", delivery=_delivery(visit))


@route("GET", "/projects/{project}/webhooks/{endpoint}/deliveries/{delivery}/attempts")
def show_attempts(visit: Visit) -> Answer:
    """The part of a delivery's page that grows until it has arrived."""
    delivery = _delivery(visit)
    if visit.request.query.get("seen") == f"{delivery.status}-{len(delivery.attempts)}":
        return Answer(204)  # htmx leaves the page as it is: what is open stays open
    return visit.fragment("webhooks/attempts.html", delivery=delivery)


@route(
    "POST", "/projects/{project}/webhooks/{endpoint}/deliveries/{delivery}/replay", needs="admin"
)
def replay(visit: Visit) -> Answer:
    delivery = webhooks.replay_delivery(_delivery(visit).id)
    path = f"/webhooks/{delivery.endpoint_id}/deliveries/{delivery.id}"
    return visit.done(path, "It is sent again.")


def _delivery(visit: Visit) -> Delivery:
    delivery = webhooks.get_delivery(visit.path("delivery"))
    wanted = (visit.project.id, visit.path("endpoint"))
    if (delivery.project_id, delivery.endpoint_id) != wanted:
        raise NotFoundError("There is no delivery of this id.")
    return delivery


def _wish(visit: Visit) -> NewEndpoint:
    wish = {"url": visit.form("url"), "events": visit.request.all("events")}
    return validate_request(NewEndpoint, wish)


def _form(visit: Visit) -> Answer:
    return visit.page("webhooks/form.html", error=None, form={}, **_choices(visit))


def _choices(visit: Visit) -> dict[str, object]:
    endpoint_id = visit.parameters.get("endpoint")
    endpoint = webhooks.get_endpoint(visit.project.id, endpoint_id) if endpoint_id else None
    chosen = visit.request.all("events") or (endpoint.events if endpoint else ())
    return {"endpoint": endpoint, "events": EVENT_TYPES, "chosen": chosen}
