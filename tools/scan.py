"""Scanners for known faults: `python -m tools.scan [audit|validate]`.

They run in parallel. Each rule that is switched off is listed here with its reason.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from craftkit.stages import STAGES
from deployment.stacks import write_templates
from deployment.template import Template, read_template
from deployment.workspace import HOME, ROOT, TOOLS, TaskError, environment

_BIN = TOOLS / "scan" / "bin"
_EXPANDED = HOME / "expanded"
_PLAIN = ("data", "edge", "monitoring")
_BOOTSTRAP = "infrastructure/bootstrap.yaml"
_TEMPLATES = ("template.yaml", _BOOTSTRAP, *(f"infrastructure/{part}.yaml" for part in _PLAIN))

CHECKOV = {
    "CKV_AWS_18": "access to documents goes through signed links; CloudTrail has the rest",
    "CKV_AWS_21": "documents expire, and are written once under an id of their own",
    "CKV_AWS_26": "no alarm can publish to a topic under AWS's own key; it names a metric",
    "CKV_AWS_27": "queues are encrypted by SQS (SqsManagedSseEnabled), which the rule overlooks",
    "CKV_AWS_73": "X-Ray records the URL, and a token of a hook can be in it",
    "CKV_AWS_107": "the execution role makes the stage's secrets; it is CloudFormation's alone",
    "CKV_AWS_109": "the execution role makes the functions' roles, by the stage's name",
    "CKV_AWS_111": "services whose things have no name before they exist; see bootstrap.yaml",
    "CKV_AWS_115": "what is reserved is taken from all others; pools are bounded at their source",
    "CKV_AWS_116": "what is asynchronous has its own queue for what fails; routes are synchronous",
    "CKV_AWS_117": "nothing of a stage lies in a VPC; a function there would need a NAT",
    "CKV_AWS_119": "tables are encrypted by KMS under AWS's key; a key of ours guards nothing more",
    "CKV_AWS_120": "no answer may be cached: a revoked key is refused at the next request",
    "CKV_AWS_149": "secrets are encrypted by KMS under AWS's key; who reads them is said by IAM",
    "CKV_AWS_158": "logs hold ids and outcomes, no secret and no caller's data",
    "CKV_AWS_166": "backups are encrypted by KMS under AWS's key",
    "CKV_AWS_173": "variables are names and addresses; no secret is among them, a test says so",
}
# Findings of parliament by their kind, or by kind and action.
PARLIAMENT = {
    "RESOURCE_STAR": "what AWS names has a condition on its tag instead; a test reads each",
    "MISMATCHED_TYPE_BUT_USABLE": "AWS's examples compare iam:PermissionsBoundary as a string",
    "RESOURCE_POLICY_PRIVILEGE_ESCALATION": "the role writes the policy of its own bucket",
    "INVALID_ARN": "the ARN of SAM's transform has `aws` where others have an account",
    "UNKNOWN_ACTION lambda:GetFunctionScalingConfig": "newer than parliament's list",
    "UNKNOWN_ACTION lambda:PutFunctionScalingConfig": "newer than parliament's list",
    "RESOURCE_MISMATCH dynamodb:ListStreams": "AWS's own policy templates name the stream",
    "RESOURCE_MISMATCH wafv2:AssociateWebACL": "it names the API's stage as well as the ACL",
    "RESOURCE_MISMATCH wafv2:GetWebACLForResource": "it names the API's stage as well as the ACL",
}
CFN_LINT = {
    "W8001": "a stage without gradual deploys has no group that names an alarm",
    "E3724": "its schema of Globals does not know AutoPublishAliasAllProperties; SAM does",
    "W1100": "a build resolves YAML's merges, and nothing is deployed without one",
    "W1101": "a build resolves YAML's aliases, and nothing is deployed without one",
    "ES1001": "queues give up to the queue of their RedrivePolicy; streams have a destination",
    "ES1007": "what a schedule starts is started again by the next",
    "ES4000": "what a schedule starts is started again by the next",
    "ES6000": "these are where others' failures end",
    "WS1000": "what works off a queue is traced where its caller is (docs/decisions/tracing.md)",
    "WS2002": "X-Ray records the URL, and a token of a hook can be in it",
    "WS1004": "all functions of a stage write into one group, which has a retention",
}
BANDIT = {
    "B101": "assertions narrow types where the line before has made sure",
    "B105": "words that only sound like passwords",
    "B106": "words that only sound like passwords",
    "B310": "addresses are our own; foreign ones go through craftkit.network",
    "B311": "jitter between attempts needs no secret randomness",
    "B404": "subprocesses are the sandbox and the tools",
    "B506": "the loader is a SafeLoader",
    "B603": "no shell, and no argument from outside",
    "B606": "no shell, and no argument from outside",
    "B607": "tools are found on the path",
}
ZIZMOR = {
    "self-repository": "actionlint does not know the new form yet",
}
_SOME_ARN = "arn:aws:iam::123456789012:policy/any"
# Guesses by entropy find every hash; these find what has a form. Tests and events make secrets up.
_SECRETS_OFF = ("Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector")
_MADE_UP = r"^(tests|events|docs)/"


def scan() -> None:
    """Run every scanner.

    Raises:
        TaskError: with what each of them found.
    """
    expand()
    checks: tuple[Callable[[], str], ...] = (
        checkov, cfn_lint, documents, policies, bandit, workflows, secrets, audit,
    )  # fmt: skip
    with ThreadPoolExecutor() as pool:
        found = [report for report in pool.map(lambda check: check(), checks) if report]
    if found:
        raise TaskError("\n\n".join(found))


def checkov() -> str:
    done = _run(
        _BIN / "checkov", "--framework", "cloudformation", "--quiet", "--compact",
        "--skip-download", "--skip-check", ",".join(CHECKOV),
        "-f", _EXPANDED / "application.prod.json", *_plain_templates(),
    )  # fmt: skip
    return done.stdout if done.returncode else ""


def cfn_lint() -> str:
    """The templates as they are written, and as CloudFormation gets them in each stage."""
    done = _run(
        _BIN / "cfn-lint", "--append-rules", "cfn_lint_serverless.rules",
        "--ignore-checks", *CFN_LINT,
        "--template", *_TEMPLATES, *_expanded_applications(), *_plain_templates(),
    )  # fmt: skip
    return done.stdout + done.stderr if done.returncode else ""


def policies() -> str:
    """parliament: IAM documents of the bootstrap stack that IAM would refuse, or never match."""
    folder = HOME / "policies"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    bootstrap = Template(read_template(ROOT / _BOOTSTRAP), Stage="prod", Repository="owner/name")
    for number, document in enumerate(_documents(bootstrap.resources)):
        path = folder / f"{number}.json"
        path.write_text(json.dumps(_plain(document), indent=1), encoding="utf-8")
    done = _run(_BIN / "parliament", "--directory", folder, "--json")
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        return done.stdout + done.stderr
    return "\n".join(
        f"parliament: {found['issue']} {found['detail']} in {found['location']}"
        for found in map(json.loads, lines)
        if not _is_accepted(found)
    )


def _is_accepted(found: dict[str, Any]) -> bool:
    if found["issue"] in PARLIAMENT:
        return True
    detail = found["detail"]
    actions = (
        [each["action"] for each in detail]
        if isinstance(detail, list)
        else [str(detail).rpartition(" ")[2]]
    )
    return all(f"{found['issue']} {action}" in PARLIAMENT for action in actions)


def _documents(value: Any) -> Iterator[Any]:
    """Every policy document without a principal, which are those of roles and managed policies."""
    if isinstance(value, dict):
        if "Statement" in value and not any("Principal" in each for each in value["Statement"]):
            yield value
        for each in value.values():
            yield from _documents(each)
    elif isinstance(value, list):
        for each in value:
            yield from _documents(each)


def _plain(value: Any, unknown: str = "*") -> Any:
    """A document with something in place of what only a deployment knows.

    That is `*` for a resource, and an ARN in a condition, where one is compared.
    """
    if isinstance(value, list):
        return [_plain(each, unknown) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
        return unknown
    return {
        key: _plain(each, _SOME_ARN if key == "Condition" else unknown)
        for key, each in value.items()
    }


def documents() -> str:
    """The functions' IAM documents and both API definitions, of every stage."""
    data = _EXPANDED / "infrastructure" / "data.json"
    validate = "tools/validate_documents.py"
    done = _run(_BIN / "python", validate, *_expanded_applications(), data)
    return done.stdout + (done.stderr if done.returncode else "")


