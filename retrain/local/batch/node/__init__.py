"""The Batch emulator's node: runs one task's process and everything that belongs to it.

LocalNode ─┬─ downloads   resource files from Blob Storage into the working folder
           ├─ programs    the task as a process, under the warden's guard
           ├─ containers  the task in a container of podman or docker
           └─ uploads     output files to Blob Storage when the process has ended
"""

from retrain.local.batch.node.local import LocalNode

__all__ = ["LocalNode"]
