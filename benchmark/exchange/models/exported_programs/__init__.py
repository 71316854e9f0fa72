"""Files of `torch.export` (.pt2), loaded without running pickles, or text of theirs as Python."""

from .loading import open_exported

__all__ = ["open_exported"]
