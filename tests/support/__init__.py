"""What the tests stand on. Fakes implement the real interface; nothing here asserts."""
