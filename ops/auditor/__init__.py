"""An independent auditor of the book: from all facts at once to the lines that must stand for every charge.

It is written from the rules (``ops/decisions``, the scenarios, Stripe's documentation), takes plain
dictionaries, and imports nothing of the program; import-linter holds that. It keeps nothing, bounds little
and looks everything up anew: slow, and short enough to be read against the rules one by one.

It does not know what the program forgets: the histories that it is given stay within the horizon
(decision 0001 and ``ARCHITECTURE.md``, rule 6), and no visitor has more campaign touches than are kept.
"""

from ops.auditor.book import Standing, audit

__all__ = ["Standing", "audit"]
