"""API keys: created, shown once, revoked, diagnosed."""

import re
from datetime import timedelta

import pytest

from craftkit.auth import api_key
from craftkit.clock import utc_now
from craftkit.keys import service as keys
from craftkit.keys.models import NewKey
from craftkit.projects import service as projects
from craftkit.projects.models import Project
from testkit.clock import FrozenClock
from testkit.cloud import Cloud
from testkit.visitor import Visitor, newer, older

KEY = re.compile(api_key.PATTERN)
FORM = {"name": "billing service", "mode": "test", "scopes": ["renders:write", "renders:read"]}


def path(project: Project, rest: str = "") -> str:
    return f"/dashboard/projects/{project.id}/keys{rest}"


def created(visitor: Visitor, project: Project, **form: object) -> str:
    """The cleartext of a key created with the form."""
    page = visitor.follow(visitor.post(path(project), FORM | form))
    found = KEY.search(page.text)
    assert found, page.words
    return found[0]


def test_list_keys__without_keys_explains_the_first_step(ada: Visitor, project: Project) -> None:
    page = ada.get(path(project))
    assert page.status == 200
    assert "No API keys yet" in page.words
    assert path(project, "/new") in page.text


def test_create_key__shows_the_key_in_three_quick_starts(ada: Visitor, project: Project) -> None:
    page = ada.follow(ada.post(path(project), FORM))
    (cleartext,) = {match[0] for match in KEY.finditer(page.text)}
    assert page.text.count(cleartext) == 4  # the key itself, curl, Node.js, Python
    (kept,) = keys.list_keys(project.id)[0]
    assert kept.secrets[0].hash == api_key.hash_of(cleartext)
    assert kept.scopes == ("renders:write", "renders:read")


def test_create_key__the_back_button_never_shows_it_again(ada: Visitor, project: Project) -> None:
    answer = ada.post(path(project), FORM)
    first = ada.follow(answer)
    assert KEY.search(first.text)
    assert first.headers["Cache-Control"] == "no-store"
    again = ada.get(answer.location)
    assert again.status == 303
    assert not KEY.search(ada.follow(again).text)
    assert not KEY.search(ada.get(path(project)).text)


def test_create_key__can_be_limited_to_networks(ada: Visitor, project: Project) -> None:
    created(ada, project, networks="203.0.113.0/24, 2001:db8::/32")
    (kept,) = keys.list_keys(project.id)[0]
    assert kept.networks == ("2001:db8::/32", "203.0.113.0/24")
    page = ada.post(path(project), FORM | {"networks": "203.0.113.7/24"})
    assert page.status == 422
    assert "A network is a CIDR range without host bits" in page.words
    assert 'value="203.0.113.7/24"' in page.text
    assert len(keys.list_keys(project.id)[0]) == 1


def test_show_key__proposes_the_networks_of_the_last_thirty_days(
    ada: Visitor, project: Project, cloud: Cloud
) -> None:
    created(ada, project)
    (key,) = keys.list_keys(project.id)[0]
    table = cloud.table("KeyActivityTable")
    for days_ago, network in ((1, "203.0.113.0/24"), (40, "192.0.2.0/24")):
        day = utc_now() - timedelta(days=days_ago)
        row = {"requests": 3, "renders": 0, "networks": {network}}
        table.put_item(Item={"key_id": key.id, "secret_day": f"{key.prefix}#{day:%Y-%m-%d}", **row})
    page = ada.get(path(project, f"/{key.id}"))
    assert "203.0.113.0/24" in page.words
    assert "192.0.2.0/24" not in page.words
    form = ada.get(path(project, "/new?networks=203.0.113.0%2F24"))
    assert "/new?networks=203.0.113.0/24" in page.text
    assert 'value="203.0.113.0/24"' in form.text


@pytest.mark.parametrize("name", ["x", "n" * 120, "  padded  ", "名前 🔑 <b>"])
def test_create_key__takes_a_name_of_1_to_120_characters(
    ada: Visitor, project: Project, name: str
) -> None:
    created(ada, project, name=name)
    assert keys.list_keys(project.id)[0][0].name == name.strip()


@pytest.mark.parametrize("name", ["", "   ", "n" * 121])
def test_create_key__other_names_have_an_error_at_the_field(
    ada: Visitor, project: Project, name: str
) -> None:
    page = ada.post(path(project), FORM | {"name": name})
    assert page.status == 422
    assert 'id="name-problem"' in page.text
    assert keys.list_keys(project.id)[0] == []


def test_create_key__an_unknown_scope_is_refused(ada: Visitor, project: Project) -> None:
    assert ada.post(path(project), FORM | {"scopes": ["keys:write"]}).status == 422
    assert ada.post(path(project), FORM | {"mode": "free"}).status == 422


def test_revoke_key__needs_a_reason_and_confirms_the_revocation(
    ada: Visitor, project: Project
) -> None:
    created(ada, project)
    (key,) = keys.list_keys(project.id)[0]
    page = ada.get(path(project))
    assert f'action="{path(project, f"/{key.id}/revoke")}"' in page.text
    after = ada.follow(ada.post(path(project, f"/{key.id}/revoke"), {"reason": "leaked"}))
    assert "is revoked" in after.words
    (revoked,) = keys.list_keys(project.id)[0]
    assert revoked.revoked_at is not None
    assert revoked.revoked_reason == "leaked"


def test_diagnose__reports_the_reason_and_does_not_repeat_the_key(
    ada: Visitor, project: Project
) -> None:
    cleartext = created(ada, project)
    diagnosis = ada.post(path(project, "/diagnose"), {"key": f" {cleartext} "})
    assert "This key is good" in diagnosis.words
    assert cleartext not in diagnosis.text
    foreign = api_key.mint("live", "prod")
    assert "created in prod" in ada.post(path(project, "/diagnose"), {"key": foreign}).words
    assert "not an API key" in ada.post(path(project, "/diagnose"), {"key": "hunter2"}).words


