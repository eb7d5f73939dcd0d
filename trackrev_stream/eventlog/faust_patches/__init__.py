"""What we mend in Faust, and the app that has all of it.

Each class says "Mends FILE:LINE", in faust-streaming 0.15.3, and a test fails without it. What is mended for
one log alone stands in `eventlog/embedded/` and `eventlog/kafka/`, in the class of Faust's name.

- `ordered_acks`: an offset is committed past records that are still worked on.
- `commit_barriers`: a commit does not wait for what was sent.
- `ordered_sends`: a table's changelog can be overtaken by an output.
- `row_table`: a write to a table costs two encodings and two puts.
- `recovery`: tables come back record by record, through a queue.
- `runtime`: an app on an event loop that it shares; a table manager that starts at once.
- `app`, `protocols`, `rocksdb_memory`: the app itself, what our code needs of one, and what its tables take.
"""
