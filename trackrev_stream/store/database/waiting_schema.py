"""The table of money that waits for its charge."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table

from trackrev_stream.store.database.schema import Words, metadata

waiting_money = Table(
    "waiting_money",
    metadata,
    Column("payment", Words, primary_key=True),  # its key, or that of its charge where nothing names more
    Column("workspace", Words, nullable=False),
    Column("account", Words, nullable=False),
    Column("livemode", Boolean, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),  # when the edge received the first of those that wait
    Column("version", BigInteger, nullable=False),
    Column("facts", Words, nullable=False),  # as contracts.codec encodes them
    Index("waiting_money_by_count", "count", "workspace"),  # of most that ever waited nothing does any more
)
