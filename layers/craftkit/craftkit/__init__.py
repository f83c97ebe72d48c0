"""The shared package of every function: the rules of Craftkit, room by room."""
