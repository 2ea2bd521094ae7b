"""The command `tessera`, one file a command."""
