"""The cashier's page."""
