"""The shapes that the API sends; the README's API section says what each field means."""

from typing import Any, Literal, NamedTuple, NotRequired, TypedDict, get_args

Document = dict[str, Any]
Status = Literal[
    "NotStarted",
    "Queued",
    "Provisioning",
    "Preparing",
    "Running",
    "Finalizing",
    "CancelRequested",
    "Completed",
    "Failed",
    "Canceled",
]
STATUSES: tuple[str, ...] = get_args(Status)
FINAL: frozenset[str] = frozenset({"Completed", "Failed", "Canceled"})


class Moment(TypedDict):
    """One entry of a run's timeline: from `at` (ISO 8601, UTC) the run had this status."""

    status: Status
    at: str
    note: str


class RunError(TypedDict):
    code: str
    message: str
    remedy: str


class HeldUp(RunError):
    """A message of the run could not be processed, at that time, and it waits because of that."""

    at: str


class Source(TypedDict):
    """Who asked for the run: `kind` is http, data, cron or recurrence.

    paths: the first few of the files that landed, in order.  files: how many they are.  manifest:
    the address of a list of all of them with their versions. A summary has none of the three.
    """

    kind: str
    schedule: str | None
    path: str | None
    paths: NotRequired[list[str]]
    files: NotRequired[int]
    manifest: NotRequired[str | None]


class RunSummary(TypedDict):
    """What a list shows of a run. Times are ISO 8601 in UTC."""

    name: str
    status: Status
    display_name: str | None
    experiment_name: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None
    attempt: int
    source: Source


class Content(TypedDict):
    """Which content it was: etag and md5 (base64) of a file; of a folder the sha256 of its paths,
    sizes and MD5s, and the name of its manifest, which has the ETags too."""

    size: int
    files: int
    etag: str
    md5: str
    sha256: str
    manifest: NotRequired[str]


class AssetReference(TypedDict):
    """kind: data or models.  reference: as in a job file, azureml:wine:3."""

    kind: str
    name: str
    version: str
    reference: str


class Read(TypedDict):
    """An input. changed: other content was there when the run had ended than when it was asked
    for."""

    input: str
    uri: str
    asset: AssetReference | None
    content: Content | None
    changed: bool


class Promotion(TypedDict):
    """Whether a model became the champion of its name, and why or why not."""

    promoted: bool
    reason: str


class Written(TypedDict):
    """A declared output."""

    output: str
    uri: str
    asset: AssetReference | None
    content: Content | None
    promotion: Promotion | None


class AttemptCost(TypedDict):
    """vm_size, hourly and amount are None when unknown; seconds are those of all its nodes.

    compute: the named compute whose nodes it took.  region: the one whose price it is.
    """

    attempt: int
    vm_size: str | None
    nodes: int
    tier: str
    compute: str | None
    region: str | None
    hourly: float | None
    amount: float | None
    billed_seconds: float
    used_seconds: float


class Cost(TypedDict):
    """An estimate. amount: None when the price of an attempt's nodes is unknown.  so_far: the run
    is not over.  price, as_of: whose prices they are, and of when.  seconds: of all nodes."""

    amount: float | None
    currency: str | None
    price: str | None
    as_of: str | None
    local: bool
    so_far: bool
    billed_seconds: float
    used_seconds: float
    attempts: list[AttemptCost]


class Attempt(TypedDict):
    """One that is over. cause: none (it succeeded), script, timeout, configuration, infrastructure
    or canceled.  requeues: how often it was begun anew on another node."""

    number: int
    asked_at: str
    started_at: str | None
    ended_at: str
    cause: str
    error: RunError | None
    exit_code: int | None
    requeues: int


class Delivery(TypedDict):
    """What became of a notification. state: told, waiting (for the next try) or given up."""

    webhook: str
    occasion: str
    state: str
    at: str
    tries: int
    reason: str


class Run(RunSummary):
    """requeues: how often the present attempt's script began anew, as its node was lost.
    attempts: those that are over."""

    max_attempts: NotRequired[int]
    requeues: NotRequired[int]
    attempts: NotRequired[list[Attempt]]
    description: str | None
    tags: dict[str, str]
    properties: dict[str, str]
    compute: str | None
    environment: str | None
    environment_key: str | None
    image: str | None
    timeline: list[Moment]
    error: RunError | None
    held_up: NotRequired[HeldUp | None]
    notified: NotRequired[list[Delivery]]
    reads: list[Read]
    writes: list[Written]
    inputs: Document
    outputs: Document
    job: Document
    cost: NotRequired[Cost | None]


class OutputFile(TypedDict):
    """A file that a run left: `path` is such as outputs/model.pkl, `size` in bytes."""

    path: str
    size: int
    modified: str


class Asset(AssetReference):
    """A registered version. made_by: {run, output} when a run made it."""

    type: str
    path: str
    folder: bool
    description: str | None
    tags: dict[str, str]
    properties: dict[str, str]
    content: Content | None
    made_by: dict[str, str] | None
    labels: list[str]
    archived: bool
    created_at: str
    versions: NotRequired[list[str]]


class ListedAsset(TypedDict):
    """A name with its versions in the order in which they were registered."""

    name: str
    versions: list[str]
    labels: dict[str, str]
    archived: bool


class Use(TypedDict):
    """A run, where another thing tells of it."""

    name: str
    status: Status
    display_name: str | None
    created_at: str


class AssetLineage(TypedDict):
    asset: str
    made_by: str | None
    used_by: list[Use]
    used_by_count: int


class TracedRead(Read):
    """made_by: the run that made what was read, if one did."""

    made_by: str | None


class TracedWritten(Written):
    """used_by: the newest runs that used what was registered."""

    used_by: list[Use]
    used_by_count: int


class RunLineage(TypedDict):
    """left: what is in the run's folder `outputs`, declared or not."""

    run: str
    status: Status
    reads: list[TracedRead]
    writes: list[TracedWritten]
    left: Content | None


class DeadLetter(TypedDict):
    """A message that could not be processed. id: `<queue>/<number>`.  about: what it says, in a
    word. error: why it failed.  reason, description: what the queue says.

    failed_at, deliveries: None when nobody noted why it failed.  resubmitted: how often before.
    size: of its content, in bytes.
    """

    id: str
    queue: str
    number: int
    message_id: str | None
    run: str | None
    about: str
    error: RunError
    failed_at: str | None
    deliveries: int | None
    reason: str
    description: str
    enqueued_at: str
    resubmitted: int
    content_type: str | None
    size: int


class DeadLetterContent(DeadLetter):
    """body: None when it is no text."""

    body: str | None
    body_base64: str


class Health(TypedDict):
    """compute: open, held (no run starts), or unknown.  dead_letters: None when nobody counted them
    of late; of each queue 250 are counted at most. An older server says nothing of these.
    """

    status: str
    version: str
    compute: NotRequired[str]
    dead_letters: NotRequired[int | None]
    dead_letters_counted_at: NotRequired[str | None]


class LogChunk(NamedTuple):
    """A piece of a log. next_offset: where the next one starts, in bytes.

    complete: the run is over, and nothing comes after next_offset.
    """

    data: bytes
    next_offset: int
    complete: bool
