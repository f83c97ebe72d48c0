"""Projects: what keys, templates and renders belong to."""
