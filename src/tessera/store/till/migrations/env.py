"""Runs the till's migrations inside the transaction that the caller opened."""

from alembic import context

from tessera.store.till.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
