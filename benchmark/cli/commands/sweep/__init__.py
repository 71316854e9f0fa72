"""`medshift sweep`: the command, its progress, and the process of one run."""

from __future__ import annotations

from .sweep import sweep

__all__ = ["sweep"]