def expand() -> None:
    """Write every template as CloudFormation gets it: SAM's transform applied, merges resolved.

    Raises:
        TaskError: SAM refuses the template.
    """
    _EXPANDED.mkdir(parents=True, exist_ok=True)
    for stage in STAGES:
        made = _run(
            TOOLS / "sam" / "bin" / "python", "deployment/expand.py", "template.yaml",
            f"Stage={stage}",
        )  # fmt: skip
        if made.returncode:
            raise TaskError(made.stderr)
        (_EXPANDED / f"application.{stage}.json").write_text(made.stdout, encoding="utf-8")
    write_templates(_EXPANDED)
    bootstrap = json.dumps(read_template(ROOT / _BOOTSTRAP), indent=1)
    (_EXPANDED / "infrastructure" / "bootstrap.json").write_text(bootstrap, encoding="utf-8")


def _expanded_applications() -> list[Path]:
    return [_EXPANDED / f"application.{stage}.json" for stage in STAGES]


def _plain_templates() -> list[Path]:
    return [_EXPANDED / "infrastructure" / f"{part}.json" for part in (*_PLAIN, "bootstrap")]


def bandit() -> str:
    done = _run(
        _BIN / "bandit", "--quiet", "--recursive", "--skip", ",".join(BANDIT),
        "layers", "functions", "cli", "deployment", "local", "tools",
    )  # fmt: skip
    return done.stdout if done.returncode else ""


