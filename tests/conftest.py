"""What every test may use: the throw-away PostgreSQL, the browser, and what to do without them."""

from hypothesis import settings

pytest_plugins = ["tests.support.needs", "tests.support.postgres", "tests.support.chromium"]

# How long an example takes says nothing on a busy machine; a failure prints how to repeat it.
settings.register_profile("shop", deadline=None, print_blob=True)
settings.load_profile("shop")
