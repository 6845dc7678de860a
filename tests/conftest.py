"""What every test may use; each part is a module of `tests/fixtures/`."""

pytest_plugins = [
    "tests.fixtures.databases",
    "tests.fixtures.graphql",
    "tests.fixtures.following",
    "tests.fixtures.sockets",
    "tests.fixtures.access",
    "tests.fixtures.registry",
    "tests.fixtures.artifacts",
    "tests.fixtures.oidc",
    "tests.fixtures.redis",
    "tests.fixtures.emulators",
    "tests.fixtures.node",
    "tests.fixtures.skips",
    "tests.fixtures.figures",
    "tests.fixtures.worker",
    "tests.fixtures.exchange",
    "tests.fixtures.installation",
    "tests.fixtures.restore_orders",
]
