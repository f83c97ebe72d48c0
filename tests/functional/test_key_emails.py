"""Emails about keys: to a project's owners and admins, from the audit table's stream."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sesv2 import sesv2_backends

from craftkit.clock import utc_now
from craftkit.keys import emails
from craftkit.projects import members
from craftkit.projects.models import User
from testkit.cloud import Cloud, variables
from testkit.events import event as load_event
from testkit.leaks import keys_in
from testkit.project import DemoProject, make_project
from testkit.template import REGION

SENDER = "keys@example.com"
MEMBERS = {
    "owner@example.com": "owner",
    "admin@example.com": "admin",
    "viewer@example.com": "viewer",
}


@pytest.fixture
def project(cloud: Cloud) -> DemoProject:
    made = make_project("live")
    for number, (address, role) in enumerate(MEMBERS.items()):
        person = User(sub=f"sub-{number}", email=address)
        members.add_member(made.id, person, role, by="tester")  # type: ignore[arg-type]
    return made


@pytest.fixture
def outbox(cloud: Cloud) -> Iterator[Any]:
    import boto3

    boto3.client("sesv2", region_name=REGION).create_email_identity(EmailIdentity=SENDER)
    yield sesv2_backends[DEFAULT_ACCOUNT_ID][REGION].core_backend.sent_messages


def happen(
    cloud: Cloud, project: DemoProject, action: str, sender: str = SENDER, **details: str
) -> Any:
    """The stream record of an audit entry of the project's key."""
    sent = load_event("send_key_emails")
    image = sent["Records"][0]["dynamodb"]["NewImage"]
    image |= {
        "pk": {"S": f"project#{project.id}"},
        "action": {"S": action},
        "target": {"S": project.key.key.id},
        "details": {"M": {name: {"S": value} for name, value in details.items()}},
    }
    environment = {
        **cloud.environment("SendKeyEmailsFunction"),
        "MAIL_SENDER": sender,
        "PAGES_ORIGIN": "https://app.example.com",
    }
    with variables(environment):
        return cloud.module("send_key_emails").handler(sent, _Context())


class _Context:
    function_name = "send_key_emails"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:send"
    aws_request_id = "request"


def recipients(outbox: Any) -> list[str]:
    return sorted(address for each in outbox for address in each.destinations["ToAddresses"])


def test_send_key_emails__unusual_use_is_told_to_owners_and_admins(
    cloud: Cloud, project: DemoProject, outbox: Any
) -> None:
    details = {"kind": "new_network", "networks": "192.0.2.0/24", "answer": "revoked"}
    assert happen(cloud, project, "key.anomalous", **details) == {"batchItemFailures": []}
    assert recipients(outbox) == ["admin@example.com", "owner@example.com"]
    [first, _] = outbox
    assert first.source == SENDER
    assert first.subject == "Unusual use of the API key Key of Demo"
    for line in (
        "What was unusual: new_network",
        "New networks: 192.0.2.0/24",
        "Done about it: revoked",
        f"The key: https://app.example.com/dashboard/projects/{project.id}/keys/"
        f"{project.key.key.id}",
    ):
        assert line in first.body
    assert not keys_in(first.body)


@pytest.mark.parametrize(
    ("action", "subject"),
    [
        ("key.exposed", "The API key Key of Demo was found in public"),
        ("key.expiring", "The API key Key of Demo ends soon"),
    ],
)
def test_send_key_emails__other_warnings(
    cloud: Cloud, project: DemoProject, outbox: Any, action: str, subject: str
) -> None:
    happen(cloud, project, action, days="3", cause="unused")
    assert {each.subject for each in outbox} == {subject}
    assert all("Why it ends: unused" in each.body for each in outbox)


@pytest.mark.parametrize("action", ["key.created", "key.revoked", "template.published"])
def test_send_key_emails__other_entries_send_none(
    cloud: Cloud, project: DemoProject, outbox: Any, action: str
) -> None:
    happen(cloud, project, action)
    assert outbox == []


def test_send_key_emails__a_stage_without_a_sender_sends_none(
    cloud: Cloud, project: DemoProject, outbox: Any
) -> None:
    assert happen(cloud, project, "key.anomalous", sender="") == {"batchItemFailures": []}
    assert outbox == []


def test_send_key_emails__an_invited_user_is_told_nothing(
    cloud: Cloud, project: DemoProject, outbox: Any
) -> None:
    from craftkit import dynamodb
    from craftkit.projects import member_items
    from craftkit.projects.models import Member

    invited = Member(
        project_id=project.id,
        sub="sub-9",
        email="invited@example.com",
        role="admin",
        invited_by="tester",
        invited_at=utc_now(),
    )
    dynamodb.transact(member_items.puts(invited))
    happen(cloud, project, "key.anomalous")
    assert "invited@example.com" not in recipients(outbox)


def test_send_key_emails__a_name_cannot_add_lines_to_the_message(cloud: Cloud, outbox: Any) -> None:
    project = make_project("live", name="A\r\nBcc: evil@example.com")
    person = User(sub="sub-0", email="owner@example.com")
    members.add_member(project.id, person, "owner", by="tester")
    happen(cloud, project, "key.anomalous")
    [sent] = outbox
    assert sent.subject == "Unusual use of the API key Key of A Bcc: evil@example.com"


class _Ses:
    def __init__(self, code: str, refused: str) -> None:
        self.code, self.refused = code, refused
        self.sent: list[str] = []

    def send_email(self, **message: Any) -> None:
        [address] = message["Destination"]["ToAddresses"]
        if address == self.refused:
            raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, "SendEmail")
        self.sent.append(address)


def test_send_key_emails__an_address_that_is_refused_does_not_stop_the_others(
    cloud: Cloud, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    ses = _Ses("MessageRejected", refused="owner@example.com")
    monkeypatch.setattr(emails, "_ses", lambda: ses)
    assert happen(cloud, project, "key.anomalous") == {"batchItemFailures": []}
    assert ses.sent == ["admin@example.com"]


def test_send_key_emails__is_tried_again_while_ses_throttles(
    cloud: Cloud, project: DemoProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    ses = _Ses("TooManyRequestsException", refused="owner@example.com")
    monkeypatch.setattr(emails, "_ses", lambda: ses)
    failed = {"batchItemFailures": [{"itemIdentifier": "112"}]}
    assert happen(cloud, project, "key.anomalous") == failed
