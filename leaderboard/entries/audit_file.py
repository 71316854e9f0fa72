"""`audit.json` beside a protocol: the record of an audit of the board's images, which maintainers add."""

from __future__ import annotations

from ...benchmark.audit.report.record import AuditRecord, checked_audit
from ...shifts.errors import MedshiftError
from .entries import ProtocolFolder

AUDIT_FILE = "audit.json"


def board_audit(folder: ProtocolFolder) -> AuditRecord | None:
    """Read the audit beside a protocol, held against the protocol and its truth; None if there is none.

    Raises:
        MedshiftError: It is damaged, a link, a folder, or does not fit them.
    """
    path = folder.path / AUDIT_FILE
    if path.is_symlink():
        raise MedshiftError(f"{path} is a link: commit the file itself")
    if path.is_dir():
        raise MedshiftError(f"{path} is a folder, where the record of an audit would lie: remove or rename it")
    return checked_audit(path, folder.protocol, folder.truth) if path.exists() else None
