"""Leaderboard: a folder of submissions becomes ranks, tables and one static page.

>>> from pathlib import Path
>>> from medshift.leaderboard import build_leaderboard
>>> build_leaderboard(Path("no-such-folder"), Path("site"))
Traceback (most recent call last):
medshift.shifts.errors.MedshiftError: ...

Public names are listed in `__init__.pyi` and loaded on first use. Nothing here imports torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
