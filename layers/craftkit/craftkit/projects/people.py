"""The people of a stage: who can sign in, as its Cognito user pool has them."""

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as ClientConfig

from craftkit.config import config
from craftkit.errors import InvalidRequestError, Issues, NotFoundError
from craftkit.projects.models import Person

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient


def find(email: str) -> Person:
    """The person with this address.

    Raises:
        NotFoundError: nobody of this stage has it.
    """
    client = _cognito()
    try:
        answer = client.admin_get_user(UserPoolId=config.user_pool_id, Username=_normal(email))
    except client.exceptions.UserNotFoundException as error:
        raise NotFoundError("Nobody with this address can sign in to this stage.") from error
    return _person(answer["UserAttributes"])


def find_or_invite(email: str) -> Person:
    """The person with this address. Who is new is sent a first password by mail.

    Raises:
        InvalidRequestError: this is no address.
    """
    client, address = _cognito(), _normal(email)
    try:
        made = client.admin_create_user(
            UserPoolId=config.user_pool_id,
            Username=address,
            DesiredDeliveryMediums=["EMAIL"],
            UserAttributes=[
                {"Name": "email", "Value": address},
                {"Name": "email_verified", "Value": "true"},
            ],
        )
    except client.exceptions.UsernameExistsException:
        return find(address)
    except client.exceptions.InvalidParameterException as error:
        raise InvalidRequestError(
            issues=Issues(field_errors={"email": ["This is no address that mail could go to."]})
        ) from error
    return _person(made["User"]["Attributes"])


def _normal(email: str) -> str:
    return email.strip().lower()


def _person(attributes: Any) -> Person:
    by_name = {attribute["Name"]: attribute["Value"] for attribute in attributes}
    return Person(sub=by_name["sub"], email=by_name["email"])


@cache
def _cognito() -> "CognitoIdentityProviderClient":
    timeouts = ClientConfig(
        connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return boto3.client("cognito-idp", config=timeouts)
