"""Whether somebody listens, by OpenTelemetry's own variables, before anything of it is imported."""

from collections.abc import Mapping
from typing import Final, Literal

Signal = Literal["traces", "metrics"]
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics")


def exporters(environ: Mapping[str, str]) -> dict[Signal, str]:
    """For each signal the name of its exporter; those that nobody wants are left out.

    OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER name them, `none` for nothing; an endpoint for
    OTLP alone means `otlp`. Without any of these variables there is no telemetry.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return {}
    found: dict[Signal, str] = {}
    for signal in SIGNALS:
        name = environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip()
        endpoint = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get(
            f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"
        )
        name = name or ("otlp" if endpoint else "none")
        if name != "none":
            found[signal] = name
    return found
