"""The Faust tables: what each agent remembers, by which key, and what bounds it.

Not SQL: the tables of the ledger are in trackrev_stream/store/database/schema.py.

Every value is a row of the agent's own, encoded by `trackrev_stream.contracts.codec`, and carries the
positions of its inputs. Plain tables with a changelog, not windowed ones: those expire by the wall clock.
"""

from dataclasses import dataclass
from typing import Any

import faust


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A table: ``key`` in words, the agent that owns it, and what bounds its rows."""

    name: str
    key: str
    owner: str
    bound: str


TOUCHES_BY_VISITOR = TableSpec(
    "touches-by-visitor", "visitor", "stitch", "touches and identities bounded and pruned by event time"
)
JOURNEYS_BY_JOIN = TableSpec("journeys-by-join", "join key", "gather", "50 visitors a join key")
FACTS_BY_PAYMENT = TableSpec("facts-by-payment", "payment", "bill", "never expires: disputes come late")
CHARGES_BY_PAYER = TableSpec(
    "charges-by-payer", "payer, and each of its payments", "attribute", "never expires: renewals are yearly"
)

TABLES = (TOUCHES_BY_VISITOR, JOURNEYS_BY_JOIN, FACTS_BY_PAYMENT, CHARGES_BY_PAYER)

_MIB = 1024 * 1024


def _rocksdb(partitions: int) -> dict[str, int]:
    """Memory for one partition of a table: all of a worker's, with many partitions, come to some 400 MiB.

    Faust's default is a block cache of 2 GiB for each.
    """
    return {
        "block_cache_size": max(2, min(16, 64 // partitions)) * _MIB,
        "write_buffer_size": max(1, min(8, 16 // partitions)) * _MIB,
        "max_write_buffer_number": 2,
        "bloom_filter_size": 10,
    }


def define(app: faust.App, spec: TableSpec, partitions: int) -> Any:
    """The Faust table of ``spec`` in ``app``, of bytes to bytes, with a compacted changelog."""
    return app.Table(
        spec.name,
        partitions=partitions,
        key_type=bytes,
        value_type=bytes,
        options=_rocksdb(partitions),
        help=f"{spec.owner}, by {spec.key}: {spec.bound}",
    )
