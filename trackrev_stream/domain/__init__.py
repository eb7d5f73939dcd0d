"""The rules, as pure functions: no clock, no I/O, no framework.

All times are milliseconds since the epoch, UTC; all amounts are integers in minor units.
"""
