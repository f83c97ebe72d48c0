"""Catalogs: the data that a partner's templates may use."""
