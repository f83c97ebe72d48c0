"""Makes the CJK layer's fonts from the collections of Noto Sans CJK.

    python -m tools.cjk FOLDER_WITH_NotoSansCJK-Regular.ttc_AND_-Bold.ttc

A collection has one face for each region, with the same glyphs and different defaults. One face is
enough: the OpenType feature `locl` selects a region's glyphs by the language of the text.
"""

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont

FONTS = Path(__file__).parents[1] / "layers/typesetting_cjk/typesetting_cjk/fonts"
FACE = "Noto Sans CJK JP"
_FEATURES = "locl kern ccmp liga palt halt ljmo vjmo tjmo mark mkmk"


def main() -> None:
    for weight in ("Regular", "Bold"):
        collection = TTCollection(Path(sys.argv[1]) / f"NotoSansCJK-{weight}.ttc")
        font = next(face for face in collection.fonts if face["name"].getDebugName(1) == FACE)
        _lighten(font)
        font.save(FONTS / f"NotoSansCJKjp-{weight}.otf")


def _lighten(font: TTFont) -> None:
    options = Options(hinting=False, notdef_outline=True)
    options.layout_features = _FEATURES.split()
    options.name_IDs = options.name_languages = ["*"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=font.getBestCmap())
    subsetter.subset(font)


if __name__ == "__main__":
    main()
