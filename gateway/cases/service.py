"""What nodes tell each other by messages of their own: the house of the recipient sees none."""

from gateway.cases.schema import Content


class Ping(Content, frozen=True, kw_only=True):
    """Nothing: that it is opened and receipted is all that it is for."""
