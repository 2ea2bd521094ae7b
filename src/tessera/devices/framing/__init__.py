"""Cutting bytes into frames, one file for each way in which readers mark their messages.

Nothing in this package reads a device, a file or a clock.
"""
