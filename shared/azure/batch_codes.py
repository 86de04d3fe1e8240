"""What Azure Batch's failure codes mean to somebody who only knows their script, and what to do.

docs/failures.md is made from these tables, and a test holds it to them.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Meaning:
    """codes: `*` is wild.  of: the thing concerned, as the sentence begins with it.  says: goes on
    from there."""

    codes: tuple[str, ...]
    of: Literal["input", "image", "output", "node", "script"]
    says: str
    remedy: str

    @property
    def begins(self) -> str:
        return {
            "input": "The input",
            "image": "The image",
            "output": "The script had ended, but its output",
            "node": "The node",
            "script": "The script",
        }[self.of]

    def sentence(self, name: str, words: str) -> str:
        """name: of the input, image or output, or "" when nothing tells.  words: the service's."""
        called = f" '{name}'" if name else ""
        return f"{self.begins}{called} {self.says}: {words}"


#: Of tasks.
TASKS: Final = (
    Meaning(
        ("BlobNotFound", "ResourceContainerNotFound"),
        "input",
        "is not there",
        "Check the input's path, and whether somebody deleted it since the run was asked for.",
    ),
    Meaning(
        ("BlobAccessDenied", "ResourceContainerAccessDenied"),
        "input",
        "may not be read from the node",
        "See whether the storage account's firewall lets the nodes in, and whether Retrain's "
        "identity may read that account.",
    ),
    Meaning(
        (
            "BlobDownloadMiscError",
            "BlobDownloadTimedOut",
            "ResourceContainerListMiscError",
            "HttpResponseError",
        ),
        "input",
        "could not be downloaded",
        "Submit the job again; if it stays so, see whether the storage account is throttled.",
    ),
    Meaning(
        ("ResourceFileWriteFailed", "ResourceFileCreateFailed"),
        "input",
        "could not be stored on the node",
        "Take a VM size with a larger disk (resources.instance_type), or read less.",
    ),
    Meaning(
        ("ContainerInvalidImage", "ContainerImage*"),
        "image",
        "could not be pulled",
        "Check the name of environment.image; nodes must be able to pull it.",
    ),
    Meaning(
        ("ContainerInvalidRegistry*",),
        "image",
        "is in a registry that does not let the node in",
        "Give Retrain's identity the right to pull (AcrPull), or take an image without a login.",
    ),
    Meaning(
        ("ContainerInvalidSettings",),
        "image",
        "could not be started with these settings",
        "Check resources.docker_args and resources.shm_size.",
    ),
    Meaning(
        ("FileUpload*",),
        "output",
        "could not be kept",
        "See whether the container in Blob Storage is there, and lets the node write; then submit "
        "the job again. What else the script left is kept.",
    ),
    Meaning(
        ("CommandProgramNotFound", "CommandLaunchFailed"),
        "script",
        "could not be started in its image",
        "The image needs /bin/sh.",
    ),
    Meaning(
        ("DiskFull",),
        "node",
        "has no room left on its disk",
        "Take a VM size with a larger disk (resources.instance_type), or write less.",
    ),
    Meaning(
        ("NodeFailed", "TaskLost"),
        "node",
        "failed the script",
        "Nothing, if another attempt ends well; else look at the node in the Batch account.",
    ),
)

#: What an account may have at most, by the service's code. It goes up on request.
QUOTAS: Final = {
    "AccountCoreQuotaReached": "dedicated cores",
    "AccountLowPriorityCoreQuotaReached": "low-priority cores",
    "AccountVMSeriesCoreQuotaReached": "cores of this VM family",
    "AccountSpotCoreQuotaReached": "low-priority cores",
    "PoolQuotaReached": "pools",
    "AutoPoolCreationFailedWithQuotaReached": "pools",
    "ActiveJobAndScheduleQuotaReached": "jobs at once",
}
QUOTA_REMEDY: Final = (
    "Ask for more in the Azure portal (the Batch account's Quotas), or wait until other runs give "
    "theirs back."
)
_OTHER_SIZE: Final = "Choose another VM size (resources.instance_type), or try later."

#: Of pools that get fewer nodes than they should: what is said, and what to do.
ALLOCATION: Final = {
    "AllocationFailed": ("Azure has no machine of this VM size to give at the moment", _OTHER_SIZE),
    "AllocationTimedout": (
        "Azure found no machine of this VM size within the time there is",
        _OTHER_SIZE,
    ),
    "InsufficientCapacity": ("Azure's region is out of machines of this VM size", _OTHER_SIZE),
    "UnsupportedVMSize": (
        "Azure has no such VM size in this region",
        "`az batch location list-skus --location <region>` lists those there are.",
    ),
    "IncompatibleVMSize": (
        "The VM size does not go with the nodes' image",
        "Choose another VM size (resources.instance_type), or RETRAIN_NODE_IMAGE.",
    ),
    "ResizeStopped": (
        "Somebody stopped the pool's resize before there was a node",
        "Look in the Batch account's activity log for who did.",
    ),
}
ANY_ALLOCATION: Final = (
    "Azure Batch could not allocate a node",
    "Ask for quota, choose another VM size (resources.instance_type), or try later.",
)


def meaning(code: str) -> Meaning | None:
    """What a task's failure code means; None for one that nobody has met."""
    found = (one for one in TASKS if any(fnmatchcase(code, each) for each in one.codes))
    return next(found, None)


def quota(code: str) -> tuple[str, str] | None:
    """What is said of a quota that is reached, and what to do; None when the code is no quota's."""
    what = QUOTAS.get(code)
    return (f"The Batch account may have no more {what}.", QUOTA_REMEDY) if what else None


def unallocated(code: str, words: str) -> tuple[str, str]:
    """What is said of nodes that could not be had, and what to do. words: the service's."""
    if sentence := quota(code):
        return sentence
    says, remedy = ALLOCATION.get(code, ANY_ALLOCATION)
    return f"{says}: {words}", remedy
