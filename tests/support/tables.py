"""Tables of a documentation page, as tests read them."""

from pathlib import Path


def rows_below(page: Path, heading: str) -> list[list[str]]:
    """The cells of each row of the first table below a heading, its head left out."""
    text = page.read_text(encoding="utf-8").split(f"\n{heading}\n", 1)[1]
    lines = text[text.index("|") :].split("\n\n", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def name_of(cell: str) -> str:
    """What stands in the first pair of backticks of a cell; empty without any."""
    return cell.split("`")[1] if "`" in cell else ""
