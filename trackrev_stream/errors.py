"""What every part may raise towards the people at the command line."""


class ForPeople(Exception):
    """An error whose message says what was wrong and what to do. Anything else is a bug, and shows where."""
