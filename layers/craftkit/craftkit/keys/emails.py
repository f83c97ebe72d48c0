"""Emails about keys to a project's owners and admins, through Amazon SES.

They have the same events as webhooks: an unusual use, a key found in public, a key that ends soon.
A stage without a sender (`MailSender`) sends none.
"""

from typing import Any

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError

from craftkit.config import config
from craftkit.dynamodb import Item
from craftkit.errors import NotFoundError
from craftkit.keys import repository
from craftkit.observability import logger
from craftkit.process_cache import process_cache
from craftkit.project_items import AUDIT_ENTRY
from craftkit.projects import members
from craftkit.projects import service as projects
from craftkit.projects.models import Member

_SUBJECTS = {
    "key.anomalous": "Unusual use of the API key {key} of {project}",
    "key.exposed": "The API key {key} of {project} was found in public",
    "key.expiring": "The API key {key} of {project} ends soon",
}
_REFUSED = ("MessageRejected", "BadRequestException")
"""SES does not accept the message for this address: another attempt has the same result."""

_DETAILS = {
    "kind": "What was unusual",
    "networks": "New networks",
    "unusedDays": "Days without use before",
    "refusals": "Refused requests",
    "minutes": "Within minutes",
    "renders": "Render requests on the day",
    "mostBefore": "Most on a day before",
    "answer": "Done about it",
    "url": "Found at",
    "source": "Found in",
    "days": "Days until it ends",
    "expires_at": "It ends at",
    "cause": "Why it ends",
    "prefix": "Secret",
}


def send_emails(entry: Item) -> int:
    """Send the emails of an audit entry. One address that SES refuses does not stop the others.

    Returns:
        The number of emails that SES accepted.

    Raises:
        ClientError: SES is unavailable or throttles; call again later.
    """
    if not config.mail_sender or entry.get("action") not in _SUBJECTS:
        return 0
    key = repository.get(str(entry["target"]))
    try:
        project = projects.get_project(AUDIT_ENTRY.owner_of(entry))
    except NotFoundError:
        return 0
    if key is None:
        return 0
    names = {"key": _one_line(key.name), "project": _one_line(project.name)}
    subject = _SUBJECTS[str(entry["action"])].format(**names)
    text = _text(subject, entry, project.id)
    recipients = [each.email for each in members.list_members(project.id) if _is_told(each)]
    return sum(_send(address, subject, text) for address in recipients)


def _is_told(member: Member) -> bool:
    return member.joined_at is not None and member.may_change


def _text(subject: str, entry: Item, project_id: str) -> str:
    details = entry.get("details", {})
    lines = [f"{subject}.", "", f"Time: {entry['at']}"]
    lines += [f"{label}: {details[name]}" for name, label in _DETAILS.items() if details.get(name)]
    if config.pages_origin:
        url = f"{config.pages_origin}/dashboard/projects/{project_id}/keys/{entry['target']}"
        lines += ["", f"The key: {url}"]
    lines += ["", "You receive this email as an owner or admin of the project."]
    return "\n".join(lines)


def _one_line(name: str) -> str:
    return " ".join(name.split())


def _send(address: str, subject: str, text: str) -> bool:
    try:
        _ses().send_email(
            FromEmailAddress=config.mail_sender,
            Destination={"ToAddresses": [address]},
            Content={
                "Simple": {
                    "Subject": {"Data": subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
                }
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in _REFUSED:
            raise
        logger.warning("an email was refused", extra={"reason": error.response["Error"]["Code"]})
        return False
    return True


@process_cache
def _ses() -> Any:
    timeouts = ClientConfig(
        connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
    )
    return boto3.client("sesv2", config=timeouts)
