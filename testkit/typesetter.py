"""A fake typesetter."""

from collections.abc import Callable

from craftkit.typesetter import Document, Job, TypesettingError

PDF = (
    b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


class FakeTypesetter:
    """A `craftkit.typesetter.Typeset`: notes each job and answers with the same small document.

    Set `failure` to have it raised instead, or `before` to have something happen meanwhile.
    """

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.document = Document(pdf=PDF, page_count=1)
        self.failure: TypesettingError | None = None
        self.before: Callable[[Job], object] | None = None

    def __call__(self, job: Job) -> Document:
        self.jobs.append(job)
        if self.before is not None:
            self.before(job)
        if self.failure is not None:
            raise self.failure
        return self.document
