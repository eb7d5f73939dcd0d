"""Runs migrations on the connection of `store.database.migrate`, inside of its transaction and its lock."""

from alembic import context

from trackrev_stream.store.database.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
