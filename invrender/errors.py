"""The one exception that is meant to be read by the person who typed the command."""

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """Something the user gave can't be used.

    The message is one line: it names the config key or the file, what was given, what was expected, and the mend.
    The command line prints it without a traceback and exits with status 2.
    """


@contextmanager
def naming(key: str) -> Iterator[None]:
    """Put the config key in front of the message of a `UserError` raised inside."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{key}: {error}") from error
