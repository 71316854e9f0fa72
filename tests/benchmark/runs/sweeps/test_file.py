"""The file of a sweep: what it means, and mistakes in one line that names line and key."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from medshift.benchmark.cli import options as cli_options
from medshift.benchmark.cli.commands.run import run as run_command
from medshift.benchmark.cli.reading import DataOptions, ReadingOptions
from medshift.benchmark.cli.terms import data_choice
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.runs.sweeps import options
from medshift.benchmark.runs.sweeps.file import read_file
from medshift.benchmark.runs.sweeps.lines import line_of
from medshift.benchmark.runs.sweeps.sweep import Method, ProtocolChoice, Sweep
from medshift.benchmark.runs.terms import DataChoice
from medshift.shifts.errors import MedshiftError

GOOD = """\
seeds = 2  # 0 and 1
tune = 3

[settings]
steps = 4

[baselines.scratch]
lr = [
  1e-3,  # lrr = 3
  3e-3,
]
[baselines.imagenet-finetune]
steps = 8

[[protocols]]
source = "site-a"
shifts = ["gamma", "exposure"]
severities = [3, 1]

[[protocols]]
data = "scans"
modality = "xray"
"""


def read(tmp_path, text):
    path = tmp_path / "s.toml"
    path.write_text(text)
    return read_file(path)[0]


def test_a_file_is_baselines_times_settings_times_protocols_times_seeds(tmp_path):
    assert read(tmp_path, GOOD) == Sweep(
        methods=(
            Method("scratch", {"steps": (4,), "lr": (0.001, 0.003)}),
            Method("imagenet-finetune", {"steps": (8,)}),
        ),
        protocols=(
            ProtocolChoice(choices=Choices(source="site-a", shifts=("gamma", "exposure"), severities=(1, 3))),
            ProtocolChoice(DataChoice(folder=Path("scans"), options=Options(modality="xray"))),
        ),
        seeds=(0, 1),
        tune=3,
    )


def test_the_least_file_is_a_list_of_baselines(tmp_path):
    assert read(tmp_path, 'baselines = ["scratch", "adabn"]') == Sweep((Method("scratch"), Method("adabn")))
    half = read(tmp_path, 'baselines = ["scratch"]\nprecision = "bfloat16"')
    assert half == Sweep((Method("scratch"),), precision="bfloat16")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[baselines.scratch]", "[baselines.scratchh]", "line 7, scratchh: unknown baseline 'scratchh'. Did you mean"),
        ("lr = [", "lrr = [", "line 8, lrr: 'scratch' has no such hyper-parameter. Did you mean 'lr'?"),
        ("  3e-3,", '  "fast",', "line 8, lr: input should be a valid number"),
        ("  3e-3,", "  0.001,", "line 8, lr: a value is listed twice: 0.001, 0.001"),
        ("  3e-3,", "  [1],", "line 8, lr: a hyper-parameter is a number, text, true or false, not a list"),
        ("lr = [\n  1e-3,  # lrr = 3\n  3e-3,\n]", "lr = []", "line 8, lr: the list is empty: give at least one value"),
        ("steps = 4", "steps = true", "line 5, steps: input should be a valid integer"),
        ("steps = 4", "steps = 4.5", "line 5, steps: input should be a valid integer"),
        ("steps = 4", "arch = 4", "line 5, arch: input should be text, not 4"),
        ("steps = 4", "lr = false", "line 5, lr: input should be a valid number"),
        ("seeds = 2", "seeds = -1", "line 1, seeds: must be 1 or more, not -1"),
        ("seeds = 2", "seeds = [0, -1]", "line 1, seeds: a seed must not be negative: -1"),
        ("seeds = 2", "seeds = [1, 1]", "line 1, seeds: a seed is listed twice: 1, 1"),
        ("seeds = 2", 'seeds = "3"', "line 1, seeds: give the number of seeds, or a list of whole numbers, not '3'"),
        ("seeds = 2", "seeds = true", "line 1, seeds: give the number of seeds"),
        ("tune = 3", "tune = -3", "line 2, tune: must be a whole number, 0 or more, not -3"),
        ("tune = 3", "submitter = 3", "line 2, submitter: must be text, not 3"),
        ("tune = 3", 'precision = "half"', "line 2, precision: choose one of float32, tf32, bfloat16, float16, not"),
        ("tune = 3", "seds = 3", "line 2, seds: unknown key. Did you mean 'seeds'"),
        ("tune = 3", "seeds = 3", "line 2: cannot overwrite a value: seeds = 3"),
        ('"gamma"', '"gama"', "line 17, shifts: unknown shift 'gama'. Did you mean 'gamma'?"),
        ("[3, 1]", "[7]", "line 18, severities: severities must be among 1, 2, 3, 4, 5"),
        ("[3, 1]", '"x"', "line 18, severities: input should be a valid integer, not 'x'"),
        ("severities", "severity", "line 18, severity: unknown option. Did you mean 'severities'"),
        ("severities = [3, 1]", "requantise = 1", "line 18, requantise: input should be a valid boolean, not 1"),
        ("severities = [3, 1]", 'family = "x"', "line 18, family: unknown family 'x'"),
        ('"xray"', '"xry"', "line 22, modality: unknown modality 'xry'. Did you mean 'xray'?"),
        ('"xray"', '"xray"\nwindow = "4,5"\nvalue-range = "0,9"', "line 20, protocols: --value-range and --win"),
        ('data = "scans"\nmodality = "xray"', GOOD[GOOD.index("source") : GOOD.index("\n\n[[protocols]]\ndata")],
         "line 20, protocols: this protocol is listed twice"),
        (GOOD, "", "baselines: list at least one baseline"),
        (GOOD, "baselines = []", "line 1, baselines: list at least one baseline"),
        (GOOD, 'seeds = 1\nbaselines = [\n "scratch",\n "scratch"]', "line 2, baselines: 'scratch' is listed twice"),
        (GOOD, 'baselines = ["scratch", "scratc"]', "line 1, baselines: unknown baseline 'scratc'"),
        (GOOD, 'baselines = ["scratch"]\n[protocols]\nsource = "a"', "line 2, protocols: write [[protocols]]"),
        (GOOD, 'baselines = ["scratch"]\nseeds 3\n', "line 2: expected '=' after a key in a key/value pair: seeds 3"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_line_and_key(old, new, said, tmp_path):
    assert old in GOOD
    with pytest.raises(MedshiftError) as raised:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert str(raised.value).startswith(str(tmp_path / "s.toml"))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("content", "said"), [(b"\xff\xfe", "is not UTF-8"), (None, "cannot be read: No such file")])
def test_a_file_that_is_none_says_so(content, said, tmp_path):
    if content:
        (tmp_path / "s.toml").write_bytes(content)
    with pytest.raises(MedshiftError, match=said):
        read_file(tmp_path / "s.toml")


KEYS = st.text("abcxyz-_", min_size=1, max_size=4)
VALUES = st.sampled_from(
    ["1", '"a = 1"', '[\n  "b = 2", # c = 3\n  "[d]",\n]', '"""\nx = 1\n[y]\n"""', "{a = 1, b = 2}"]
)
BETWEEN = st.lists(st.sampled_from(["", "# a = 1", "  # [b]"]), max_size=2)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, st.tuples(VALUES, BETWEEN), min_size=1, max_size=4), max_size=4))
@settings(max_examples=25, deadline=None)
def test_the_line_of_every_key_is_found(tables):
    rows, wanted = [], {}
    for table, keys in tables.items():
        rows.append(f"[{table}]")
        wanted[table,] = len(rows)
        for key, (value, between) in keys.items():
            rows += [*between, *f'"{key}" = {value}'.split("\n")]
            wanted[table, key] = len(rows) - value.count("\n")
    text = "\n".join(rows)
    assert {path: line_of(text, path) for path in wanted} == wanted
    assert line_of(text, ("there", "is", "none")) == 0


def test_every_option_of_a_run_that_chooses_data_or_protocol_is_an_option_of_a_sweep():
    parameters = inspect.signature(run_command).parameters.values()
    names = set()
    for parameter in parameters:
        (option,) = (each for each in parameter.annotation.__metadata__ if isinstance(each, typer.models.OptionInfo))
        words = [option.default, *(option.param_decls or ())]  # Typer keeps the first name as the default
        declared = next((word for word in words if str(word).startswith("--")), f"--{parameter.name}")
        names.add(declared.removeprefix("--").replace("_", "-"))
    other = {"baseline", "set", "budget", "tune", "seed", "seeds", "out", "device", "threads", "submitter", "precision"}
    other |= {"criteria", "in-process", "unlabelled"}  # of a sweep's protocols; for one run at a time
    assert names - other == set(options.OPTIONS)


CHOICES = [
    ProtocolChoice(),
    ProtocolChoice(folder=Path("my protocols/a")),
    ProtocolChoice(DataChoice("brain-mri-sim"), Choices(source="-odd, name", targets=("A", 'B "b"', "C, D"))),
    ProtocolChoice(
        choices=Choices(
            shifts=("gamma", "jpeg"), families=("noise",), severities=(1, 5), requantise=False, scale="matched"
        )
    ),
    ProtocolChoice(
        DataChoice(
            folder=Path("a b"),
            options=Options(
                modality="ct", image_size=32, classes=("x", "y, z"), drop_labels=("NA",), merge_rows=True,
                value_ranges=("0,1", "A:-5,9"), channels=1, fit="pad", slices=2, voxel_mm=1.5, label_contains="q",
            ),
        ),
        Choices(positive="x", groups_per_domain=True, ignore_split=True),
    ),
]  # fmt: skip


@pytest.mark.parametrize("choice", CHOICES)
def test_the_words_of_a_choice_are_understood_by_run(choice):
    read_back = []

    @cli_options.expand
    def command(
        *,
        data: DataOptions,
        chosen: cli_options.ProtocolOptions,
        reading: ReadingOptions,
        protocol_folder: cli_options.ProtocolFolder = None,
    ) -> None:
        read_back.append(ProtocolChoice(data_choice(data, reading), chosen.choices(), protocol_folder))

    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, options.words(choice))
    assert done.exit_code == 0, done.output
    assert read_back == [choice]


def test_help_and_mistakes_on_the_command_line_import_no_torch():
    code = (
        "import sys; from typer.testing import CliRunner; from medshift.benchmark.cli.main import app\n"
        "for words in (['--help'], ['--baseline', 'scratchh'], [], ['plan', 'a', 'b'], ['none.toml'],"
        " ['x.toml', '--seeds', '3'], ['--baseline', 'scratch', '--set', 'lr']):\n"
        "    done = CliRunner().invoke(app, ['sweep', *words]); print(str(done.exception or 'help'))\n"
        "print(sorted({'torch', 'pandas', 'timm', 'ray'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [line[:60] for line in done.stdout.splitlines()] == [
        "help",
        "unknown baseline 'scratchh'. Did you mean 'scratch' or 'scra",
        "give the file of a sweep, or --baseline with names from `med",
        "medshift sweep takes one file, not a, b",
        "none.toml cannot be read: No such file or directory",
        "x.toml says what is run: leave out --seeds",
        "--set takes key=value[,value], not 'lr'",
        "[]",
    ]
