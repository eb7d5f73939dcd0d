"""A topic that grew by a partition is made as it was, and every record keeps its offset.

Kafka can add partitions and cannot take them away, so the topic is deleted and made anew. Rows of tables,
the database and the group know records by topic, partition and offset. So none of these may change: what
offsets no record has any more (it was deleted or compacted) are filled with records without a value, which
agents pass over. In this order, for each topic:

1. `saving`: all records are copied to a topic of its own, `NAME.repair`, and compared with it.
2. `saved`: nothing more has come; the topic is deleted.
3. `refilling`: it is made with the right number of partitions, filled up to where it began, the records are
   copied back, each to its offset, and compared. Those of the partitions that are too many are appended to
   the partition where their key belongs.
4. `refilled`: what was filled in before the first record is deleted, the topic gets its configuration and
   the group its offsets back. `NAME.repair` goes.

Each step is noted in `NAME.repair` before the next one begins, and looks at what is there before it does
anything: after a crash it goes on. As long as that topic is there no agent starts, and collectors keep what
comes on their disks (`topics_watch`, `kafka_broker`). What somebody else writes into the topic meanwhile is
noticed by its offset, saved too, and appended.

- `plan`: what is known of the topic, and the step; `saved`: the copies in `NAME.repair`.
- `batches`, `appender`: records to a partition, each to the offset where it shall be.
- `saving`, `refilling`: steps 1 and 3; `repair`: all of them. `routes`: where a record belongs.
"""
