"""Needs a package that nobody has."""

import surely_not_installed  # noqa: F401
