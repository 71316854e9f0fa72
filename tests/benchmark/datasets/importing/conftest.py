"""What tests of importing read."""

from __future__ import annotations

import pytest
from helpers.images.image_folders import folder


@pytest.fixture
def small(tmp_path):
    """A folder of 16 images of two domains, with a manifest."""
    return folder(tmp_path / "in", domains={"a": 12, "b": 4})
