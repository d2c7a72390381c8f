"""Bring a database to this version's schema. The only module that loads alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from gateway.store.engine import MIGRATION, lock, writer_engine


def upgrade(url: str, revision: str = "head") -> None:
    """Create or upgrade the database at ``url``, in one transaction, one daemon at a time."""
    engine = writer_engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.begin() as connection:
            lock(connection, MIGRATION)
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        engine.dispose()
