"""What is logged, and how."""

import logging

QUIET = ("faust", "mode", "aiokafka")


def quiet_libraries(level: str) -> None:
    """Log at ``level``; Faust and its libraries only warn, for at other levels each event costs a record."""
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
