"""Static analysis and security scanners: `python -m tools.scan [audit|validate]`.

The scanners run in parallel. Each disabled rule is listed here with the reason.
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
    "CKV_AWS_18": "documents are read through signed URLs; CloudTrail records other access",
    "CKV_AWS_21": "objects expire, and each is written once under a unique id",
    "CKV_AWS_26": "alarms cannot publish to a topic encrypted with the AWS managed key",
    "CKV_AWS_27": "queues use SqsManagedSseEnabled, which the rule does not recognize",
    "CKV_AWS_73": "X-Ray records the URL, which can contain a hook's token",
    "CKV_AWS_107": "the execution role, which only CloudFormation assumes, creates the secrets",
    "CKV_AWS_109": "the execution role creates the functions' roles, limited by name",
    "CKV_AWS_111": "resources with generated names; bootstrap.yaml limits them by tag",
    "CKV_AWS_115": "reserved concurrency is taken from other functions; only pools have it",
    "CKV_AWS_116": "asynchronous functions have failure queues; routes are synchronous",
    "CKV_AWS_117": "no resource is in a VPC; functions in one would need a NAT gateway",
    "CKV_AWS_119": "tables use the AWS managed KMS key; IAM controls access",
    "CKV_AWS_120": "responses must not be cached: a revoked key is refused at the next request",
    "CKV_AWS_149": "secrets use the AWS managed KMS key; IAM controls access",
    "CKV_AWS_158": "logs contain ids and results, no secrets and no caller's data",
    "CKV_AWS_166": "backups use the AWS managed KMS key",
    "CKV_AWS_173": "variables are names and URLs; a test checks that none is a secret",
}
# Accepted findings of parliament, by issue or by issue and action.
PARLIAMENT = {
    "RESOURCE_STAR": "generated names have a condition on their tag; a test checks each",
    "MISMATCHED_TYPE_BUT_USABLE": "AWS's examples compare iam:PermissionsBoundary as a string",
    "RESOURCE_POLICY_PRIVILEGE_ESCALATION": "the role writes the policy of its own bucket",
    "INVALID_ARN": "the ARN of SAM's transform has `aws` as its account",
    "UNKNOWN_ACTION lambda:GetFunctionScalingConfig": "newer than parliament's list",
    "UNKNOWN_ACTION lambda:PutFunctionScalingConfig": "newer than parliament's list",
    "RESOURCE_MISMATCH dynamodb:ListStreams": "AWS's policy templates use the stream's ARN",
    "RESOURCE_MISMATCH wafv2:AssociateWebACL": "needs the API stage's ARN and the ACL's",
    "RESOURCE_MISMATCH wafv2:GetWebACLForResource": "needs the API stage's ARN and the ACL's",
}
CFN_LINT = {
    "W8001": "stages without gradual deployments have no deployment group with alarms",
    "E3724": "cfn-lint's schema of Globals lacks AutoPublishAliasAllProperties",
    "W1100": "the build resolves YAML merge keys before the deployment",
    "W1101": "the build resolves YAML aliases before the deployment",
    "ES1001": "queues have a RedrivePolicy; streams have a failure destination",
    "ES1007": "a scheduled function runs again with the next event",
    "ES4000": "a scheduled function runs again with the next event",
    "ES6000": "these queues are the failure queues",
    "WS1000": "queue consumers use PassThrough (docs/decisions/tracing.md)",
    "WS2002": "X-Ray records the URL, which can contain a hook's token",
    "WS1004": "all functions of a stage share one log group with a retention",
}
BANDIT = {
    "B101": "assertions narrow types after a check",
    "B105": "false positives: names that contain `password` or `token`",
    "B106": "false positives: names that contain `password` or `token`",
    "B310": "URLs are the project's own; callers' URLs go through craftkit.network",
    "B311": "jitter of retries needs no cryptographic randomness",
    "B404": "subprocesses are used for the sandbox and the tools",
    "B405": "an import; calls that parse XML are checked by B313 to B320",
    "B406": "an import; calls that parse XML are checked by B313 to B320",
    "B506": "the loader is a SafeLoader",
    "B603": "no shell, and no external input in arguments",
    "B606": "no shell, and no external input in arguments",
    "B607": "tools are looked up in PATH",
}
ZIZMOR = {
    "self-repository": "actionlint does not support the new syntax yet",
}
_SOME_ARN = "arn:aws:iam::123456789012:policy/any"
# Entropy detectors report every hash, so only detectors of known formats are used. Tests, events
# and docs contain invented secrets.
_SECRETS_OFF = ("Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector")
_MADE_UP = r"^(tests|events|docs)/"


def scan() -> None:
    """Run every scanner.

    Raises:
        TaskError: with the findings of all scanners.
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
    """Check the source templates, and the expanded templates of each stage."""
    done = _run(
        _BIN / "cfn-lint", "--append-rules", "cfn_lint_serverless.rules",
        "--ignore-checks", *CFN_LINT,
        "--template", *_TEMPLATES, *_expanded_applications(), *_plain_templates(),
    )  # fmt: skip
    return done.stdout + done.stderr if done.returncode else ""


def policies() -> str:
    """parliament: invalid IAM policies of the bootstrap stack, and statements that never match."""
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
    """Every policy document without a principal: those of roles and managed policies."""
    if isinstance(value, dict):
        if "Statement" in value and not any("Principal" in each for each in value["Statement"]):
            yield value
        for each in value.values():
            yield from _documents(each)
    elif isinstance(value, list):
        for each in value:
            yield from _documents(each)


def _plain(value: Any, unknown: str = "*") -> Any:
    """A document with intrinsic functions replaced: `*` in resources, an ARN in conditions."""
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
    """Validate the functions' IAM policies and both API definitions of every stage."""
    data = _EXPANDED / "infrastructure" / "data.json"
    validate = "tools/validate_documents.py"
    done = _run(_BIN / "python", validate, *_expanded_applications(), data)
    return done.stdout + (done.stderr if done.returncode else "")


def expand() -> None:
    """Write every expanded template: SAM's transform applied, YAML merges resolved.

    Raises:
        TaskError: SAM rejects the template.
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
    """zizmor: security problems of the GitHub workflows. Tests run actionlint on their syntax."""
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
        f"Possible secret: {path}:{found['line_number']} {found['type']}"
        for path, each in results.items()
        for found in each
    )


def audit(strict: bool = False) -> str:
    """Known vulnerabilities of the layers' dependencies.

    Args:
        strict: whether to fail if the advisories cannot be reached.
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
        words = "The advisories cannot be reached: no dependency was audited."
        if not strict:
            print(f"  {words}", file=sys.stderr)
        return words if strict else ""
    return "\n".join(
        f"{each['name']} {each['version']}: {fault['id']}, fixed in {fault['fix_versions']}"
        for each in known
        for fault in each["vulns"]
    )


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    env = environment() | {"LOG_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore"}
    # Advisories can be on a mirror that is set in the user's environment.
    env |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    return subprocess.run(command, cwd=ROOT, env=env, text=True, capture_output=True)


def validate() -> None:
    """Replace this process with `sam validate --lint`: cfn-lint with SAM's rules."""
    sam = TOOLS / "sam" / "bin" / "sam"
    os.chdir(ROOT)
    os.execve(sam, ["sam", "validate", "--lint", "--template-file", "template.yaml"], environment())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.scan")
    parser.add_argument(
        "check", nargs="?", choices=("audit", "validate"), help="run only this check"
    )
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
