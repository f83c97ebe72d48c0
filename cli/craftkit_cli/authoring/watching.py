"""Reports changes of a folder's files: as the system reports them, or by reading their times."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from threading import Event

from craftkit_cli.authoring.folder import is_of_template

_DEBOUNCE_MILLISECONDS = 40
_STEP_MILLISECONDS = 10
_SCAN_SECONDS = 0.25


def changes(folder: Path, stopped: Event, *, force_polling: bool | None = None) -> Iterator[object]:
    """One item for each change of a file of the template, until `stopped`."""
    root = folder.resolve()

    def counts(name: str) -> bool:
        return is_of_template(Path(name).relative_to(root))

    if find_spec("watchfiles"):
        yield from _reported(folder, stopped, counts, force_polling)
    else:
        yield from _scanned(root, stopped, counts)


def _reported(
    folder: Path, stopped: Event, counts: Callable[[str], bool], force_polling: bool | None
) -> Iterator[object]:
    from watchfiles import watch

    yield from watch(
        folder,
        watch_filter=lambda _, name: counts(name),
        debounce=_DEBOUNCE_MILLISECONDS,
        step=_STEP_MILLISECONDS,
        stop_event=stopped,
        rust_timeout=500,
        force_polling=force_polling,
        raise_interrupt=False,
    )


def _scanned(root: Path, stopped: Event, counts: Callable[[str], bool]) -> Iterator[object]:
    def times() -> dict[Path, int]:
        found: dict[Path, int] = {}
        for file in root.rglob("*"):
            try:
                if counts(str(file)) and file.is_file():
                    found[file] = file.stat().st_mtime_ns
            except FileNotFoundError:  # deleted meanwhile
                continue
        return found

    before = times()
    while not stopped.wait(_SCAN_SECONDS):
        now = times()
        if now != before:
            before = now
            yield now
