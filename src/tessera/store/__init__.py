"""Durable state: engines and migrations, the till's database and central's."""
