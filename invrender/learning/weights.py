"""Files of weights: tensors by name and a few texts, data alone and never code (safetensors)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from invrender import checks
from invrender.errors import UserError, first_line
from invrender.io.atomic import atomic_write

FORMAT = 1
# Of the one text in a file, which has all others: the library writes several in no order.
TEXT = "invrender"


def write_weights(path: Path, network: nn.Module, metadata: Mapping[str, Any]) -> None:
    """Write the weights of a network, whole or not at all. metadata: what has to be known to use them."""
    tensors = {name: each.detach().cpu().contiguous() for name, each in network.state_dict().items()}
    with atomic_write(path) as partial:
        partial.write_bytes(save(tensors, {TEXT: json.dumps({"format": FORMAT, **metadata}, sort_keys=True)}))


def read_weights(path: Path, key: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a file, by name, and what its writer said of them. key: names the file in messages.

    Raises `UserError` for a file that is not there, damaged, of another format, or has numbers that are not finite.
    """
    if not path.is_file():
        raise UserError(f"{key}: there is no file {path}; invrender train writes one")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {}).get(TEXT, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        told = first_line(error, type(error).__name__)
        raise UserError(f"{key}: {path} is no file of weights, or is damaged ({told})") from error
    if not isinstance(metadata, dict) or metadata.pop("format", None) != FORMAT:
        raise UserError(f"{key}: {path} is not of invrender train, or of another version; train anew")
    checks.all_finite({f"{key}: {path}: {name}": each for name, each in tensors.items()})
    return tensors, metadata
