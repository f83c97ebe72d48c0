"""API keys: made, listed, revoked and diagnosed. The only room that writes them."""
