"""The server's process: accept, apply, publish, wiring."""
