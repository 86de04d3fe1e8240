"""Events of every kind, as hypothesis draws them."""

from datetime import datetime

from hypothesis import strategies as st

from shared.domain.events import (
    AttemptEnded,
    AttemptMoved,
    AttemptPending,
    CancelAsked,
    Concluded,
    Event,
    ImageFailed,
    ImagePending,
    ImageReady,
    NotifyDue,
    Nudged,
    Requested,
    RetryDue,
    TakenDown,
)
from shared.domain.status import Status
from tests.factories import OUT_OF_QUOTA, after

ids = st.integers(1, 10_000).map(lambda n: f"event-{n}")
times: st.SearchStrategy[datetime] = st.integers(0, 5_000).map(after)
attempts, looks = st.integers(0, 4), st.integers(1, 9)
node_times = st.none() | times
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Requested, id=ids, at=times),
    st.builds(ImageReady, id=ids, at=times, image=st.just("built:1")),
    st.builds(ImagePending, id=ids, at=times, look=looks),
    st.builds(ImageFailed, id=ids, at=times, problem=st.just(OUT_OF_QUOTA)),
    st.builds(
        AttemptMoved,
        id=ids,
        at=times,
        attempt=attempts,
        status=st.sampled_from((Status.PROVISIONING, Status.PREPARING, Status.RUNNING)),
        requeues=st.integers(0, 3),
    ),
    st.builds(AttemptPending, id=ids, at=times, attempt=attempts, look=looks),
    st.builds(
        AttemptEnded,
        id=ids,
        at=times,
        attempt=attempts,
        cause=st.sampled_from(("none", "script", "timeout", "configuration", "infrastructure")),
        problem=st.just(OUT_OF_QUOTA),
        prepared_at=node_times,
        started_at=node_times,
        exit_code=st.none() | st.integers(1, 255),
        requeues=st.integers(0, 3),
    ),
    st.builds(
        TakenDown,
        id=ids,
        at=times,
        attempt=attempts,
        prepared_at=node_times,
        started_at=node_times,
    ),
    st.builds(
        Concluded, id=ids, at=times, attempt=attempts, problem=st.none() | st.just(OUT_OF_QUOTA)
    ),
    st.builds(RetryDue, id=ids, at=times, attempt=attempts),
    st.builds(CancelAsked, id=ids, at=times),
    st.builds(Nudged, id=ids, at=times),
    st.builds(
        NotifyDue,
        id=ids,
        at=times,
        webhook=st.just(0),
        occasion=st.sampled_from(("completed", "failed", "canceled")),
        tries=st.integers(1, 5),
    ),
)
