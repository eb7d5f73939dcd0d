"""A database as programs left it before there were migrations."""

from pathlib import Path

BEFORE = Path(__file__).parent / "before_migrations.sql"
