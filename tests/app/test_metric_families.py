"""Every family is counted in some test: what nobody has seen grow may never do."""

from pathlib import Path

import pytest

from app.metrics_page import families

TESTS = Path(__file__).parents[1]
TEXT = "\n".join(
    path.read_text(encoding="utf-8") for path in sorted(TESTS.rglob("test_*.py")) if path.parent.name != "deploy"
)


@pytest.mark.parametrize("name", [one.name for declared in families().values() for one in declared])
def test_a_family_is_looked_at_by_a_test(name: str) -> None:
    assert any(f'"{name}{kind}"' in TEXT for kind in ("", "_count", "_sum"))
