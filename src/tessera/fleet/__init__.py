"""The simulation: virtual tills, a virtual network, invariants."""
