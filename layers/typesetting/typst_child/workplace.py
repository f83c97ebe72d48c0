"""A template's folder, the only one that it can read, and the compiler that has loaded it.

Both are kept for the template's next job, which then only needs a compilation. The files of a job
(data, images) are deleted after the job.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import typst

_CACHE_SIZE = 32

# The author's source is a separate file, so that its line numbers stay correct in messages.
_MAIN = b"""\
#import "/craftkit.typ": defaults
#show: defaults
#include "/template.typ"
"""


class Workplace:
    """A folder and a compiler.

    Data is passed as a file, not through `sys.inputs`: Typst reuses results with unchanged inputs,
    and every result depends on `sys.inputs`.
    """

    def __init__(self, root: str, files: dict[str, bytes], fonts: typst.Fonts) -> None:
        self._root = root
        self._locale = b""
        for folder in ("craftkit", "images"):
            os.makedirs(f"{root}/{folder}")  # noqa: PTH103 pathlib is slow to import
        for name, content in files.items():
            self.write(name, content)
        self._compiler = typst.Compiler(
            f"{root}/main.typ",
            root=root,
            font_paths=fonts,
            ignore_system_fonts=True,
            # Empty folders: Typst finds no packages here, and the child has no network.
            package_path=f"{root}/packages",
            package_cache_path=f"{root}/packages",
        )

    def write(self, name: str, content: bytes) -> None:
        with open(f"{self._root}/{name}", "wb") as file:  # noqa: PTH123
            file.write(content)

    @contextmanager
    def shared(
        self, locale: bytes, files: dict[str, bytes], images: Sequence[bytes]
    ) -> Iterator[typst.Compiler]:
        """Write the files of a job, yield the compiler, and delete the files."""
        if locale != self._locale:
            self.write("craftkit/locale.json", locale)
            self._locale = locale
        files = {f"craftkit/{name}": content for name, content in files.items()}
        files |= {f"images/{index}": image for index, image in enumerate(images)}
        try:
            for name, content in files.items():
                self.write(name, content)
            yield self._compiler
        finally:
            for name in (*files, "craftkit/codes.json"):
                with suppress(FileNotFoundError):
                    os.unlink(f"{self._root}/{name}")  # noqa: PTH108

    def close(self) -> None:
        import shutil  # imports every compression module

        shutil.rmtree(self._root, ignore_errors=True)


class Workplaces:
    """A cache of workplaces: the least recently used one is deleted.

    Args:
        folder: an empty folder that only this process uses.
        modules: the files that templates import, by name.
        font_folders: the folders of the fonts that every template has.
    """

    def __init__(self, folder: str, modules: dict[str, bytes], font_folders: Sequence[str]) -> None:
        self._folder = folder
        self._modules = modules
        self._font_folders = list(font_folders)
        self.fonts = typst.Fonts(include_system_fonts=False, font_paths=self._font_folders)
        self._cached: OrderedDict[tuple[bytes, ...], Workplace] = OrderedDict()
        self._created = 0

    def of(self, source: bytes, fonts: Sequence[bytes]) -> Workplace:
        key = (source, *fonts)
        if key not in self._cached:
            self._cached[key] = self._create(source, fonts)
            if len(self._cached) > _CACHE_SIZE:
                self._cached.popitem(last=False)[1].close()
        self._cached.move_to_end(key)
        return self._cached[key]

    def _create(self, source: bytes, fonts: Sequence[bytes]) -> Workplace:
        self._created += 1
        root = f"{self._folder}/{self._created}"
        files = {"main.typ": _MAIN, **self._modules, "template.typ": source}
        if not fonts:
            return Workplace(root, files, self.fonts)
        os.makedirs(f"{root}/fonts")  # noqa: PTH103
        for index, font in enumerate(fonts):
            with open(f"{root}/fonts/{index}.otf", "wb") as file:  # noqa: PTH123
                file.write(font)
        all_fonts = [f"{root}/fonts", *self._font_folders]
        found = typst.Fonts(include_system_fonts=False, font_paths=all_fonts)
        return Workplace(root, files, found)
