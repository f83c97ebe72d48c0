"""Where a template is set: a folder that is all it can see, and the compiler that has read it.

Both stay for the template's next job, which then costs no more than the compilation. What belongs
to one job alone, its images, is gone when the job is done.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typst

_KEPT = 32

# The author's source is a file of its own, so that its lines keep their numbers.
_MAIN = b"""\
#import "/craftkit.typ": defaults
#show: defaults
#include "/template.typ"
"""


class Workplace:
    def __init__(self, root: str, files: dict[str, bytes], fonts: typst.Fonts) -> None:
        self._root = root
        _write(root, files)
        self._compiler = typst.Compiler(
            f"{root}/main.typ",
            root=root,
            font_paths=fonts,
            ignore_system_fonts=True,
            # Typst never looks further than these for a package, where there is no network.
            package_path=f"{root}/packages",
            package_cache_path=f"{root}/packages",
        )

    @contextmanager
    def with_images(self, images: Sequence[bytes]) -> Iterator[typst.Compiler]:
        """The compiler, while the images of a job lie at `/images/0`, `/images/1`, …"""
        folder = f"{self._root}/images"
        files = {str(index): image for index, image in enumerate(images)}
        try:
            _write(folder, files)
            yield self._compiler
        finally:
            for name in files:
                os.unlink(f"{folder}/{name}")  # noqa: PTH108

    def close(self) -> None:
        import shutil  # it brings every compressor with it

        shutil.rmtree(self._root, ignore_errors=True)


class Workplaces:
    """Those of the templates that were set last.

    Args:
        folder: empty, and ours alone.
        prelude: what a template imports.
        font_folders: the fonts that every template has.
    """

    def __init__(self, folder: str, prelude: bytes, font_folders: Sequence[str]) -> None:
        self._folder = folder
        self._prelude = prelude
        self._font_folders = list(font_folders)
        self.fonts = typst.Fonts(include_system_fonts=False, font_paths=self._font_folders)
        self._kept: OrderedDict[tuple[bytes, ...], Workplace] = OrderedDict()
        self._made_so_far = 0

    def of(self, source: bytes, fonts: Sequence[bytes]) -> Workplace:
        key = (source, *fonts)
        if key not in self._kept:
            self._kept[key] = self._made(source, fonts)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)[1].close()
        self._kept.move_to_end(key)
        return self._kept[key]

    def _made(self, source: bytes, fonts: Sequence[bytes]) -> Workplace:
        self._made_so_far += 1
        root = f"{self._folder}/{self._made_so_far}"
        files = {"main.typ": _MAIN, "craftkit.typ": self._prelude, "template.typ": source}
        if not fonts:
            return Workplace(root, files, self.fonts)
        _write(f"{root}/fonts", {f"{index}.otf": font for index, font in enumerate(fonts)})
        all_fonts = [f"{root}/fonts", *self._font_folders]
        found = typst.Fonts(include_system_fonts=False, font_paths=all_fonts)
        return Workplace(root, files, found)


def _write(folder: str, files: dict[str, bytes]) -> None:
    if files:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 pathlib is slow to import
    for name, content in files.items():
        with open(f"{folder}/{name}", "wb") as file:  # noqa: PTH123
            file.write(content)
