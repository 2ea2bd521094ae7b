"""Reading a frame: which symbology it is, whether its checks hold, what is in it.

Nothing in this package reads a device, a file or a clock.
"""
