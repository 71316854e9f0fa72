from .contract.access import Access as Access
from .contract.checks import check_baseline as check_baseline
from .contract.predictor import Predictor as Predictor
from .contract.registry import Baseline as Baseline
from .contract.registry import load_baseline as load_baseline
from .contract.search_space import Choice as Choice
from .contract.search_space import LogUniform as LogUniform
from .contract.search_space import Space as Space
from .contract.search_space import at_most as at_most
from .contract.sees import Sees as Sees
from .contract.training_record import Curve as Curve
from .datasets.dataset import Dataset as Dataset
from .datasets.manifest import read_manifest as read_manifest
from .datasets.registry import load_dataset as load_dataset
from .estimation.evidence import Estimate as Estimate
from .estimation.evidence import Evidence as Evidence
from .files.home import home as home
from .protocols.choices import Choices as Choices
from .protocols.condition import Condition as Condition
from .protocols.folder import read_protocol as read_protocol
from .protocols.folder import write_protocol as write_protocol
from .protocols.protocol import Protocol as Protocol
from .runs.evaluate import evaluate as evaluate
from .runs.plug_ins.data_sets import check_dataset as check_dataset
from .runs.run import Job as Job
from .runs.run import RunProgress as RunProgress
from .runs.run import run as run
from .runs.sweeps.outcome import SweepProgress as SweepProgress
from .runs.sweeps.outcome import SweepResult as SweepResult
from .runs.sweeps.run_sweep import run_sweep as run_sweep
from .runs.sweeps.sweep import Method as Method
from .runs.sweeps.sweep import ProtocolChoice as ProtocolChoice
from .runs.sweeps.sweep import Sweep as Sweep
from .runs.terms import DataChoice as DataChoice
from .scoring.scores import Scores as Scores
from .scoring.scores import score as score
from .severity.matching import plan_protocol as plan_protocol
from .submissions.curve import read_curve as read_curve
from .submissions.submission import check_submission as check_submission
from .submissions.submission import read_submission as read_submission

__all__ = [
    "Access",
    "Baseline",
    "Choice",
    "Choices",
    "Condition",
    "Curve",
    "DataChoice",
    "Dataset",
    "Estimate",
    "Evidence",
    "Job",
    "LogUniform",
    "Method",
    "Predictor",
    "Protocol",
    "ProtocolChoice",
    "RunProgress",
    "Scores",
    "Sees",
    "Space",
    "Sweep",
    "SweepProgress",
    "SweepResult",
    "__version__",
    "at_most",
    "check_baseline",
    "check_dataset",
    "check_submission",
    "evaluate",
    "home",
    "load_baseline",
    "load_dataset",
    "plan_protocol",
    "read_curve",
    "read_manifest",
    "read_protocol",
    "read_submission",
    "run",
    "run_sweep",
    "score",
    "write_protocol",
]
__version__: str
