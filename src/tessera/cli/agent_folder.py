"""What the commands for a register's folder share: finding it, and opening its database.

No command itself. Must never: make a folder, or open a database that an agent is writing to for
anything but reading.
"""

from pathlib import Path

from tessera.core.errors import TesseraError


def existing_folder(
    folder: Path, *, hint: str = "data_dir in the settings names it; tessera agent enrol makes it"
) -> Path:
    """The folder, once it is certain that it is one."""
    if not folder.is_dir():
        raise TesseraError(f"folder {folder} does not exist", hint=hint)
    return folder


def existing_database(folder: Path) -> Path:
    """The till's database in a folder."""
    path = existing_folder(folder) / "till.db"
    if not path.is_file():
        raise TesseraError(
            f"{path} does not exist",
            hint="this folder has no register yet: tessera agent enrol --help",
        )
    return path
