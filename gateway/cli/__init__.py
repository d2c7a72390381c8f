"""The command ``liaison``: one module a noun."""
