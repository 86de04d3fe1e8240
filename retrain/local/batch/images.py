"""Marketplace images whose node agents the service supports: a few that are in use everywhere.

The nodes here are this machine, whatever image a pool names; so only those of Linux are told.
"""

from __future__ import annotations

from typing import Any, Final

_DOCKER: Final = ("DockerCompatible",)
_GPU: Final = ("DockerCompatible", "NvidiaTeslaDriverInstalled")

#: publisher, offer, sku, node agent, capabilities
_IMAGES: Final[tuple[tuple[str, str, str, str, tuple[str, ...]], ...]] = (
    ("microsoft-dsvm", "ubuntu-hpc", "2204", "batch.node.ubuntu 22.04", _GPU),
    ("canonical", "0001-com-ubuntu-server-jammy", "22_04-lts", "batch.node.ubuntu 22.04", ()),
    ("canonical", "ubuntu-24_04-lts", "server", "batch.node.ubuntu 24.04", ()),
    ("almalinux", "almalinux-x86_64", "8-gen2", "batch.node.el 8", ()),
    ("almalinux", "almalinux-x86_64", "9-gen2", "batch.node.el 9", ()),
    ("debian", "debian-11", "11", "batch.node.debian 11", ()),
    ("debian", "debian-12", "12", "batch.node.debian 12", ()),
)


def supported() -> list[dict[str, Any]]:
    """As the service lists them."""
    return [
        {
            "nodeAgentSKUId": agent,
            "imageReference": {
                "publisher": publisher,
                "offer": offer,
                "sku": sku,
                "version": "latest",
            },
            "osType": "linux",
            "capabilities": list(capabilities),
            "verificationType": "verified",
        }
        for publisher, offer, sku, agent, capabilities in _IMAGES
    ]
