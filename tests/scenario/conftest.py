"""Every table that a scenario lays is proved when the scenario is over."""

from collections.abc import Callable, Iterator

import pytest

from tests.scenario.evidence import prove
from tests.scenario.table import Table

Lay = Callable[..., Table]


@pytest.fixture
def lay() -> Iterator[Lay]:
    """Lay a table with these models; at the end its chart must be sound and replay to the byte."""
    tables: list[Table] = []

    def laid(*models: str, seed: int = 1) -> Table:
        tables.append(Table(*models, seed=seed))
        return tables[-1]

    yield laid
    for table in tables:
        prove(table)
