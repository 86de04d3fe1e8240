"""Azure Batch on loopback: the REST API 2025-06-01 for the unmodified azure-batch client.

routes ─▶ operations ─▶ account (state, on disk)
                     ├▶ fleet        pools come, scale and go
                     │    ├▶ resizes     they get and give back nodes, as an Allocation lets them
                     │    ├▶ node_life   nodes boot, run start tasks, reboot, are lost
                     │    └▶ autoscaling formulas (autoscale/, pure) say how many there should be
                     ├▶ scheduler    tasks go to nodes, at once, when a slot is free
                     ├▶ preparations job preparation and release
                     └▶ endings      jobs are terminated, run out of time, are deleted
                                     └▶ node/  runs the processes
"""

from retrain.local.batch.server import BatchServer
from retrain.local.batch.settings import BatchSettings

__all__ = ["BatchServer", "BatchSettings"]
