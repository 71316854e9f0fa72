"""Where the console script begins: Ctrl-C ends in one line while the commands are still being imported, too."""

from __future__ import annotations

from . import interrupts


def main() -> None:
    """Import the command line and run it."""
    with interrupts.handled():
        from .main import main as run

        run()
