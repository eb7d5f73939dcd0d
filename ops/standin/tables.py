"""What an account holds: objects of one kind, found by id and walked by time."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, ValuesView

from ops.standin.errors import Json


class Table:
    """Objects of one kind. They are walked by (created, order of being added), which never changes.

    What points at one object by the field `back`, which never changes either, is found without a search.
    """

    def __init__(self, back: str = "") -> None:
        self._back = back
        self._pointing: dict[str, list[tuple[int, int, str]]] = {}
        self._by_id: dict[str, Json] = {}
        self._place: dict[str, tuple[int, int]] = {}
        self._order: list[tuple[int, int, str]] = []

    def add(self, stored: Json) -> Json:
        """Keeps a new object and returns it. It stays the caller's to change, but for `id` and `created`."""
        place = (int(stored["created"]), len(self._by_id))
        self._by_id[stored["id"]] = stored
        self._place[stored["id"]] = place
        insort(self._order, (*place, stored["id"]))
        if self._back:
            insort(self._pointing.setdefault(stored[self._back], []), (*place, stored["id"]))
        return stored

    def get(self, id_: str) -> Json | None:
        return self._by_id.get(id_)

    def __getitem__(self, id_: str) -> Json:
        return self._by_id[id_]

    def __contains__(self, id_: object) -> bool:
        return id_ in self._by_id

    def __len__(self) -> int:
        return len(self._by_id)

    def values(self) -> ValuesView[Json]:
        """All objects, in the order of being added."""
        return self._by_id.values()

    def walk(
        self,
        *,
        from_s: int | None = None,
        to_s: int | None = None,
        older_than: str | None = None,
        newer_than: str | None = None,
        oldest_first: bool = False,
        pointing: Mapping[str, object] | None = None,
    ) -> Iterator[Json]:
        """Objects with from_s <= created <= to_s, newest first; times in seconds since the epoch.

        `older_than` and `newer_than` are ids of held objects (KeyError for others), which are left out, and
        so may be what has another value for `back` than `pointing`.
        """
        order = self._order
        if pointing is not None and self._back in pointing:
            order = self._pointing.get(str(pointing[self._back]), [])
        low = 0 if from_s is None else bisect_left(order, (from_s,))
        high = len(order) if to_s is None else bisect_left(order, (to_s + 1,))
        if older_than is not None:
            high = min(high, bisect_left(order, (*self._place[older_than],)))
        if newer_than is not None:
            low = max(low, bisect_right(order, (*self._place[newer_than], newer_than)))
        places = range(low, high) if oldest_first else range(high - 1, low - 1, -1)
        return (self._by_id[order[place][2]] for place in places)
