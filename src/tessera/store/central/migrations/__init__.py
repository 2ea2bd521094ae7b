"""Central's migrations, one file for each schema version."""
