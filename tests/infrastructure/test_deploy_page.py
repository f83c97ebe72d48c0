"""The commands of docs/deploy.md exist and accept their arguments.

tests/e2e (test_release, test_local_stack) runs them; statements that need an AWS account are
compared with the templates and workflows.
"""

import re
import shlex

import pytest

from craftkit_cli.main import parser
from deployment.account import QUOTA_CODE
from deployment.deploy import of_environment
from deployment.template import read_template
from testkit.template import ROOT, Part, template
from tests.infrastructure.test_workflows import WORKFLOWS, targets

PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
BOOTSTRAP = read_template(ROOT / "infrastructure" / "bootstrap.yaml")
VARIABLES = (
    "PUBLIC_URL",
    "PAGES_URL",
    "EMBED_URL",
    "CERTIFICATE_ARN",
    "ALARM_EMAIL",
    "MAIL_SENDER",
)


def those(start: str) -> list[str]:
    found = [command for command in COMMANDS if command.startswith(start)]
    assert found, start
    return found


def test_every_command_of_the_page_is_of_a_tested_kind() -> None:
    kinds = ("make ", "aws ", ".venv/bin/craftkit ", "export ")
    assert not [command for command in COMMANDS if not command.startswith(kinds)]


def test_every_make_target_exists_and_its_variables_are_read() -> None:
    known = targets()
    for command in those("make "):
        _, target, *variables = shlex.split(command)
        assert target in known, command
        for variable in variables:
            assert variable.partition("=")[0] in {"STAGE", "REPOSITORY", *VARIABLES}, command
    for mentioned in re.findall(r"`make ([a-z-]+)`", PAGE):
        assert mentioned in known, mentioned


def test_environment_variables_become_template_parameters() -> None:
    parameters = of_environment(dict.fromkeys(VARIABLES, "x"))
    assert len(parameters) == len(VARIABLES)
    declared = {name for part in Part for name in template(part=part).document["Parameters"]}
    assert set(parameters) <= declared


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(".venv/bin/craftkit")])
def test_every_craftkit_command_exists(command: str) -> None:
    arguments = parser().parse_args(shlex.split(command)[1:])
    assert arguments.stage == "prod"
    for file in re.findall(r"(?:--manifest|--source) (\S+)", command):
        assert (ROOT / file).is_file(), file


def test_the_bootstrap_prepares_a_stage_of_the_template() -> None:
    (command,) = those("make bootstrap")
    given = dict(word.split("=", 1) for word in shlex.split(command) if "=" in word)
    assert set(given) == {"STAGE", "REPOSITORY"}
    assert given["STAGE"] in BOOTSTRAP["Parameters"]["Stage"]["AllowedValues"]
    assert re.fullmatch(
        BOOTSTRAP["Parameters"]["Repository"]["AllowedPattern"], given["REPOSITORY"]
    )


def test_the_region_is_set_for_every_tool() -> None:
    """boto3 and SAM read AWS_DEFAULT_REGION, the AWS CLI and GitHub's action AWS_REGION."""
    (command,) = those("export")
    given = dict(word.split("=", 1) for word in shlex.split(command)[1:])
    assert given["AWS_REGION"] == given["AWS_DEFAULT_REGION"]


def test_the_quota_is_requested_with_its_code() -> None:
    (command,) = those("aws service-quotas")
    assert QUOTA_CODE in command


def test_the_variables_of_an_environment_are_those_that_the_pipeline_reads() -> None:
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text(encoding="utf-8")
    read = set(re.findall(r"vars\.(\w+)", text)) - {"HAS_ATTESTATIONS"}
    rows = re.findall(r"^\| (`[^|]+`) \|", PAGE, re.MULTILINE)
    said = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert said == read


def test_every_named_output_exists() -> None:
    outputs = set(BOOTSTRAP["Outputs"])
    for part in Part:
        outputs |= set(template(part=part).document.get("Outputs", {}))
    named = re.findall(r"the outputs? `(\w+)`(?:, `(\w+)`)?(?: and `(\w+)`)?", PAGE, re.IGNORECASE)
    mentioned = {name for pair in named for name in pair if name}
    targets = {"ApiDomainTarget", "PagesDomainTarget", "EmbedDomainTarget"}
    addresses = {"PublicUrl", "DashboardUrl", "EmbedUrl"}
    assert mentioned == {*addresses, "DeployRoleArn", *targets}
    assert mentioned <= outputs


def test_environments_are_named_like_the_stages_of_the_release() -> None:
    stages = [
        job["with"]["stage"] for job in WORKFLOWS["release.yml"]["jobs"].values() if "with" in job
    ]
    assert stages == ["dev", "staging", "prod"]
    assert "`dev`, `staging` and `prod`" in PAGE


def test_every_named_page_and_file_exists() -> None:
    for link in re.findall(r"\]\((?!https://)(\S+?)(?:#\S+)?\)", PAGE):
        assert (ROOT / "docs" / link).is_file(), link
    for path in re.findall(r"`((?:docs|infrastructure)/[\w./-]+)`", PAGE):
        assert (ROOT / path).is_file(), path


def test_backup_periods_of_the_page_match_the_template() -> None:
    assert "35 days" in PAGE
    assert "a week" in PAGE
    (vault,) = template("prod", Part.DATA).of_type("AWS::Backup::BackupVault").values()
    # Governance mode: without ChangeableForDays the lock can be removed, as the page says.
    assert vault["LockConfiguration"] == {"MinRetentionDays": 7}
    assert "governance mode" in PAGE
    assert vault["BackupVaultName"] == "craftkit-prod"


def test_the_page_lists_all_retained_resources() -> None:
    words = {
        "AWS::DynamoDB::Table": "the tables",
        "AWS::S3::Bucket": "the bucket",
        "AWS::Cognito::UserPool": "the user pool",
        "AWS::KMS::Key": "the vault's key",
        "AWS::Backup::BackupVault": "the backup vault",
    }
    resources = template("prod", Part.DATA).document["Resources"].values()
    stays = {each["Type"] for each in resources if "Retain" in each.get("DeletionPolicy", "")}
    assert stays == set(words)
    (said,) = [line for line in PAGE.splitlines() if line.startswith("Resources with data stay")]
    assert [word for word in words.values() if word not in said] == []
