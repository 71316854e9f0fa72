"""`medshift`, and `python -m medshift.benchmark.cli`: Ctrl-C ends in one line while commands are imported, too."""

from __future__ import annotations

from . import interrupts


def main() -> None:
    """Import the command line and run it."""
    with interrupts.handled():
        from .main import main as run

        run()


if __name__ == "__main__":
    main()
