"""Who did what to which thing: append-only, written in the same transaction as the deed."""
