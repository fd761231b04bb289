"""MTL files, the materials of OBJ files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from invrender.errors import UserError
from invrender.io.meshes.content import Gloss, Part, Texture, Wrap, file_bytes
from invrender.io.meshes.obj_text import decode
from invrender.io.pictures import read_map, read_picture

# The arguments of a texture's options: how many at most, and whether they are numbers.
NUMBERS = {"-s": 3, "-o": 3, "-t": 3, "-mm": 2, "-bm": 1, "-boost": 1, "-texres": 1}
NAMING = {"newmtl", "map_kd"}
WORDS = {"-clamp", "-blendu", "-blendv", "-cc", "-imfchan", "-type"}
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
UNDRAWN = {
    "map_ka": "textures of ambient light (map_Ka)",
    "map_ks": "textures of highlights (map_Ks)",
    "map_ns": "textures of highlights (map_Ns)",
    "map_d": "textures of transparency (map_d)",
    "map_bump": "bumps (map_Bump)",
    "bump": "bumps (bump)",
    "disp": "displacement (disp)",
    "refl": "reflection (refl)",
}
# The keywords of maps of gloss, and their properties.
MAPS = {"map_pr": "roughness", "map_pm": "metallic", "map_ke": "emission", "norm": "normal"}


@dataclass(frozen=True)
class MtlMaterial:
    """A part, and how its texture lies on it: the coordinates are multiplied by ``scale``, then moved by ``offset``."""

    part: Part
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)


@dataclass
class Statement:
    """A material as an MTL file states it: each keyword in lower case, with the text behind it."""

    library: Path
    name: str
    lines: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """What is to be told of materials: ``undrawn``, each in a few words, and ``notes``, each a sentence."""

    undrawn: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_libraries(obj: Path, named: list[str], used: list[str]) -> tuple[dict[str, MtlMaterial], Told]:
    """The materials ``used`` by an OBJ file, by name, and what is to be told of them.

    named: the texts behind mtllib. What is not there is said by the part, since it does no harm where the scene says
    what the part looks like.
    """
    if not used:
        return {}, Told()
    statements: dict[str, Statement] = {}
    told = Told()
    gone: list[str] = []
    for text in named:
        for name, path in libraries(obj.parent, text):
            if path is None:
                gone.append(name)
                continue
            statements |= {each.name: each for each in statements_of(path)}
    if not named:
        told.notes.append(f"it uses materials ({', '.join(used[:3])}), but names no material file")
    found: dict[str, MtlMaterial] = {}
    for name in used:
        statement = find_statement(statements, name)
        if statement is not None:
            try:
                found[name] = material(statement, told)
            except UserError as error:
                found[name] = MtlMaterial(Part(name, lost=str(error)))
        elif named:
            reason = (
                f"the material file {gone[0]!r} is not there" if gone else f"no material {name!r} is in {named[0]!r}"
            )
            found[name] = MtlMaterial(Part(name, lost=reason))
    return found, told


def find_statement(statements: dict[str, Statement], name: str) -> Statement | None:
    """The material of this name, or the one whose name differs in nothing but capitals."""
    if name in statements:
        return statements[name]
    alike = [each for each in statements.values() if each.name.lower() == name.lower()]
    return alike[0] if len(alike) == 1 else None


def libraries(folder: Path, text: str) -> Iterator[tuple[str, Path | None]]:
    """The files that a line mtllib names: one whose name may have spaces, or several."""
    whole = find_file(folder, text)
    names = [text] if whole is not None or len(text.split()) < 2 else text.split()
    if any(find_file(folder, name) is None for name in names) and not all(
        name.lower().endswith(".mtl") for name in names
    ):
        names = [text]
    for name in names:
        yield name, find_file(folder, name)


def unquoted(name: str) -> str:
    """A name without quotes around it."""
    return name.strip().strip("\"'").strip()


def find_file(folder: Path, name: str) -> Path | None:
    """A file that an OBJ or MTL file names: as it is written, in other capitals, or of this name beside the file.

    Quotes around it don't count, and a backslash separates folders.
    """
    name = unquoted(name)
    if not name:
        return None
    for text in dict.fromkeys([name, name.replace("\\", "/")]):
        if (folder / text).is_file():
            return folder / text
    parts = [each for each in name.replace("\\", "/").split("/") if each not in ("", ".")]
    return alike(folder, parts) or alike(folder, parts[-1:])


def alike(folder: Path, parts: list[str]) -> Path | None:
    """The file under ``folder`` whose path differs from ``parts`` in nothing but capitals."""
    for number, part in enumerate(parts):
        if part == "..":
            folder = folder.parent
            continue
        if not folder.is_dir():
            return None
        last = number == len(parts) - 1
        fitting = [each for each in sorted(folder.iterdir()) if each.name.lower() == part.lower()]
        fitting = [each for each in fitting if (each.is_file() if last else each.is_dir())]
        if not fitting:
            return None
        folder = next((each for each in fitting if each.name == part), fitting[0])
    return folder if parts and folder.is_file() else None


def statements_of(path: Path) -> list[Statement]:
    """The materials of an MTL file."""
    found: list[Statement] = []
    text = decode(file_bytes(path).removeprefix(b"\xef\xbb\xbf")).replace("\r\n", "\n").replace("\r", "\n")
    for line in text.split("\n"):
        word, _, rest = line.strip().replace("\t", " ").partition(" ")
        keyword = word.lower()
        rest = rest.strip() if keyword in NAMING | UNDRAWN.keys() | MAPS.keys() else rest.partition("#")[0].strip()
        if keyword == "newmtl":
            found.append(Statement(path, rest))
        elif found and keyword and not keyword.startswith("#"):
            found[-1].lines[keyword] = rest
    return found


def material(statement: Statement, told: Told) -> MtlMaterial:
    """What of a material is drawn; adds to ``told`` what is not, or otherwise than it is written."""
    lines = statement.lines
    told.undrawn.extend([words for keyword, words in UNDRAWN.items() if keyword in lines])
    told.undrawn.extend([words for words, is_there in effects(statement) if is_there])
    color = diffuse(statement)
    maps = {MAPS[each]: picture_of(statement.library, lines[each], told) for each in MAPS if each in lines}
    lost = [each.name for each in maps.values() if each.path is None]
    gloss = gloss_of(statement, maps)
    if "map_kd" not in lines:
        placed = next(iter(maps.values())) if maps else None
        part = Part(statement.name, color, gloss=gloss, lost=lost_textures(lost))
        return MtlMaterial(part) if placed is None else MtlMaterial(part, placed.scale, placed.offset)
    if color is not None and max(color) == 0:
        told.notes.append(f"material {statement.name!r} is black (Kd 0 0 0) and has a texture, which is taken as it is")
        color = None
    picture = picture_of(statement.library, lines["map_kd"], told)
    if picture.path is None or lost:
        missing = lost_textures([*([] if picture.path else [picture.name]), *lost])
        return MtlMaterial(Part(statement.name, color, lost=missing, gloss=gloss))
    if any((each.scale, each.offset) != (picture.scale, picture.offset) for each in maps.values()):
        told.notes.append(f"material {statement.name!r} places its maps differently, and all are placed as map_Kd is")
    part = Part(statement.name, color, Texture(picture.name, picture.key, picture.read, picture.wrap), gloss=gloss)
    return MtlMaterial(part, picture.scale, picture.offset)


def lost_textures(names: list[str]) -> str | None:
    """That the first of some textures is not there; None where there are none."""
    return f"the texture {names[0]!r} is not there" if names else None


def gloss_of(statement: Statement, maps: dict[str, MtlPicture]) -> Gloss | None:
    """What a material has beside its colour; None for a matte one."""
    shares = {}
    for keyword, name, default in (("pr", "roughness", 1.0), ("pm", "metallic", 0.0)):
        shares[name] = number(statement, keyword, 1.0 if name in maps else default)
        if not 0 <= shares[name] <= 1:
            raise UserError(
                f"{statement.library}: {keyword.title()} of {statement.name!r} is {shares[name]:g}, expected 0 to 1"
            )
    glow = numbers(statement, "ke")
    if glow and (len(glow) not in (1, 3) or min(glow) < 0):
        raise UserError(f"{statement.library}: Ke of {statement.name!r} is {glow}, expected three numbers of 0 or more")
    red, green, blue = glow * 3 if len(glow) == 1 else glow or [float("emission" in maps)] * 3
    textures = {name: each.as_map(name) for name, each in maps.items() if each.path is not None}
    found = Gloss(shares["roughness"], shares["metallic"], (red, green, blue), maps=textures)
    return None if found.matte else found


def effects(statement: Statement) -> list[tuple[str, bool]]:
    """What a material may have that is not drawn, and whether this one has it."""
    opaque = number(statement, "d", 1.0) >= 1 and number(statement, "tr", 0.0) <= 0
    illumination = number(statement, "illum", 2.0)
    shiny = illumination >= 2 and any(value > 0 for value in numbers(statement, "ks"))
    return [
        ("transparency (d, Tr)", not opaque),
        ("highlights (Ks, Ns; specular= and shininess= of the object set one)", shiny),
    ]


def numbers(statement: Statement, keyword: str) -> list[float]:
    """The numbers behind a keyword; none where it is not there."""
    words = statement.lines.get(keyword, "").split()
    if words and words[0].lower() in ("spectral", "xyz"):
        raise UserError(f"{statement.library}: {keyword} of {statement.name!r} is given as {words[0]}, expected RGB")
    values = [float(each) for each in words if NUMBER.fullmatch(each)]
    if len(values) < len(words) and not (keyword == "d" and words[0] == "-halo"):
        raise UserError(
            f"{statement.library}: {keyword} of {statement.name!r} is {' '.join(words)!r}, expected numbers"
        )
    return values


def number(statement: Statement, keyword: str, default: float) -> float:
    """The number behind a keyword."""
    return next(iter(numbers(statement, keyword)), default)


def diffuse(statement: Statement) -> tuple[float, float, float] | None:
    """Kd, linear; a single number is a grey."""
    values = numbers(statement, "kd")
    if not values:
        return None
    if len(values) not in (1, 3) or min(values) < 0:
        raise UserError(
            f"{statement.library}: Kd of {statement.name!r} is {values}, expected three numbers of 0 or more"
        )
    return (values[0], values[0], values[0]) if len(values) == 1 else (values[0], values[1], values[2])


@dataclass(frozen=True)
class MtlPicture:
    """A texture as an MTL file names it. base, gain: what is added to its colours, after they are multiplied."""

    name: str
    path: Path | None
    scale: tuple[float, float]
    offset: tuple[float, float]
    base: float
    gain: float
    wrap: tuple[Wrap, Wrap]

    @property
    def key(self) -> str:
        """What tells it from other pictures."""
        return f"{self.path} {self.base} {self.gain}"

    def as_map(self, name: str) -> Texture:
        """The picture as the map of a property."""
        assert self.path is not None
        path, read = self.path, self.read
        return Texture(self.name, self.key, read if name == "emission" else lambda: read_map(path, name), self.wrap)

    def read(self) -> Tensor:
        """The picture, linear [H, W, 3]."""
        assert self.path is not None
        colors = read_picture(self.path).rgb
        return colors if (self.base, self.gain) == (0.0, 1.0) else torch.clamp(self.base + self.gain * colors, min=0)


def picture_of(library: Path, text: str, told: Told) -> MtlPicture:
    """The picture and the options of a line such as map_Kd."""
    options, name = options_of(library.parent, text)
    name = unquoted(name)
    path = find_file(library.parent, name)
    if path is not None and path.resolve() != (library.parent / name.replace("\\", "/")).resolve():
        told.notes.append(f"the texture {name!r} is not there, and {path.name!r} is taken")
    told.undrawn.extend(
        [f"the option {each} of textures" for each in ("-t", "-cc", "-imfchan", "-type") if each in options]
    )
    scale, offset = options.get("-s", []), options.get("-o", [])
    base, gain = (*options.get("-mm", []), 0.0, 1.0)[:2] if len(options.get("-mm", [])) == 2 else (0.0, 1.0)
    wrap: Wrap = "clamp" if "-clamp on" in options else "repeat"
    return MtlPicture(
        name=name,
        path=path,
        scale=(scale[0] if scale else 1.0, scale[1] if len(scale) > 1 else 1.0),
        offset=(offset[0] if offset else 0.0, offset[1] if len(offset) > 1 else 0.0),
        base=base,
        gain=gain,
        wrap=(wrap, wrap),
    )


def options_of(folder: Path, text: str) -> tuple[dict[str, list[float]], str]:
    """The options before a picture's name, and the name, which may have spaces and may itself begin with "-"."""
    options: dict[str, list[float]] = {}
    rest = text.strip()
    while rest.startswith("-") and not (folder / rest).is_file():
        option, _, rest = rest.partition(" ")
        option, rest = option.lower(), rest.strip()
        if option in NUMBERS:
            values: list[float] = []
            while len(values) < NUMBERS[option] and not (folder / rest).is_file():
                word, _, after = rest.partition(" ")
                if not NUMBER.fullmatch(word):
                    break
                values.append(float(word))
                rest = after.strip()
            options[option] = values
        elif option in WORDS:
            word, _, rest = rest.partition(" ")
            options[f"{option} {word.lower()}" if option == "-clamp" else option] = []
            rest = rest.strip()
        else:
            return options, f"{option} {rest}".strip()
    return options, rest
