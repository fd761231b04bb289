"""JSON as camera files have it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from invrender.errors import UserError


def read_json(path: Path) -> Any:
    """The document in a file. Raises `UserError` where it is not readable as JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path}: not readable as JSON ({error})") from error
