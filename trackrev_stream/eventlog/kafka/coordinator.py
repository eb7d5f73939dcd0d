"""What the group coordinator says, as aiokafka hears it: one place where its answers are listened to."""

from typing import Any

from aiokafka import AIOKafkaConsumer, errors
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.protocol.group import HeartbeatRequest, SyncGroupRequest

from trackrev_stream.eventlog.kafka.lease import Lease

_GONE = frozenset((errors.UnknownMemberIdError.errno, errors.IllegalGenerationError.errno))


def listen(consumer: AIOKafkaConsumer, lease: Lease | None = None) -> None:
    """Attach to a consumer of a group that was started.

    Mends aiokafka/consumer/group_coordinator.py:1193: the answer's own error is not looked at there, so while
    the coordinator is still loading its group (a restart of the broker), every partition seems to have no
    commit, and would be read again from its beginning. An error makes aiokafka ask again.
    """
    coordinator = consumer._coordinator  # noqa: SLF001 - aiokafka has no other place to hear it
    send = coordinator._send_req  # noqa: SLF001 - as above

    async def listening(request: Any) -> Any:
        asked_at = lease.now() if lease is not None else 0.0
        answer = await send(request)
        if isinstance(request, OffsetFetchRequest):
            _refuse(coordinator, getattr(answer, "error_code", 0))
        elif lease is not None and isinstance(request, HeartbeatRequest | SyncGroupRequest):
            _inform(lease, request, answer.error_code, asked_at)
        return answer

    coordinator._send_req = listening  # noqa: SLF001 - as above


def _refuse(coordinator: Any, code: int) -> None:
    if code == 0:
        return
    if code == errors.NotCoordinatorForGroupError.errno:
        coordinator.coordinator_dead()
    error: Exception = errors.for_code(code)()
    raise error


def _inform(lease: Lease, request: Any, code: int, asked_at: float) -> None:
    if code == 0:
        lease.renew(asked_at)
    elif code == errors.RebalanceInProgressError.errno:
        lease.extend(asked_at)
    elif code in _GONE and isinstance(request, HeartbeatRequest):
        lease.lose(errors.for_code(code).__name__)
