"""The till's database: what this register committed and what it caches."""

from pathlib import Path

MIGRATIONS = Path(__file__).parent / "migrations"
