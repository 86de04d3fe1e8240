"""What is set from outside, read once at the edge."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import urlsplit

from shared.domain.errors import Permanent
from shared.domain.ledger import Limits


class MissingSettings(Permanent):
    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"Not set: {', '.join(names)}.",
            remedy="Set them as app settings (infra/ does), or start the stack with `retrain up`.",
        )


class BadSettings(Permanent):
    """What is set makes no sense."""


class BadSetting(BadSettings):
    def __init__(self, name: str, value: str, wanted: str) -> None:
        super().__init__(f"{name} is '{value}', and has to be {wanted}.", remedy="Change it.")


@dataclass(frozen=True, slots=True)
class SignIn:
    """Microsoft Entra ID: client is the application that tokens have to be for, authority the
    address of the cloud's sign-in, without a slash at its end."""

    client: str
    tenant: str
    authority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Field `batch_key` is the variable RETRAIN_BATCH_KEY; one without a default must be set.

    storage: blob endpoint (identity), or a connection string (a key, for the local stack).
    servicebus: fully qualified namespace (identity), or a connection string.
    batch: the account's endpoint.  batch_account, batch_key: shared key, for the local stack; empty
    means identity.  images: where the local stack builds environments.
    registry: ARM id of the Azure Container Registry to build them in; empty means nowhere.
    shared_registries: servers that are asked for an image too, x.azurecr.io,y.azurecr.io.
    webhook_secret: signs notifications, `whsec_` and base64; empty refuses them.  webhook_private:
    "true" allows addresses of private networks.
    url: where scripts reach the app, to log to it; empty means they can't, and log nowhere.
    max_nodes, max_node_hours_a_day: of all compute at once, and of a day of UTC; empty means any.
    vm_size: of a job that names none.  node_image: publisher:offer:sku of its nodes.
    subnet: ARM id of the one that nodes join; empty means none.
    """

    storage: str
    servicebus: str
    batch: str
    batch_account: str = ""
    batch_key: str = ""
    images: str = ""
    registry: str = ""
    shared_registries: str = ""
    webhook_secret: str = ""
    webhook_private: str = ""
    url: str = ""
    max_nodes: str = ""
    max_node_hours_a_day: str = ""
    vm_size: str = "Standard_D2s_v3"
    node_image: str = "microsoft-dsvm:ubuntu-hpc:2204"
    node_agent: str = "batch.node.ubuntu 22.04"
    subnet: str = ""

    @property
    def region(self) -> str:
        """Where the nodes are, by the account's address: name.region.batch.azure.com."""
        parts = (urlsplit(self.batch).hostname or self.batch).split(".")
        return parts[1] if parts[2:3] == ["batch"] else ""

    @property
    def local(self) -> bool:
        """Whether Batch is the local stack's: the service itself is on nobody's own machine."""
        host = urlsplit(self.batch).hostname or ""
        return host in ("localhost", "::1") or host.startswith("127.")


def limits(chosen: Settings) -> Limits:
    """Raises BadSetting."""
    nodes, hours = chosen.max_nodes.strip(), chosen.max_node_hours_a_day.strip()
    if nodes and not (nodes.isascii() and nodes.isdigit() and int(nodes)):
        raise BadSetting("RETRAIN_MAX_NODES", nodes, "a whole number, 1 or more")
    if hours and not (_NUMBER.fullmatch(hours) and float(hours)):
        raise BadSetting("RETRAIN_MAX_NODE_HOURS_A_DAY", hours, "a number above 0, such as 40")
    return Limits(nodes=int(nodes) if nodes else None, node_hours=float(hours) if hours else None)


_NUMBER: Final = re.compile(r"\d{1,9}(\.\d{1,6})?")

#: Where the Functions runtime keeps an identity-based connection, which has no single value.
_IDENTITY = {
    "RETRAIN_STORAGE": "RETRAIN_STORAGE__blobServiceUri",
    "RETRAIN_SERVICEBUS": "RETRAIN_SERVICEBUS__fullyQualifiedNamespace",
}


def read(environ: Mapping[str, str]) -> Settings:
    """Raises MissingSettings, naming every one."""
    values: dict[str, str] = {}
    missing: list[str] = []
    for field in fields(Settings):
        name = f"RETRAIN_{field.name.upper()}"
        value = environ.get(name) or environ.get(_IDENTITY.get(name, ""), "")
        if value:
            values[field.name] = value
        elif field.name in ("storage", "servicebus", "batch"):
            missing.append(name)
    if missing:
        raise MissingSettings(missing)
    if "url" not in values and environ.get("WEBSITE_HOSTNAME"):  # Azure sets it
        values["url"] = f"https://{environ['WEBSITE_HOSTNAME']}"
    return Settings(**values)


def sign_in(environ: Mapping[str, str]) -> SignIn | None:
    """None when callers have function keys. Raises MissingSettings for one half without the other.

    It is apart from Settings because the host asks for it before there is anything to connect to.
    """
    client, tenant = (environ.get(f"RETRAIN_ENTRA_{name}", "") for name in ("CLIENT", "TENANT"))
    if not client and not tenant:
        return None
    missing = [name for name, value in (("CLIENT", client), ("TENANT", tenant)) if not value]
    if missing:
        raise MissingSettings([f"RETRAIN_ENTRA_{name}" for name in missing])
    authority = environ.get("RETRAIN_ENTRA_AUTHORITY") or "https://login.microsoftonline.com"
    return SignIn(client, tenant, authority.rstrip("/"))


def rate(environ: Mapping[str, str]) -> int:
    """Requests that one caller may send in a minute; 0: any number. Raises BadSettings."""
    value = environ.get("RETRAIN_RATE") or "0"
    if not value.isdecimal():
        raise BadSettings(
            f"RETRAIN_RATE is {value!r}, which is no number of requests a minute.",
            remedy="Set it to a whole number, or leave it out for no limit.",
        )
    return int(value)
