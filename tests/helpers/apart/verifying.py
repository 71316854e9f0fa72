"""What the tests of verification share: a quick run, the command line, and a rerun that is feigned."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from helpers import cli

QUICK = ["--set", "arch=test_resnet", "--set", "steps=4", "--shifts", "gamma", "--severities", "3", "--threads", "1"]


def medshift(home, *words):
    return cli.medshift(*words, MEDSHIFT_HOME=home)


class Again:
    """Stands for the clean process, which makes the same bytes: it copies what was made first."""

    def __init__(self, entries):
        self.entries, self.words = entries, []

    def run(self, words, **more):
        self.words = words[1:]
        shutil.copytree(self.entries, Path(words[5]) / self.entries.name)
        return subprocess.CompletedProcess(words, 0)
