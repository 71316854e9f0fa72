"""An export of a fitted baseline gives the baseline's own predictions, through `medshift test`."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from helpers.files.model_files import exported
from helpers.images.image_folders import folder
from typer.testing import CliRunner

from medshift.benchmark import DataChoice, check_submission, write_protocol
from medshift.benchmark.cli.main import app
from medshift.benchmark.contract import registry
from medshift.benchmark.contract.access import grant
from medshift.benchmark.datasets.importing.options import make_options
from medshift.benchmark.protocols.arrange import arrange_like
from medshift.benchmark.protocols.choices import Choices
from medshift.benchmark.runs.job import Job, RunProgress
from medshift.benchmark.runs.run import run
from medshift.benchmark.runs.terms import resolve_terms
from medshift.benchmark.submissions import card, predictions


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A baseline's submission, the protocol, and the network that made it as files."""
    root = tmp_path_factory.mktemp("fitted")
    images = folder(root / "set", {"site-a": 48, "site-b": 8})
    choices = Choices(shifts=("gamma", "psf-blur"), severities=(3,))
    dataset, protocol, table = resolve_terms(DataChoice("", images, make_options()), choices)
    write_protocol(protocol, table, root / "out" / protocol.name)
    baseline = registry.make_baseline("cbr-tiny", ["steps=8", "batch_size=8"])
    job = Job(dataset, protocol, table, "cbr-tiny", baseline, 0, root / "out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(root / "home"))
        run(job, torch.device("cpu"), RunProgress())
        data = arrange_like(dataset, protocol, table)
        access = grant(
            data, table, protocol.source, protocol.targets, "source", 0, torch.device("cpu"), "x", lambda line: None
        )
        network = baseline.fit(access).network.eval()
    network.to(memory_format=torch.contiguous_format)
    exported(root / "model.pt2", network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter that needs no further package, which is deprecated
        example, path = torch.rand(2, 1, 32, 32), str(root / "model.onnx")
        torch.onnx.export(
            network, (example,), path, dynamo=False, dynamic_axes={"image": {0: "n"}}, input_names=["image"]
        )
        torch.jit.trace(network, example).save(str(root / "model.ts"))
    return root, job, protocol, table


@pytest.mark.parametrize(
    ("file", "form"), [("model.onnx", "onnx"), ("model.pt2", "torch.export"), ("model.ts", "torchscript")]
)
def test_an_export_of_a_baseline_predicts_what_the_baseline_does_under_every_condition(fitted, tmp_path, file, form):
    root, job, protocol, table = fitted
    words = ["test", str(root / file), "--protocol", str(job.folder.parent.parent), "--data", str(root / "set")]
    words += ["--device", "cpu", "--name", "theirs", "--out", str(tmp_path), "--outputs", "logits", "--submitter", "me"]
    words += ["--class-order", "healthy,sick"]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    where = tmp_path / protocol.name / "theirs" / "seed-0"
    assert f"submission: {where}" in done.stdout
    assert check_submission(where, protocol, table) == []
    ours, theirs = (predictions.read(each / "predictions.parquet", protocol, table) for each in (job.folder, where))
    assert set(ours) == {condition.key for condition in protocol.conditions()}
    assert len(ours) == 5
    for key in ours:
        assert np.abs(ours[key] - theirs[key]).max() < 1e-4, key
    made = card.read(where)
    assert (made.baseline.distribution, made.baseline.sees, made.submitter) == ("brought", "source", "me")
    assert made.baseline.brought
    assert made.baseline.external
    config = made.baseline.config
    assert (config["format"], config["file"], config["outputs"]) == (form, file, "logits")
    assert (config["input_size"], config["layout"], config["range"]) == ("32x32", "NCHW", "0,1")
    assert len(config["sha256"]) == 64
    assert made.training is None
    assert made.rejections is None
