"""Templates: versions, manifests, drafts, data and fonts."""
