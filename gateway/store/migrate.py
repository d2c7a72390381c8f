"""Bring a database to this version's schema. The only module that loads alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event


def upgrade(url: str) -> None:
    """Create or upgrade the database at ``url``, in one transaction."""
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def connected(raw: object, _: object) -> None:
        raw.isolation_level = None  # type: ignore[attr-defined]  # a sqlite3 connection

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
