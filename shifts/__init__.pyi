from .adapters import from_monai as from_monai
from .adapters import from_torchio as from_torchio
from .adapters import per_image as per_image
from .apply import apply_shift as apply_shift
from .catalogue import FAMILIES as FAMILIES
from .catalogue import MODALITIES as MODALITIES
from .catalogue import SEVERITIES as SEVERITIES
from .catalogue import list_shifts as list_shifts
from .catalogue import load_shift as load_shift
from .catalogue import shift_info as shift_info
from .catalogue import shifts_for_modality as shifts_for_modality
from .checks import check_shift as check_shift
from .errors import MedshiftError as MedshiftError
from .fingerprints import fingerprint as fingerprint
from .numerics.rng import SampleRng as SampleRng
from .numerics.severity import interpolate_severity as interpolate_severity
from .preview import contact_sheet as contact_sheet

__all__ = [
    "FAMILIES",
    "MODALITIES",
    "SEVERITIES",
    "MedshiftError",
    "SampleRng",
    "apply_shift",
    "check_shift",
    "contact_sheet",
    "fingerprint",
    "from_monai",
    "from_torchio",
    "interpolate_severity",
    "list_shifts",
    "load_shift",
    "per_image",
    "shift_info",
    "shifts_for_modality",
]
