"""Order: a shift and its peers one after the other, so that what else the machine does meets them alike."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts by size and shift, medshift before its peers."""

    def place(item: pytest.Item) -> tuple[str, str]:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        return str(parameters.get("size", "")), str(parameters.get("name", ""))

    items.sort(key=place)
