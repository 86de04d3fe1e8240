"""Environments made on this machine: what a registry and its build service do in the cloud.

A recipe is an image's name and a conda file, or a Docker build context; its key (64 hex digits, the
caller's) names what is made of it, `retrain.local/environment:<key>`. With podman or docker that is
a real image; without, a uv virtual environment at `<data>/environments/<key>`, which the Batch
emulator puts on a task's PATH. The same key is built once; what a killed builder left half-made is
never shown as ready.

    server ── HTTP ──▶ builds ──▶ maker: virtual_environments | container_images
                         └─▶ records (what is known of each key, on disk)
"""

from retrain.local.images.server import ImageBuilder, ImageSettings

__all__ = ["ImageBuilder", "ImageSettings"]
