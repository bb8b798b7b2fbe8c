"""A PostgreSQL of the tests' own, from Debian's package, in a folder that is thrown away."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

MISSING = "PostgreSQL is not installed (Debian: postgresql)"


def programs() -> Path | None:
    """The folder of its programs; None where it is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    found = shutil.which("initdb")
    folders += [Path(found).parent] if found else []
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


class Postgres:
    """A server that listens on a socket in its folder alone; a context."""

    def __init__(self) -> None:
        found = programs()
        assert found is not None
        self._programs = found
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        # It refuses to run as root, as which containers run tests.
        self._user = _other_user() if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(self._folder, pwd.getpwnam(self._user).pw_uid, -1)
        self.url = f"postgresql+psycopg://tests@/postgres?host={self._folder}"

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._programs / program), *arguments], check=True, user=self._user, cwd=self._folder,
            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def __enter__(self) -> Postgres:
        data = str(self._folder / "data")
        self._call("initdb", "-D", data, "-U", "tests", "-A", "trust", "--no-sync")
        options = f"-k {self._folder} -c listen_addresses='' -c fsync=off"
        self._call("pg_ctl", "-D", data, "-w", "-l", str(self._folder / "log"), "-o", options, "start")
        return self

    def __exit__(self, *_: object) -> None:
        self._call("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)


def _other_user() -> str:
    names = [user.pw_name for user in pwd.getpwall()]
    return "postgres" if "postgres" in names else "nobody"