def workflows() -> str:
    """zizmor: what an attacker could make of a workflow. (Its form is judged in the tests.)"""
    done = _run(_BIN / "zizmor", "--offline", "--quiet", "--format", "json", ".github")
    findings = json.loads(done.stdout or "[]")
    shown = [
        f"zizmor: {found['ident']}: {found['desc']} ({found['url']})"
        for found in findings
        if found["ident"] not in ZIZMOR and not found.get("ignored")
    ]
    return "\n".join(sorted(set(shown)))


def secrets() -> str:
    off = [part for name in _SECRETS_OFF for part in ("--disable-plugin", name)]
    done = _run(_BIN / "detect-secrets", "scan", *off, "--exclude-files", _MADE_UP)
    results = json.loads(done.stdout)["results"]
    return "\n".join(
        f"A secret? {path}:{found['line_number']} {found['type']}"
        for path, each in results.items()
        for found in each
    )


def audit(strict: bool = False) -> str:
    """Known vulnerabilities of what the layers carry.

    Args:
        strict: whether it is a fault that the advisories are out of reach.
    """
    files = sorted((ROOT / "layers").glob("*/requirements.txt"))
    names = [part for path in files for part in ("-r", path)]
    done = _run(_BIN / "pip-audit", "--disable-pip", "--no-deps", "--format", "json", *names)
    try:
        audited = json.loads(done.stdout)["dependencies"]
    except ValueError:
        audited = []
    known = [each for each in audited if "skip_reason" not in each]
    if not known:
        words = "The advisories cannot be reached from here: no dependency was audited."
        if not strict:
            print(f"  {words}", file=sys.stderr)
        return words if strict else ""
    return "\n".join(
        f"{each['name']} {each['version']}: {fault['id']}, mended in {fault['fix_versions']}"
        for each in known
        for fault in each["vulns"]
    )


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    env = environment() | {"LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}
    # Advisories may be on a mirror that only the person's own settings know.
    env |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    return subprocess.run(command, cwd=ROOT, env=env, text=True, capture_output=True)


def validate() -> None:
    """Replace this process by `sam validate --lint`, which is cfn-lint with SAM's own rules."""
    sam = TOOLS / "sam" / "bin" / "sam"
    os.chdir(ROOT)
    os.execve(sam, ["sam", "validate", "--lint", "--template-file", "template.yaml"], environment())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.scan")
    parser.add_argument("check", nargs="?", choices=("audit", "validate"), help="one check alone")
    try:
        match parser.parse_args().check:
            case "audit":
                if report := audit(strict=True):
                    raise TaskError(report)
            case "validate":
                validate()
            case _:
                scan()
    except TaskError as error:
        sys.exit(f"\n{error}")


if __name__ == "__main__":
    main()
