"""Statements that are compiled once for all SQLite databases of a process: tests open thousands.

SQLAlchemy keeps what it compiled with the engine, under its dialect: engines get both in common.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Dialect, Engine
from sqlalchemy.util import LRUCache

STATEMENTS_KEPT = 2_000


def sharing(create_engine: Callable[..., Engine]) -> Callable[..., Engine]:
    """Return a ``create_engine`` whose SQLite engines have what they compiled in common."""
    dialects: list[Dialect] = []
    compiled: LRUCache[Any, Any] = LRUCache(STATEMENTS_KEPT)

    def shared(url: str, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        if engine.dialect.name == "sqlite":
            knowing = (item for item in dialects if item.server_version_info)
            engine.dialect = next(knowing, engine.dialect)
            if engine.dialect not in dialects:
                dialects.append(engine.dialect)  # a first connection tells it the version
            engine._compiled_cache = compiled
        return engine

    return shared
