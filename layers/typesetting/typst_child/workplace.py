"""Where a template is set: a folder that is all it can see, and the compiler that has read it.

Both stay for the template's next job, which then costs no more than the compilation. What belongs
to one job alone, its data and images, is gone when the job is done.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import typst

_KEPT = 32

# The author's source is a file of its own, so that its lines keep their numbers.
_MAIN = b"""\
#import "/craftkit.typ": defaults
#show: defaults
#include "/template.typ"
"""


class Workplace:
    """A folder and a compiler.

    Data goes in as a file and not through `sys.inputs`: what Typst has worked out stays good for
    as long as nothing that it looked at has changed, and everything looks at `sys.inputs`.
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
            # Typst never looks further than these for a package, where there is no network.
            package_path=f"{root}/packages",
            package_cache_path=f"{root}/packages",
        )

    def write(self, name: str, content: bytes) -> None:
        with open(f"{self._root}/{name}", "wb") as file:  # noqa: PTH123
            file.write(content)

    @contextmanager
    def lent(
        self, locale: bytes, job: bytes, codes: bytes, images: Sequence[bytes]
    ) -> Iterator[typst.Compiler]:
        """The compiler, while the files of a job lie where the prelude reads them."""
        if locale != self._locale:
            self.write("craftkit/locale.json", locale)
            self._locale = locale
        files = {"craftkit/job.json": job, "craftkit/codes.json": codes}
        files |= {f"images/{index}": image for index, image in enumerate(images)}
        try:
            for name, content in files.items():
                self.write(name, content)
            yield self._compiler
        finally:
            for name in files:
                with suppress(FileNotFoundError):
                    os.unlink(f"{self._root}/{name}")  # noqa: PTH108

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
        os.makedirs(f"{root}/fonts")  # noqa: PTH103
        for index, font in enumerate(fonts):
            with open(f"{root}/fonts/{index}.otf", "wb") as file:  # noqa: PTH123
                file.write(font)
        all_fonts = [f"{root}/fonts", *self._font_folders]
        found = typst.Fonts(include_system_fonts=False, font_paths=all_fonts)
        return Workplace(root, files, found)
