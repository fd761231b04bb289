"""The exception that is meant to be read by the person who typed the command, and what its messages share."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

NOTES = logging.getLogger("invrender.notes")


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


def suggestion(word: object, options: Iterable[object]) -> str:
    """The end of a message: "did you mean" for the option nearest to ``word``, or nothing."""
    near = get_close_matches(str(word), [str(option) for option in options], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def first_line(error: BaseException, otherwise: str = "") -> str:
    """The first line of what an error says; ``otherwise`` where it says nothing."""
    return next(iter(str(error).splitlines()), otherwise)


def one_line(text: str) -> str:
    """A message of several lines as one."""
    return " ".join(text.split())


def shortened(given: object, most: int = 120) -> str:
    """A value for a message, of at most so many characters."""
    try:
        text = repr(given)
    except ValueError:  # a number of more digits than Python writes
        return "a number of thousands of digits"
    except RecursionError:
        return "nested thousands of times"
    return text if len(text) <= most else f"{text[:most]}…"


def shown(path: Path) -> str:
    """A path as a person types it: relative to the working directory where it is below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def note(text: str) -> None:
    """Tell the user something that is no error: what is ignored, assumed or mended, in one line.

    It goes through Python's logging, as a warning; the command line shows each once.
    """
    NOTES.warning("%s", text)
