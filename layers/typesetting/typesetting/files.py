"""The files that a job needs beside its data: images fetched, fonts read from the bucket."""

from dataclasses import replace

from craftkit.network import Network
from craftkit.templates.fonts import load_font
from craftkit.typesetter import Job
from typesetting.images import with_images


def with_files(job: Job, *, network: Network | None = None) -> Job:
    """The job as the typesetter takes it: with the bytes of its images and fonts.

    Workers and the compile function call this before they typeset.
    """
    fonts = {name: load_font(key) for name, key in job.font_files.items()}
    return with_images(replace(job, fonts={**job.fonts, **fonts}), network=network)
