"""What all tables share."""

from sqlalchemy import BigInteger, Index, Integer, MetaData, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Row = BigInteger().with_variant(Integer, "sqlite")
"""The number of a row."""


def partial(name: str, column: str, where: str) -> Index:
    """Return an index of few rows: it costs nothing where a row is not among them."""
    return Index(name, column, sqlite_where=text(where), postgresql_where=text(where))
