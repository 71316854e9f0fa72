"""Memory: the least of all limits counts, and an array that is too large is refused before it is made."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from medshift.benchmark.files import disk, memory
from medshift.shifts.errors import MedshiftError

GB = 10**9
MACHINE = {"proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable:  8000000 kB\nSwapFree: 1000000 kB\n"}
V2 = {
    "proc/self/cgroup": "0::/slurm/job_1/step_0\n",
    "groups/slurm/job_1/memory.max": "4000000000\n",
    "groups/slurm/job_1/memory.current": "3000000000\n",
    "groups/slurm/job_1/memory.stat": "anon 5\ninactive_file 500000000\n",
    "groups/slurm/job_1/step_0/memory.max": "max\n",
    "groups/slurm/job_1/step_0/memory.current": "7\n",
}
V1 = {
    "proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n",
    "groups/memory/memory.limit_in_bytes": "2000000000",  # in the container the host's path is missing
    "groups/memory/memory.usage_in_bytes": "1400000000",
    "groups/memory/memory.stat": "inactive_file 9\ntotal_inactive_file 200000000\n",
}
V1_JOB = {
    "proc/self/cgroup": "4:memory:/slurm/uid_5/job_7/step_batch/task_0\n",
    "groups/memory/slurm/uid_5/job_7/step_batch/task_0/memory.limit_in_bytes": "9223372036854771712",
    "groups/memory/slurm/uid_5/job_7/step_batch/task_0/memory.usage_in_bytes": "5",
    "groups/memory/slurm/uid_5/job_7/memory.limit_in_bytes": "3000000000",  # above the task, where the job is limited
    "groups/memory/slurm/uid_5/job_7/memory.usage_in_bytes": "500000000",
}
V1_UNLIMITED = {**V1, "groups/memory/memory.limit_in_bytes": "9223372036854771712"}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        (MACHINE, 9_000_000 * 1024),
        ({**MACHINE, **V2}, 3 * GB // 2),
        ({**MACHINE, **V1}, 8 * GB // 10),
        ({**MACHINE, **V1_JOB}, 5 * GB // 2),
        ({**MACHINE, **V1_UNLIMITED}, 9_000_000 * 1024),
        (V2, 3 * GB // 2),
    ],
    ids=["unknown system", "machine", "job, version 2", "container, version 1", "job, version 1", "no limit", "group"],
)
def test_the_least_limit_counts(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert memory.available(tmp_path / "proc", tmp_path / "groups") == expected


@pytest.mark.skipif(sys.platform != "linux", reason="limits are read from /proc")
@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_the_limit_of_the_process_counts(limit):
    code = (
        "import resource\n"
        "from medshift.benchmark.files.memory import available\n"
        f"resource.setrlimit(resource.{limit}, (1 << 30, -1))\n"
        "print(available())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 1 << 30


def test_an_array_that_does_not_fit_is_one_line(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 9 * GB // 10)
    memory.require_memory(9 * GB // 10, "the images", "take fewer")
    with pytest.raises(MedshiftError) as error:
        memory.require_memory(2 * GB, "the images", "take fewer")
    assert str(error.value) == "the images need 2.0 GB in memory, 900 MB are free: take fewer"


def test_what_a_disk_has_no_room_for_is_one_line(tmp_path, monkeypatch):
    free = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: free._replace(free=2 * GB + disk.MARGIN))
    where = tmp_path / "not" / "there"
    disk.require_disk(where, 2 * GB, "the images", "take fewer")
    with pytest.raises(MedshiftError) as error:
        disk.require_disk(where, 3 * GB, "the images", "take fewer")
    assert str(error.value) == f"the images need 3.0 GB on disk, 2.0 GB are free for {where}: take fewer"


def test_small_arrays_cost_no_look_at_the_memory(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: pytest.fail("looked"))
    memory.require_memory(memory.SMALL, "images", "")
