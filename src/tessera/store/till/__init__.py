"""The till's database: what this register committed and what it caches."""
