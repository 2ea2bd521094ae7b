"""What every test may use: the throw-away PostgreSQL, the browser, and what to do without them."""

pytest_plugins = ["tests.support.needs", "tests.support.postgres", "tests.support.chromium"]
