"""Run a shift and its peers one after another, so that other load on the machine affects them equally."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by size and shift, medshift before its peers."""

    def sort_key(item: pytest.Item) -> tuple[str, str]:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        return str(parameters.get("size", "")), str(parameters.get("name", ""))

    items.sort(key=sort_key)
