"""The projects that this machine is logged in to, in a file that only the user can read."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from craftkit.errors import CraftkitError


class NotLoggedInError(CraftkitError):
    """This machine is not logged in to the project."""

    code = "not_logged_in"
    status = 404


@dataclass(frozen=True)
class Login:
    """A key of one project. `expires_at` is RFC 3339."""

    project_id: str
    project_name: str
    mode: str
    key: str
    key_id: str
    api_url: str
    expires_at: str

    @property
    def is_expired(self) -> bool:
        return datetime.fromisoformat(self.expires_at) <= datetime.now(UTC)


@dataclass(frozen=True)
class Logins:
    """All logins by the project's id, and the project that commands use."""

    default: str | None
    by_project: dict[str, Login]

    def chosen(self, project: str | None) -> Login | None:
        """The login of a project; without one, of the default project."""
        return self.by_project.get(project or self.default or "")


def read() -> Logins:
    """The logins of this machine; none where there is no file."""
    try:
        content = json.loads(_file().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Logins(None, {})
    logins = [Login(**each) for each in content["logins"]]
    return Logins(content["default"], {each.project_id: each for each in logins})


def add(login: Login) -> None:
    """Keep a login, in place of an older one of its project, as the default."""
    _write(Logins(login.project_id, {**read().by_project, login.project_id: login}))


def use(project: str) -> None:
    """Make a project the default.

    Raises:
        NotLoggedInError: this machine is not logged in to it.
    """
    known = read()
    _require(known, project)
    _write(Logins(project, known.by_project))


def remove(project: str | None) -> Login:
    """Forget the login of a project, or of the default project.

    Raises:
        NotLoggedInError: this machine is not logged in to it.
    """
    known = read()
    login = _require(known, project or known.default)
    left = {id_: each for id_, each in known.by_project.items() if id_ != login.project_id}
    is_default = known.default == login.project_id
    _write(Logins(next(iter(left), None) if is_default else known.default, left))
    return login


def _require(known: Logins, project: str | None) -> Login:
    found = known.by_project.get(project or "")
    if found is None:
        what = f"the project {project}" if project else "any project"
        raise NotLoggedInError(
            f"This machine is not logged in to {what}. Run `craftkit login`; "
            "`craftkit projects list` shows the projects."
        )
    return found


def _file() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "craftkit" / "logins.json"


def _write(logins: Logins) -> None:
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = {
        "default": logins.default,
        "logins": [asdict(each) for each in logins.by_project.values()],
    }
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    new.replace(file)
