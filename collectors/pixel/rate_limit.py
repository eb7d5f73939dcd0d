"""Token buckets: how much each workspace may send, with the time as an argument."""

from dataclasses import dataclass


@dataclass(slots=True)
class _Bucket:
    millitokens: int
    filled_at: int


class Buckets:
    """A bucket for each key: filled at ``rate`` tokens a second, holding two seconds' worth."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._capacity = 2 * rate * 1_000
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key: str, tokens: int, now: int) -> int:
        """Take ``tokens`` for ``key`` at ``now`` (milliseconds).

        Return 0 when they were there, else in how many milliseconds they will be. Nothing is taken then.
        """
        bucket = self._buckets.setdefault(key, _Bucket(self._capacity, now))
        elapsed = max(0, now - bucket.filled_at)
        bucket.millitokens = min(self._capacity, bucket.millitokens + elapsed * self._rate)
        bucket.filled_at = max(now, bucket.filled_at)
        wanted = min(tokens * 1_000, self._capacity)  # more than a full bucket could never be had
        if bucket.millitokens >= wanted:
            bucket.millitokens -= wanted
            return 0
        return -(-(wanted - bucket.millitokens) // self._rate)
