# SPDX-License-Identifier: Apache-2.0
"""parameters.toml, and that every line of it says where its number is from."""
import re
import tomllib
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "parameters.toml"
SOURCE = re.compile(r"#\s*(ours\b|issue\b|00[0-4]:\d+)")
SETTING = re.compile(r"^[\w-]+\s*=")


def lines_without_source(text):
    return [number for number, line in enumerate(text.splitlines(), 1)
            if SETTING.match(line) and not SOURCE.search(line)]


def read(path=FILE):
    text = Path(path).read_text(encoding="utf-8")
    missing = lines_without_source(text)
    if missing:
        raise ValueError(f"{path}: no source on line {missing[0]}: say the document and its line, "
                         "or that the number is ours")
    return tomllib.loads(text)


def kind_of(parameters, name, why=""):
    """What a kind of clients does; with `why`, as the shared clients of that reason."""
    kind = {key: value for key, value in parameters["kinds"][name].items() if key != "why"}
    if why:
        kind.update(parameters["kinds"][name]["why"][why])
    return kind
