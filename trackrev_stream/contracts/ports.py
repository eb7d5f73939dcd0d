"""What the program's ports promise, whichever implementation stands behind them."""


class Unavailable(Exception):  # noqa: N818  # a state of the world, not a mistake of the caller
    """The other side cannot take the work now; nothing is known to have been done, and it may be retried."""
