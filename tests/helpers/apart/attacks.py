"""Methods that cheat, as files of a user: they come as far as the process of their own lets them."""

# ruff: noqa: PTH109, PTH115, PTH123
import gc
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch


def even(images):
    return torch.full((len(images), 2), 0.5)


class Method:
    sees: ClassVar[str] = "source"
    paper: ClassVar[str] = "none"


@dataclass(frozen=True)
class Honest(Method):
    """The mean of an image, against those of the classes."""

    def fit(self, access):
        print("printed by the method")
        access.report("told by the method")
        means = access.train.batch(slice(None)).mean(dim=(1, 2, 3))
        labels = torch.from_numpy(access.train.labels)
        return Means(torch.stack([means[labels == label].mean() for label in (0, 1)]))


class Means:
    def __init__(self, means):
        self.means = means

    def __call__(self, images):
        return (-50 * (images.mean(dim=(1, 2, 3))[:, None] - self.means).abs()).softmax(1)


@dataclass(frozen=True)
class Walker(Method):
    """Walks up the stack, and through all objects, to the table with the labels of the test images."""

    def fit(self, access):
        return Walks()


class Walks:
    seen = 0

    def __call__(self, images):
        frame = sys._getframe(1)
        while frame is not None and not {"rows", "condition"} <= set(frame.f_locals):
            frame = frame.f_back
        tables = [frame.f_locals["rows"]] if frame else []
        tables += [item for item in gc.get_objects() if type(item).__name__ == "DataFrame" and "label" in item]
        if not tables:
            return even(images)
        labels = torch.as_tensor(tables[0]["label"].to_numpy()[self.seen : self.seen + len(images)].copy())
        self.seen += len(images)
        return torch.nn.functional.one_hot(labels, 2) * 0.5 + 0.25


@dataclass(frozen=True)
class Patcher(Walker):
    """Replaces what writes predictions by what fails, too."""

    def fit(self, access):
        from medshift.benchmark.runs import parts
        from medshift.benchmark.submissions import predictions

        def write(*words, **named):
            raise AssertionError("the patch was called")

        predictions.write = parts.FinishedConditions.save = write
        return Walks()


class Even:
    def __call__(self, images):
        return even(images)


WHERE = []
MEMO, STREAM = {}, []


@dataclass(frozen=True)
class Memoiser(Method):
    """Learns over all conditions in a global, and repeats what it once said for images that it has seen."""

    sees: ClassVar[str] = "test-batches"

    def fit(self, access):
        return Remembers()


class Remembers:
    def __call__(self, images):
        key = images.cpu().numpy().tobytes()
        if key not in MEMO:
            STREAM.append(float(images.mean()))
            sure = torch.tensor(1 / (2 + len(STREAM)))
            MEMO[key] = torch.stack([sure, 1 - sure]).expand(len(images), 2)
        return MEMO[key]


@dataclass(frozen=True)
class Reader(Method):
    """Looks for files: what variables, arguments, open files and the parent tell, and all that lies near."""

    def fit(self, access):
        named = [*os.environ.values(), *sys.argv, os.getcwd(), *sys.path]
        named += [getattr(images.pixels, "filename", None) or "" for images in (access.train, access.val)]
        for number in range(3, 64):
            try:
                named.append(os.readlink(f"/proc/self/fd/{number}"))
            except OSError:
                continue
        told = [f"names {name}" for name in map(str, named) if "secret" in name]
        for path in [*Path().iterdir(), *map(Path, WHERE)]:  # all that it could guess
            try:
                if path.suffix != ".py":
                    told.append(f"reads {path.name} {len(path.read_bytes())}")
            except OSError:
                continue
        try:
            with open(f"/proc/{os.getppid()}/mem", "rb"):
                told.append("opens the memory of the run")
        except OSError:
            pass
        access.report(f"found: {told}")
        return Even()


@dataclass(frozen=True)
class Forger(Method):
    """Answers with more than it was asked for."""

    def fit(self, access):
        for number in range(3, 32):
            try:
                if "pipe" in os.readlink(f"/proc/self/fd/{number}"):
                    os.write(number, b"\x10\x00\x00\x00" + b"cos\nsystem\n(S'x'" + bytes(64))
            except OSError:
                continue
        return Even()


@dataclass(frozen=True)
class Fails(Method):
    how: str = "raises"

    def __post_init__(self):
        if self.how == "is refused":
            raise ValueError("how is refused")

    def fit(self, access):
        if self.how == "exits":
            os._exit(3)
        if self.how == "is killed":
            os.kill(os.getpid(), 9)
        if self.how == "lacks memory":
            raise MemoryError("Unable to allocate 8.0 GiB")
        if self.how == "returns a list":
            return Lists()
        if self.how == "returns a function":
            return even
        return {}["a key of the user's"]


class Lists:
    def __call__(self, images):
        return even(images).tolist()
