"""Baselines: one method per file, in folders by what a method may see.

>>> from medshift.baselines import list_baselines
>>> "imagenet-finetune" in list_baselines()
True

Names load on use: importing this package imports no torch. They are listed in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
