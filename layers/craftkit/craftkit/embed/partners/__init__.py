"""Partners: who may embed, from which sites, with which permissions and signing keys."""
