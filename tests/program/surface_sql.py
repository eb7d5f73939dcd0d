"""The tables of SQL as others see them: by what the database says, or by what it would be told."""

import re
from typing import Any

from sqlalchemy import Column, Engine, Index, MetaData, Table, inspect, text
from sqlalchemy.dialects import postgresql

Json = dict[str, Any]
_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own


def tables_of(engine: Engine) -> Json:
    """The tables of a SQLite database as they are."""
    found = inspect(engine)
    with engine.connect() as connection:
        made = dict(map(tuple, connection.execute(text("SELECT name, sql FROM sqlite_master"))))
    return {name: _found_table(found, name, made) for name in found.get_table_names()}


def _found_table(found: Any, name: str, made: dict[str, str]) -> Json:
    keys = found.get_foreign_keys(name)
    return {
        "columns": {
            each["name"]: f"{each['type']}{'' if each['nullable'] else ' NOT NULL'}"
            for each in found.get_columns(name)
        },
        "key": found.get_pk_constraint(name)["constrained_columns"],
        "refers to": {
            ", ".join(each["constrained_columns"]): f"{each['referred_table']} "
            f"({', '.join(each['referred_columns'])})"
            for each in keys
        },
        "unique": {", ".join(each["column_names"]): True for each in found.get_unique_constraints(name)},
        "indexes": {each["name"]: _told(made[each["name"]]) for each in found.get_indexes(name)},
        "made": {word: word in made[name] for word in ("WITHOUT ROWID", "AUTOINCREMENT")},
    }


def _told(sql: str) -> str:
    """A statement without its line breaks and quotes."""
    return re.sub(r"\s+", " ", sql.replace('"', ""))


def postgresql_tables(metadata: MetaData) -> Json:
    """The tables as PostgreSQL would be told of them."""
    return {table.name: _declared_table(table) for table in metadata.sorted_tables}


def _declared_table(table: Table) -> Json:
    return {
        "columns": {column.name: _declared(column) for column in table.columns},
        "key": [column.name for column in table.primary_key],
        "refers to": {key.parent.name: key.target_fullname for key in table.foreign_keys},
        "unique": {column.name: True for column in table.columns if column.unique},
        "indexes": {str(index.name): _declared_index(index) for index in table.indexes},
    }


def _declared(column: Column[Any]) -> str:
    kind = column.type.compile(_POSTGRESQL)
    counted = " COUNTED" if column.autoincrement is True else ""
    return f"{kind}{'' if column.nullable else ' NOT NULL'}{counted}"


def _declared_index(index: Index) -> str:
    where = index.dialect_options["postgresql"]["where"]
    columns = ", ".join(column.name for column in index.columns)
    return f"{columns}{'' if where is None else f' WHERE {where}'}"
