"""The use cases of trust rules, and the token exchange."""

from contextlib import suppress
from datetime import timedelta

from craftkit.auth.dpop import Proof
from craftkit.clock import utc_now
from craftkit.config import config
from craftkit.dynamodb import ConditionFailedError
from craftkit.errors import ConflictError, InvalidRequestError, Issues, NotFoundError
from craftkit.ids import is_id, new_id
from craftkit.keys import service as keys
from craftkit.keys import tokens as short_lived
from craftkit.observability import count, logger
from craftkit.project_items import require_project
from craftkit.trust import issuers, repository, tokens
from craftkit.trust.errors import (
    InvalidDpopProofError,
    InvalidGrantError,
    InvalidScopeError,
    IssuerTemporarilyUnavailableError,
)
from craftkit.trust.issuers import IssuerUnavailableError
from craftkit.trust.models import (
    RULES_LIMIT,
    IssuedToken,
    NewTrustRule,
    RuleTrial,
    TokenTrial,
    TrustRule,
)
from craftkit.trust.tokens import Claims, TokenRefusedError


def create_rule(
    project_id: str, request: NewTrustRule, *, by: str, rule_id: str | None = None
) -> TrustRule:
    """Create a trust rule.

    Args:
        rule_id: an id chosen by the caller, so that a form that is sent twice creates one rule.

    Raises:
        InvalidRequestError: its issuer cannot be used in this stage.
        NotFoundError: there is no such project.
        ConflictError: the project has 50 active rules already, or is being deleted, or a rule of
            this id exists.
    """
    is_http = not request.issuer.startswith("https://")
    if is_http and not (config.trusts_loopback_issuers and issuers.is_loopback(request.issuer)):
        message = "The issuer must be an https URL."
        raise InvalidRequestError(message, issues=Issues(field_errors={"issuer": [message]}))
    active = [rule for rule in repository.list_rules(project_id) if rule.ended_at is None]
    if len(active) >= RULES_LIMIT:
        raise ConflictError(f"The project has {RULES_LIMIT} active trust rules. End one first.")
    rule = TrustRule(
        id=rule_id or new_id(),
        project_id=project_id,
        **request.model_dump(),
        created_at=utc_now(),
        created_by=by,
    )
    try:
        repository.create_rule(rule)
    except ConditionFailedError as error:
        require_project(project_id)
        raise ConflictError(
            "This rule was already created. Open the list of rules to see it."
        ) from error
    return rule


def list_rules(project_id: str) -> list[TrustRule]:
    """The project's rules, newest first, ended ones included."""
    return repository.list_rules(project_id)[::-1]


def end_rule(rule_id: str, *, by: str, project_id: str | None = None) -> TrustRule:
    """End a rule and revoke every token issued under it. Ending it twice changes nothing more.

    No token can be issued once the rule is marked, and every one issued before is on its list. So
    a call that was interrupted is completed by calling again.

    Args:
        project_id: of the rule, where only a rule of this project may be ended.

    Raises:
        NotFoundError: there is no rule of this id.
    """
    rule = _get_rule(rule_id, project_id)
    if rule.ended_at is None:
        with suppress(ConditionFailedError):  # another request has ended it at the same time
            repository.end_rule(rule, by=by, now=utc_now())
    for key_id in repository.token_ids(rule_id):
        keys.revoke_key(key_id, by=by, reason=f"Trust rule {rule_id} was ended.")
    return _get_rule(rule_id, rule.project_id)


