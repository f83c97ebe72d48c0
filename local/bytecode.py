"""Write byte code beside every module of a build: `python -m local.bytecode FOLDER`.

Lambda cannot: /var/task and /opt are read-only there, and what is not compiled here is compiled at
every cold start.
"""

import compileall
import sys
from pathlib import Path
from py_compile import PycInvalidationMode


def main(build: Path) -> bool:
    """Compile each artifact; False from the first whose module has a fault, which is printed."""
    return all(_compile(artifact) for artifact in build.iterdir() if artifact.is_dir())


def _compile(artifact: Path) -> bool:
    """Unchecked, because unpacking a zip gives every source file a new time; named after the place
    where it will lie, for the sake of traces.
    """
    is_layer = (artifact / "python").is_dir()
    return bool(
        compileall.compile_dir(
            artifact,
            quiet=1,
            workers=0 if is_layer else 1,
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
            stripdir=artifact,
            prependdir="/opt" if is_layer else "/var/task",
        )
    )


if __name__ == "__main__":
    sys.exit(0 if main(Path(sys.argv[1])) else 1)
