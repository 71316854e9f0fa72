"""Memory that this process may still take (of the machine, its control group and its own limits), and its cores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ...shifts.errors import MedshiftError
from .wording import byte_size

PROC, CONTROL_GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
UNLIMITED = 1 << 60  # a limit from here on means no limit: version 1 writes 2**63 less a page
SMALL = 64 << 20  # bytes: too few to be looked at


def available(proc: Path = PROC, control_groups: Path = CONTROL_GROUPS) -> int | None:
    """Return the bytes that can still be taken without swapping others out or being killed; None where unknown.

    Batch systems and containers limit a job below what the machine has: the least of all limits counts.

    Args:
        proc: Where the kernel describes this process.
        control_groups: Where it describes the groups of processes.
    """
    found = [*_of_machine(proc), *_of_control_groups(proc, control_groups), *_of_process(proc)]
    return max(0, min(found)) if found else None


def require_memory(needed: int, what: str, way_out: str) -> None:
    """Raise MedshiftError if an array does not fit into memory, before it is made.

    Args:
        needed: Bytes of the array.
        what: What it holds, in the plural.
        way_out: What the user can do.
    """
    free = available() if needed > SMALL else None
    if free is not None and needed > free:
        raise MedshiftError(f"{what} need {byte_size(needed)} in memory, {byte_size(free)} are free: {way_out}")


def cores() -> int:
    """Return the number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


def _of_machine(proc: Path) -> Iterator[int]:
    """Yield what is available without swapping, with the free swap space: what needs it is slow, not refused."""
    sizes = _table(proc / "meminfo")
    if "MemAvailable" in sizes:
        yield sizes["MemAvailable"] + sizes.get("SwapFree", 0)


def _of_process(proc: Path) -> Iterator[int]:
    """Yield what the limits of this process (`ulimit -v`, `ulimit -d`) leave."""
    try:
        import resource
    except ImportError:  # Windows
        return
    used = _table(proc / "self" / "status")
    for limit, name in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        soft, _ = resource.getrlimit(limit)
        if name in used and soft != resource.RLIM_INFINITY:
            yield soft - used[name]


def _of_control_groups(proc: Path, root: Path) -> Iterator[int]:
    """Yield what the memory limits of this process's control group, and of those that contain it, leave."""
    for line in _text(proc / "self" / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:  # version 2
            top, limit, used, cached = root, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            top, limit, used = root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            cached = "total_inactive_file"
        else:
            continue
        folder = top / path.lstrip("/")
        # a container may see its own group as the root, and the path of the host
        for each in (folder, *folder.parents):
            if not each.is_relative_to(top):
                break
            most, taken = _number(each / limit), _number(each / used)
            if most is not None and taken is not None and most < UNLIMITED:
                yield most - taken + _statistic(each / "memory.stat", cached)


def _statistic(path: Path, name: str) -> int:
    """Return a line of `memory.stat`: of what is counted as taken, files that can be dropped."""
    for line in _text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return 0


def _table(path: Path) -> dict[str, int]:
    """Read lines `Name:  123 kB` as bytes."""
    sizes = {}
    for line in _text(path).splitlines():
        name, _, value = line.partition(":")
        number, _, unit = value.strip().partition(" ")
        if number.isdigit() and unit == "kB":
            sizes[name] = int(number) * 1024
    return sizes


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
