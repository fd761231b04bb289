"""HTML pages with everything in them."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from invrender.errors import UserError
from invrender.io.atomic import atomic_write, is_own, read_own

HERE = Path(__file__).parent
WEBP_QUALITY = 82
# Half the time of the default, for files that are a tenth larger.
FAST = 1
MOST_PIXELS = 2**26
# Those that a run has; Pillow would run a program for PostScript.
FORMATS = ("PNG", "GIF")


def write_page(path: Path, template: str, **context: Any) -> None:
    """Fill in a template, whose texts are escaped, and write it with its styles and scripts."""
    environment = Environment(
        loader=PackageLoader(__name__, "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.globals["asset"] = asset
    environment.filters["breakable"] = breakable
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False}
    text = environment.get_template(template).render(context)
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")


def asset(name: str) -> Markup:
    """A style or a script of ours, to stand between its tags as it is."""
    return Markup((HERE / name).read_text(encoding="utf-8").replace("</script", r"<\/script"))


def breakable(key: str) -> Markup:
    """A key with places for line breaks between its words."""
    return Markup(re.sub("([._])", r"\1<wbr>", str(escape(key))))


def webp(image: Image.Image, longest: int) -> str:
    """A picture as a data URI, reduced so that no side is longer than so many pixels."""
    reduced = image.convert("RGB")
    reduced.thumbnail((longest, longest))
    file = io.BytesIO()
    reduced.save(file, "WEBP", quality=WEBP_QUALITY, method=FAST)
    return data_uri("image/webp", file.getvalue())


def picture(path: Path, longest: int) -> str | None:
    """A picture file as a data URI; None where there is none.

    Raises `UserError` for one of more pixels than a report needs: it would take the memory of a far larger file.
    """
    if not is_own(path):
        return None
    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise UserError(f"runs: {path} is {image.width}x{image.height} pixels, expected at most {MOST_PIXELS}")
        return webp(image, longest)


def data_uri(kind: str, content: bytes) -> str:
    """Content as a URI that carries it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def read_text(path: Path) -> str | None:
    """A text file; None where there is none."""
    return read_own(path) if is_own(path) else None
