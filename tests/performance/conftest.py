"""Two threads for all, and a shift and its peers one after another, so that other load affects them equally."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

THREADS = 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by size and shift, medshift before its peers."""

    def sort_key(item: pytest.Item) -> tuple[str, str]:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        return str(parameters.get("size", "")), str(parameters.get("name", ""))

    items.sort(key=sort_key)


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """Compute on as many threads everywhere."""
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield
    torch.set_num_threads(threads)
