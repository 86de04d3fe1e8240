"""Cores by the name of a VM size."""

import pytest

from retrain.local.batch.vm_sizes import cores

SIZES = {
    "Standard_D2s_v3": 2,
    "STANDARD_D2S_V3": 2,
    "standard_f16s_v2": 16,
    "Standard_NC24ads_A100_v4": 24,
    "Standard_E64-16s_v3": 64,
    "Standard_A1_v2": 1,
    "Standard_A4": 8,
    "Standard_A4_v2": 4,
    "Standard_D1_v2": 1,
    "Standard_D14_v2": 16,
    "Standard_DS3_v2": 4,
    "Standard_D16_v3": 16,
    "Standard_B1ms": 1,
    "tiny": 1,
}


@pytest.mark.parametrize(("size", "count"), SIZES.items())
def test_cores(size: str, count: int) -> None:
    assert cores(size) == count
