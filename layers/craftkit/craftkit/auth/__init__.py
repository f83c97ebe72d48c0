"""Who is calling: the hot path. No pydantic, no Powertools and no boto3 client in here."""
