"""The kinds of message, a family a module, and what their contents are put together from."""
