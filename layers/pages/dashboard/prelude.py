"""The functions of the prelude with a description, for completion in the editor."""

WORDS = (
    ("number", "number(value, digits: auto): a number as the locale writes it."),
    ("money", "money(value, currency: auto): an amount as the locale writes it."),
    ("day", 'day(value, style: "medium", time: none): a date, and a time with `time`.'),
    ("picture", 'picture(value, alt: "", width: auto, height: auto): an image of the data.'),
    ("qr", "qr(value, size: 2.5cm): a QR code."),
    ("barcode", 'barcode(value, format: "code128"): a barcode.'),
    ("pages", "pages(words: auto): the page's number, and how many there are."),
    ("defaults", "show: defaults: the page, the fonts and the language of the locale."),
)
