"""Alembic's entry: runs the migrations on the connection that `ensure_schema` opened."""

from alembic import context

from tessera.store.central.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=False,
)
context.run_migrations()
