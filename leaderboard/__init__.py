"""The leaderboard: from a folder of submissions to ranks, tables and one static page.

>>> from pathlib import Path
>>> from medshift.leaderboard import build_leaderboard
>>> build_leaderboard(Path("no-such-folder"), Path("site"))
Traceback (most recent call last):
medshift.shifts.errors.MedshiftError: ...

Names load on use. They are listed in `__init__.pyi`. Nothing here imports torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