def exchange_token(
    project_id: str,
    subject_token: str,
    *,
    scopes: tuple[str, ...] = (),
    proof: Proof | None = None,
) -> IssuedToken:
    """Exchange a foreign OIDC token for a short-lived key of the project.

    Args:
        scopes: fewer than the rule's; empty means all of the rule's.
        proof: binds the key to the public key that the proof is signed with.

    Raises:
        InvalidDpopProofError: the proof was used already.
        InvalidGrantError: the token is refused, used already, or meets no rule.
        InvalidScopeError: the rule does not give a scope that was asked for.
        IssuerTemporarilyUnavailableError: the issuer's keys cannot be fetched now.
    """
    rules = _active_rules(project_id)
    claims = _verified(subject_token, rules)
    rule = next((rule for rule in rules if not rule.mismatches(claims)), None)
    if rule is None:
        raise InvalidGrantError(
            "No trust rule of this project accepts the token's issuer, audience, subject and "
            "claims. `craftkit trust try` shows why."
        )
    if excess := sorted(set(scopes) - set(rule.scopes)):
        raise InvalidScopeError(f"The trust rule does not give the scope {excess[0]}.")
    if proof is not None:
        _use_proof(proof)
    now = utc_now()
    expires_at = now + min(rule.life, short_lived.LONGEST_LIFE)
    used, used_until = tokens.identity_of(subject_token, claims)
    key_id = new_id()
    try:
        minted = short_lived.issue(
            key_id=key_id,
            project_id=project_id,
            name=rule.name,
            mode=rule.mode,
            scopes=tuple(scope for scope in rule.scopes if not scopes or scope in scopes),
            templates=rule.templates,
            expires_at=expires_at,
            created_by=f"trust#{rule.id}",
            rule_id=rule.id,
            bound_to=proof.thumbprint if proof else None,
            extra_writes=repository.issue_writes(
                rule, key_id=key_id, expires_at=expires_at, used=used, used_until=used_until
            ),
        )
    except ConditionFailedError as error:
        raise InvalidGrantError(
            "The token was exchanged already, or its trust rule was ended. Get a new token from "
            "the issuer for each exchange."
        ) from error
    count("TokenIssued", mode=rule.mode)
    logger.info("token_issued", rule_id=rule.id, issued_key_id=key_id, project_id=project_id)
    return IssuedToken(
        key_id=key_id,
        cleartext=minted.cleartext,
        is_bound=proof is not None,
        scopes=minted.key.scopes,
        expires_at=expires_at,
        expires_in_seconds=int((expires_at - now) / timedelta(seconds=1)),
    )


def try_token(project_id: str, subject_token: str) -> TokenTrial:
    """Say which rule would accept a token, and for each other rule why it does not.

    Nothing is issued, and the token is not used up. Keys are fetched only from issuers that a rule
    names.
    """
    rules = _active_rules(project_id)
    problem, claims = None, None
    try:
        if tokens.issuer_of(subject_token) in {rule.issuer for rule in rules}:
            claims = tokens.verify(subject_token, find_key=issuers.signing_key)
        else:
            problem = "No active rule of this project names the token's issuer."
            claims = tokens.unverified_claims(subject_token)
    except (TokenRefusedError, IssuerUnavailableError) as error:
        problem = str(error)
        claims = tokens.unverified_claims(subject_token)
    trials = [_trial(rule, claims) for rule in rules]
    accepting = next((trial.rule_id for trial in trials if trial.matches), None)
    return TokenTrial(rule_id=None if problem else accepting, problem=problem, rules=trials)


def _trial(rule: TrustRule, claims: Claims) -> RuleTrial:
    reasons = rule.mismatches(claims)
    return RuleTrial(rule_id=rule.id, name=rule.name, matches=not reasons, reasons=reasons)


def _use_proof(proof: Proof) -> None:
    try:
        repository.use_proof(proof.identity, until=proof.valid_until)
    except ConditionFailedError as error:
        raise InvalidDpopProofError(
            "The DPoP proof was used already. Sign a new one for each request."
        ) from error


def _verified(subject_token: str, rules: list[TrustRule]) -> Claims:
    """The token's claims. Keys are fetched only from issuers that a rule names."""
    trusted = {rule.issuer for rule in rules}
    try:
        if tokens.issuer_of(subject_token) not in trusted:
            raise InvalidGrantError(
                "No trust rule of this project accepts the token's issuer. "
                "`craftkit trust list` shows the rules."
            )
        return tokens.verify(subject_token, find_key=issuers.signing_key)
    except TokenRefusedError as error:
        raise InvalidGrantError(str(error)) from error
    except IssuerUnavailableError as error:
        logger.warning("issuer_unavailable", reason=str(error))
        raise IssuerTemporarilyUnavailableError from error


def _active_rules(project_id: str) -> list[TrustRule]:
    rules = repository.list_rules(project_id) if is_id(project_id) else []
    return [rule for rule in rules if rule.ended_at is None]


def _get_rule(rule_id: str, project_id: str | None) -> TrustRule:
    if project_id is not None:
        rule = repository.get_rule_of(project_id, rule_id)
    else:
        rule = repository.get_rule(rule_id)
    if rule is None:
        raise NotFoundError("There is no trust rule of this id.")
    return rule
