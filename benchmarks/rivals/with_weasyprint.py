"""WeasyPrint, in a long-running process with cached fonts: `FONTS_URL QR_FILE`."""

import sys
from pathlib import Path
from typing import Any

from page import html
from serve import serve
from weasyprint import HTML
from weasyprint.text.fonts import FontConfiguration


def main() -> None:
    fonts, code = sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8")
    configuration = FontConfiguration()

    def render(data: dict[str, Any]) -> bytes:
        page = HTML(string=html(data, fonts, code), base_url=fonts)
        return bytes(page.write_pdf(font_config=configuration))

    serve(render)


main()
