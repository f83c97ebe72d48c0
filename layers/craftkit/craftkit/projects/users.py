"""The users of a stage: who can sign in, from its Cognito user pool."""

from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config as ClientConfig

from craftkit.config import config
from craftkit.errors import ConflictError, InvalidRequestError, Issues, NotFoundError
from craftkit.process_cache import process_cache
from craftkit.projects.models import User

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient


def find(email: str) -> User:
    """The user with this address.

    Raises:
        NotFoundError: no user of this stage has this address.
        ConflictError: the user with this address has not verified it.
    """
    client = _cognito()
    try:
        answer = client.admin_get_user(UserPoolId=config.user_pool_id, Username=_normal(email))
    except client.exceptions.UserNotFoundException as error:
        raise NotFoundError("This stage has no user with this email address.") from error
    return _person(answer["UserAttributes"])


def find_or_invite(email: str) -> User:
    """The user with this address. A new user is sent a first password by mail.

    Raises:
        InvalidRequestError: this is not an email address.
        ConflictError: the user with this address has not verified it.
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
            issues=Issues(
                field_errors={"email": ["Enter an email address, such as name@example.com."]}
            )
        ) from error
    return _person(made["User"]["Attributes"])


def _normal(email: str) -> str:
    return email.strip().lower()


def _person(attributes: Any) -> User:
    by_name = {attribute["Name"]: attribute["Value"] for attribute in attributes}
    if by_name.get("email_verified") != "true":
        raise ConflictError(
            "The user with this address has not verified it. They must verify it, or an operator "
            "must, before they can be invited."
        )
    return User(sub=by_name["sub"], email=by_name["email"])


@process_cache
def _cognito() -> "CognitoIdentityProviderClient":
    timeouts = ClientConfig(
        connect_timeout=1, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return boto3.client("cognito-idp", config=timeouts)