def test_diagnose__does_not_reveal_another_projects_key(
    ada: Visitor, project: Project, cloud: Cloud
) -> None:
    other = projects.create_project("Other", by="somebody")
    minted = keys.create_key(other.id, NewKey(name="Theirs", mode="live"), by="somebody")
    page = ada.post(path(project, "/diagnose"), {"key": minted.cleartext})
    assert "another project" in page.words
    assert minted.key.id not in page.text


def test_list_keys__many_keys_are_split_into_pages(ada: Visitor, project: Project) -> None:
    for number in range(27):
        keys.create_key(project.id, NewKey(name=f"key {number:02}", mode="test"), by="x")
    first = ada.get(path(project))
    assert "key 26" in first.words
    assert "key 01" not in first.words
    second = ada.get(older(first))
    assert "key 01" in second.words
    assert "Newest" in second.words
    assert "key 26" in ada.get(newer(second)).words


def test_create_key__a_double_click_creates_one_key(ada: Visitor, project: Project) -> None:
    form = ada.get(path(project, "/new"))
    once = re.search(r'name="once" value="([^"]*)"', form.text)
    assert once
    first, second = (ada.post(path(project), FORM | {"once": once[1]}) for _ in range(2))
    assert first.location == second.location
    assert len(keys.list_keys(project.id)[0]) == 1
    # The browser shows the answer to the second, with the cookie that came with the first.
    shown = KEY.search(ada.follow(second).text)
    assert shown
    assert api_key.hash_of(shown[0]) == keys.list_keys(project.id)[0][0].secrets[0].hash


def test_create_key__an_id_of_another_projects_key_is_not_revealed(
    ada: Visitor, project: Project
) -> None:
    other = projects.create_project("Other", by="somebody")
    theirs = keys.create_key(other.id, NewKey(name="Theirs", mode="live"), by="somebody").key
    page = ada.follow(ada.post(path(project), FORM | {"once": theirs.id}))
    assert page.status == 404
    assert keys.get_key(theirs.id) == theirs


def test_rotate_key__shows_the_new_secret_once_and_both_secrets_use(
    ada: Visitor, project: Project
) -> None:
    old = created(ada, project)
    (key,) = keys.list_keys(project.id)[0]
    answer = ada.post(path(project, f"/{key.id}/rotate"), {"grace": "24"})
    new = KEY.search(ada.follow(answer).text)
    assert new
    assert new[0] != old
    page = ada.get(path(project, f"/{key.id}"))
    assert new[0][:13] in page.text
    assert old[:13] in page.text
    assert "has not been used yet" in page.words
    ada.post(path(project, f"/{key.id}/end-rotation"))
    assert "Rotating" not in ada.get(path(project, f"/{key.id}")).words


def test_revoke_key__can_be_undone_for_an_hour(
    clock: FrozenClock, ada: Visitor, project: Project
) -> None:
    created(ada, project)
    (key,) = keys.list_keys(project.id)[0]
    ada.post(path(project, f"/{key.id}/revoke"))
    assert "Undo the revocation" in ada.get(path(project, f"/{key.id}")).words
    ada.post(path(project, f"/{key.id}/restore"))
    assert keys.get_key(key.id).revoked_at is None
    ada.post(path(project, f"/{key.id}/revoke"))
    clock.advance(minutes=61)
    assert "Undo the revocation" not in ada.get(path(project, f"/{key.id}")).words
    assert ada.post(path(project, f"/{key.id}/restore")).status == 409


def test_limit_key__shows_the_used_share(ada: Visitor, project: Project) -> None:
    created(ada, project)
    (key,) = keys.list_keys(project.id)[0]
    limits = {"renders_per_day": "100", "rate": "10/s", "burst": "20"}
    page = ada.follow(ada.post(path(project, f"/{key.id}/limits"), limits))
    assert "0 of 100 renders" in page.words
    assert "10/s, burst 20" in page.words
    page = ada.follow(ada.post(path(project, f"/{key.id}/limits"), {}))
    assert "No limits." in page.words
    for wrong in ({"renders_per_day": "-1"}, {"renders_per_day": "many"}, {"rate": "fast"}):
        assert ada.post(path(project, f"/{key.id}/limits"), wrong).status == 400


def test_rename_key__keeps_its_secret_and_tells_the_audit(ada: Visitor, project: Project) -> None:
    minted = keys.create_key(project.id, NewKey(name="Old", mode="test"), by="x")
    here = path(project, f"/{minted.key.id}")
    page = ada.follow(ada.post(f"{here}/name", {"name": "Web shop"}))
    assert "The key is called Web shop now" in page.words
    assert keys.diagnose(minted.cleartext).outcome == "fine"
    audit = ada.get(f"/dashboard/projects/{project.id}/audit?action=key.renamed")
    assert "name: Web shop, was: Old" in audit.words
    for name in ("", "x" * 121):
        assert ada.post(f"{here}/name", {"name": name}).status == 400
    assert keys.get_key(minted.key.id).name == "Web shop"


def test_rename_key__of_another_project_is_404(ada: Visitor, project: Project) -> None:
    other = projects.create_project("Other", by="somebody")
    theirs = keys.create_key(other.id, NewKey(name="Theirs", mode="test"), by="x").key
    assert ada.post(path(project, f"/{theirs.id}/name"), {"name": "Mine"}).status == 404
    assert keys.get_key(theirs.id).name == "Theirs"
