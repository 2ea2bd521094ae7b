"""Alembic runs these; see env.py."""
