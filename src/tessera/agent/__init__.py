"""The register's process: checkout, local API, loops, wiring."""
