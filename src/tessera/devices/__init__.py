"""Readers: from bytes on a wire to a scan."""
