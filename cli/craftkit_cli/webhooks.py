"""`craftkit webhooks …`"""

import argparse
from typing import Any

from craftkit.clock import utc_now
from craftkit.errors import InvalidRequestError
from craftkit.projects import service as projects
from craftkit.webhooks import service
from craftkit.webhooks.models import EVENT_TYPES, Delivery, Endpoint, MadeEndpoint, NewEndpoint
from craftkit_cli.answers import Answer, shown
from craftkit_cli.arguments import command, duration, group, moment


def add_commands(root: Any) -> None:
    commands = group(root, "webhooks", "manage outgoing webhooks")

    what = "create an endpoint; its secret is shown once"
    _about_target(command(commands, "create", _create, what))
    command(commands, "list", _list, "list a project's endpoints, oldest first")

    what = "change an endpoint's URL, events or mode"
    _about_target(command(commands, "change", _change, what, "endpoint_id"))
    rotate = command(commands, "rotate", _rotate, "create a new secret", "endpoint_id")
    rotate.add_argument(
        "--overlap",
        type=duration,
        default=service.ROTATION_OVERLAP,
        metavar="24h",
        help="how long the old secret stays valid (default: 24h)",
    )
    for name, run, what in (
        ("on", _switch_on, "enable an endpoint"),
        ("off", _switch_off, "disable an endpoint; its events are stored and can be replayed"),
        ("delete", _delete, "delete an endpoint"),
        ("ping", _ping, "send a ping event to an endpoint"),
    ):
        command(commands, name, run, what, "endpoint_id")

    deliveries = command(commands, "deliveries", _deliveries, "list deliveries, newest first")
    deliveries.add_argument("--endpoint", metavar="ID")
    deliveries.add_argument("--limit", type=int, default=20, help="for each endpoint")
    what = "show a delivery with its attempts"
    command(commands, "delivery", _delivery, what, "delivery_id", in_project=False)

    what = "repeat one delivery, or the deliveries of a time range"
    replay = command(commands, "replay", _replay, what, in_project=False)
    replay.add_argument("delivery_id", metavar="DELIVERY_ID", nargs="?")
    replay.add_argument("--project", metavar="ID")
    replay.add_argument("--endpoint", metavar="ID")
    replay.add_argument("--since", type=moment, metavar="TIME", help="RFC 3339")
    replay.add_argument("--until", type=moment, metavar="TIME", help="RFC 3339 (default: now)")
    replay.add_argument("--all", action="store_true", help="include successful deliveries")


def _about_target(made: argparse.ArgumentParser) -> None:
    made.add_argument("--url", required=True)
    made.add_argument(
        "--event", action="append", default=[], choices=EVENT_TYPES, help="default: every event"
    )
    made.add_argument(
        "--mode", choices=("live", "test"), help="only renders of this mode (default: both)"
    )


def _create(arguments: argparse.Namespace, operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    return _made(service.create_endpoint(project.id, _request_of(arguments), by=operator))


def _list(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    return {"endpoints": [_shown(each) for each in service.list_endpoints(project.id)]}


def _change(arguments: argparse.Namespace, operator: str) -> Answer:
    endpoint = service.change_endpoint(
        arguments.project, arguments.endpoint_id, _request_of(arguments), by=operator
    )
    return _shown(endpoint)


def _rotate(arguments: argparse.Namespace, operator: str) -> Answer:
    return _made(
        service.rotate_secret(
            arguments.project, arguments.endpoint_id, by=operator, overlap=arguments.overlap
        )
    )


def _switch_on(arguments: argparse.Namespace, operator: str) -> Answer:
    project, id_ = arguments.project, arguments.endpoint_id
    return _shown(service.switch_endpoint(project, id_, on=True, by=operator))


def _switch_off(arguments: argparse.Namespace, operator: str) -> Answer:
    project, id_ = arguments.project, arguments.endpoint_id
    return _shown(service.switch_endpoint(project, id_, on=False, by=operator))


def _delete(arguments: argparse.Namespace, operator: str) -> Answer:
    service.delete_endpoint(arguments.project, arguments.endpoint_id, by=operator)
    return {"id": arguments.endpoint_id, "deleted": True}


def _ping(arguments: argparse.Namespace, _operator: str) -> Answer:
    return _summary(service.ping(arguments.project, arguments.endpoint_id))


def _deliveries(arguments: argparse.Namespace, _operator: str) -> Answer:
    project = projects.get_project(arguments.project)
    ids = [arguments.endpoint] if arguments.endpoint else None
    ids = ids or [endpoint.id for endpoint in service.list_endpoints(project.id)]
    found = [
        delivery
        for id_ in ids
        for delivery in service.list_deliveries(project.id, id_, limit=arguments.limit).deliveries
    ]
    found.sort(key=lambda delivery: delivery.id, reverse=True)
    return {"deliveries": [_summary(delivery) for delivery in found]}


def _delivery(arguments: argparse.Namespace, _operator: str) -> Answer:
    return shown(service.get_delivery(arguments.delivery_id), without=("round_start",))


def _replay(arguments: argparse.Namespace, _operator: str) -> Answer:
    if arguments.delivery_id:
        return _summary(service.replay_delivery(arguments.delivery_id))
    if not (arguments.project and arguments.endpoint and arguments.since):
        raise InvalidRequestError(
            "Give a delivery id, or a range: --project, --endpoint, --since and optionally --until."
        )
    replayed = service.replay_deliveries(
        arguments.project,
        arguments.endpoint,
        arguments.since,
        arguments.until or utc_now(),
        delivered_too=arguments.all,
    )
    return {"replayed": replayed}


def _request_of(arguments: argparse.Namespace) -> NewEndpoint:
    return NewEndpoint(url=arguments.url, events=tuple(arguments.event), mode=arguments.mode)


def _made(made: MadeEndpoint) -> Answer:
    return {**_shown(made.endpoint), "secret": made.secret}


def _shown(endpoint: Endpoint) -> Answer:
    return shown(endpoint, without=("secrets",))


def _summary(delivery: Delivery) -> Answer:
    summary = shown(delivery, without=("round_start", "payload", "attempts"))
    last = delivery.attempts[-1] if delivery.attempts else None
    return {**summary, "lastError": last.error if last else None}
