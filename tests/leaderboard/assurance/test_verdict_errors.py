"""Verdicts err in at most one study in twenty where the truth is at the limit (`studies.verdict_errors`)."""

from __future__ import annotations

import pytest
from studies import verdict_errors


@pytest.mark.parametrize(("patients", "images"), [(30, 1), (30, 6)])
def test_a_loss_at_its_limit_is_rarely_called_met_and_would_often_be_without_the_patient_more(patients, images):
    met, bare, missed = verdict_errors.loss(patients, images, 0.06, studies=150)
    assert met <= 0.05
    assert missed <= 0.05
    assert bare >= 0.10
