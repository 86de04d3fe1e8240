"""When a run is tried again: how often, after which failures, and after how long.

retry:
  max_attempts: 5
  on: [infrastructure, timeout]
  exit_codes: [75]
  backoff: {initial: 15, factor: 4, max: 300}
"""

from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from shared.jobs.document import Document
from shared.jobs.problems import refusal

#: What may go wrong and be tried again. What is wrong with the job itself stays wrong.
Failure = Literal["infrastructure", "timeout", "script"]
_DAY: Final = 86_400  # seconds


def _each_once(failures: list[Failure]) -> list[Failure]:
    return [one for one in get_args(Failure) if one in failures]


def _codes(codes: list[int]) -> list[int]:
    return sorted(set(codes))


class Backoff(Document):
    """How long to wait before another attempt: `initial` seconds, then `factor` times as long."""

    initial: Annotated[int, Field(ge=0, le=_DAY)] = Field(
        default=15, description="Seconds before the second attempt, 0 to 86,400 (a day)."
    )
    factor: Annotated[float, Field(ge=1, le=10)] = Field(
        default=4.0, description="Each later wait is so many times as long, 1 to 10."
    )
    max: Annotated[int, Field(ge=0, le=_DAY)] = Field(
        default=300, description="No wait is longer, in seconds, 0 to 86,400 (a day)."
    )

    @model_validator(mode="after")
    def _bounded(self) -> "Backoff":
        if self.initial > self.max:
            raise refusal(
                f"`initial`, {self.initial}, is more than `max`, {self.max}", "raise `max`"
            )
        return self

    def seconds(self, attempts: int) -> int:
        """To wait after so many attempts, from 1."""
        return min(self.max, round(self.initial * self.factor ** (attempts - 1)))


class Retry(Document):
    """When a run is tried again. Each attempt has a node, logs and outputs of its own."""

    max_attempts: Annotated[int, Field(ge=1, le=10)] = Field(
        default=3, description="Attempts in all, the first among them, 1 to 10; 1 is no retry."
    )
    on: Annotated[list[Failure], AfterValidator(_each_once)] = Field(
        default=["infrastructure"],
        description="Failures that are tried again: `infrastructure` (a node could not be had, or "
        "was lost), `timeout` (of `limits`), `script` (any exit code but 0).",
    )
    exit_codes: Annotated[
        list[Annotated[int, Field(ge=1, le=255)]], Field(max_length=255), AfterValidator(_codes)
    ] = Field(default=[], description="Exit codes of the script that are tried again, 1 to 255.")
    backoff: Backoff = Field(default=Backoff(), description="How long to wait before it.")

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Retry":
        if "script" in self.on and self.exit_codes:
            raise refusal(
                "`script` stands for every exit code, and `exit_codes` for some",
                "leave one of them out",
            )
        if not self.on and not self.exit_codes:
            raise refusal("nothing is tried again", "write `max_attempts: 1`")
        return self

    def covers(self, cause: str, exit_code: int | None) -> bool:
        """Whether such a failure is tried again. exit_code: of the script, when it was its own."""
        return cause in self.on or (cause == "script" and exit_code in self.exit_codes)
