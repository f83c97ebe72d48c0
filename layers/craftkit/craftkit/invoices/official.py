"""The official rules, through the validation function, with each broken rule at its data path."""

import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from zlib import compress

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from craftkit.config import config
from craftkit.errors import InvalidInvoiceError, ValidatorUnavailableError
from craftkit.invoices.models import ElectronicInvoice, Faults
from craftkit.invoices.terms import TERMS
from craftkit.observability import logger
from craftkit.process_cache import process_cache

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_TERM = re.compile(r"\(?(BT-\d+)\b")


def check_officially(invoice: ElectronicInvoice) -> None:
    """Refuse an invoice that breaks a rule of its standard.

    Raises:
        InvalidInvoiceError: issues by data path, each with its rule.
        ValidatorUnavailableError: the rules cannot be checked at present.

    A function without the variable VALIDATE_FUNCTION does not check them.
    """
    if config.validate_function is None:
        return
    faults = Faults()
    for failure in failures_of(config.validate_function, invoice.xml):
        path = path_of(invoice, failure["path"], failure["message"])
        faults.add(path, failure["rule"], failure["message"])
    if faults.issues:
        raise InvalidInvoiceError(issues=faults.issues)


def path_of(invoice: ElectronicInvoice, xpath: str, message: str) -> str:
    """The data path of a broken rule: of the element itself, else of the first term that the
    message names, else of the item around it."""
    if xpath in invoice.places:
        return invoice.places[xpath]
    around = xpath
    while around and around not in invoice.scopes:
        around = around.rpartition("/")[0]
    scope = invoice.scopes.get(around)
    if scope is None:
        return ""
    for number in _TERM.findall(message):
        if number in TERMS and scope.paths.get(number):
            return scope.paths[number]
    inside = [path for place, path in invoice.places.items() if place.startswith(f"{xpath}/")]
    return scope.path or (inside[0] if len(inside) == 1 else "")


def failures_of(function: str, xml: bytes) -> list[dict[str, Any]]:
    """What the function reports: rule, path and message of each failure."""
    payload = json.dumps({"invoice": b64encode(compress(xml)).decode()}).encode()
    try:
        response = _client().invoke(FunctionName=function, Payload=payload)
        content = response["Payload"].read()
    except (BotoCoreError, ClientError) as error:
        logger.warning("invoice not validated", extra={"reason": type(error).__name__})
        raise ValidatorUnavailableError from error
    if "FunctionError" in response:
        logger.error("the validation function failed: see its log")
        raise ValidatorUnavailableError
    failures: list[dict[str, Any]] = json.loads(content)["failures"]
    return failures


@process_cache
def _client() -> "LambdaClient":
    # A cold start compiles the rules, which takes seconds.
    waiting = ClientConfig(
        connect_timeout=1, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return boto3.client("lambda", config=waiting)
