"""Loads the files of a job: images from their hosts, fonts from the bucket."""

from dataclasses import replace

from craftkit.network import Network
from craftkit.templates.fonts import load_font
from craftkit.typesetter import Job
from typesetting.images import with_images


def with_files(job: Job, *, network: Network | None = None) -> Job:
    """The job with the bytes of its images and fonts, ready for the typesetter."""
    fonts = {name: load_font(key) for name, key in job.font_files.items()}
    return with_images(replace(job, fonts={**job.fonts, **fonts}), network=network)
