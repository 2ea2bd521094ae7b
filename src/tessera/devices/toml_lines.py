"""Finds the line on which a key of a TOML file stands.

`tomllib` tells values but not places, and a shopkeeper's mistake needs its line. The search follows
table headers and keys at the beginning of lines; inline tables give the line they stand on.
"""

import re

_HEADER = re.compile(r"^\s*(?P<open>\[\[?)\s*(?P<name>[A-Za-z0-9_.\"'-]+)\s*\]\]?")


def line_of(text: str, path: tuple[str | int, ...]) -> int:
    """Give the line, from 1, of `path` (keys, and indices into arrays of tables); 0 if not found.

    Where the last key is missing, the line of the nearest table above it is given.
    """
    tables = [str(part) for part in path if not isinstance(part, int)]
    wanted_index = next((part for part in path if isinstance(part, int)), None)
    current = ""
    count: dict[str, int] = {}
    best = 0
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            current = header["name"].replace('"', "").replace("'", "")
            count[current] = count.get(current, -1) + 1
            if _is_wanted(current, count[current], tables, wanted_index):
                best = number
                if current == ".".join(tables):
                    return number
            continue
        found = _key_path(line)
        if found is None:
            continue
        whole = f"{current}.{found}" if current else found
        index_fits = _is_wanted(current, count.get(current, 0), tables, wanted_index)
        if whole == ".".join(tables) and (index_fits or not current):
            return number
    return best


def _is_wanted(name: str, index: int, tables: list[str], wanted_index: int | None) -> bool:
    parts = name.split(".")
    if parts != tables[: len(parts)]:
        return False
    return wanted_index is None or index == wanted_index or len(parts) > 1


def _key_path(line: str) -> str | None:
    match = re.match(r"^\s*([A-Za-z0-9_.\"'-]+)\s*=", line)
    return match.group(1).replace('"', "").replace("'", "") if match else None
