"""The users of these tests."""

from craftkit.projects.models import User

ADA = User(sub="11111111-aaaa-4aaa-8aaa-000000000001", email="ada@example.com")
BOB = User(sub="22222222-bbbb-4bbb-8bbb-000000000002", email="bob@example.com")
