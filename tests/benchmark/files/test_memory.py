"""Memory: the least of all limits counts, and an array that is too large is refused before it is made."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers.images.image_folders import folder

from medshift.benchmark.contract import access
from medshift.benchmark.datasets import manifest
from medshift.benchmark.datasets.importing.collection import Collection
from medshift.benchmark.files import memory
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.plan import Choices
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


def test_images_that_do_not_fit_are_refused_before_one_is_read(tmp_path, monkeypatch):
    where = folder(tmp_path / "set")
    monkeypatch.setattr(memory, "available", lambda: 9 * GB // 10)
    monkeypatch.setattr(Collection, "images", lambda *_: pytest.fail("an image was read"))
    with pytest.raises(MedshiftError) as error:
        manifest.read_manifest(where, image_size=3750)
    assert str(error.value) == (
        "the images need 1.8 GB in memory, 900 MB are free: "
        "lower --image-size, or `medshift data add` keeps them on disk"
    )


def test_copies_for_a_method_that_do_not_fit_are_refused(tmp_path, monkeypatch):
    dataset = manifest.read_manifest(folder(tmp_path / "set"))
    protocol, table = plan.plan(dataset, Choices(shifts=("gamma",), severities=(3,)))
    monkeypatch.setattr(memory, "available", lambda: 50_000)
    monkeypatch.setattr(memory, "SMALL", 0)
    given = (dataset, table, protocol.source, protocol.targets)
    with pytest.raises(MedshiftError) as error:
        access.grant(*given, "source", 0, "cpu", "x", print)
    assert "copies of the 64 images that the method may see need 66 kB in memory, 50 kB are free" in str(error.value)
    monkeypatch.setattr(memory, "available", lambda: 64 * 32 * 32)
    assert len(access.grant(*given, "source", 0, "cpu", "x", print).train.labels) == 50
    with pytest.raises(MedshiftError, match="copies of the 88 images"):
        access.grant(*given, "target-unlabelled", 0, "cpu", "x", print)


def test_small_arrays_cost_no_look_at_the_memory(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: pytest.fail("looked"))
    memory.require_memory(memory.SMALL, "images", "")
