"""Tessera: a loyalty programme at the point of sale that keeps working when the network is gone."""

__version__ = "0.1.0"
