"""
Where everything is kept, and as whom we work there.
"""

import os
import pwd
from argparse import ArgumentParser, Namespace
from pathlib import Path

from attrs import frozen
from twisted.internet import reactor

from teamchatd import config
from teamchatd.console.terminal import CannotDo
from teamchatd.files.shelf import Shelf
from teamchatd.store.chosen import engine
from teamchatd.store.database import Database
from teamchatd.store.sqlite import SQLite


@frozen
class Place:
    """
    A configuration, and the data directory that it names.
    """

    settings: config.Config
    directory: Path

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.directory / "files")

    @property
    def secret(self) -> Path:
        return self.directory / "jwt-secret"

    @property
    def raw_database(self) -> Database:
        """
        Whether there is one or not.
        """
        clock: object = reactor
        found = engine(self.settings.storage.database, self.directory)
        return Database(found, clock)  # type: ignore[arg-type]

    @property
    def path(self) -> Path:
        """
        Of the database, where it is a file.
        """
        return SQLite(self.directory).path

    @property
    def is_in_postgres(self) -> bool:
        return bool(self.settings.storage.database)

    def refuse_postgres(self, what: str, instead: str) -> None:
        """
        @raise CannotDo: the record is not in the data directory.
        """
        if self.is_in_postgres:
            raise CannotDo(f"{what} is for SQLite, and this record is in PostgreSQL: {instead}")

    def database(self) -> Database:
        """
        @raise Unusable: there is none that we can work with.
        """
        database = self.raw_database
        database.visit()
        return database


def options() -> ArgumentParser:
    """
    What every command takes, as the daemon does.
    """
    parser = ArgumentParser(add_help=False)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="the configuration, as the daemon has it"
    )
    parser.add_argument(
        "--data-dir", metavar="DIR", help="the data directory, as the daemon has it"
    )
    return parser


def settings(chosen: Namespace) -> config.Config:
    """
    Files with secrets are only opened for who needs what is in them: systemd's are there while the
    daemon runs, and a backup is restored while it does not.

    @raise BadConfig: there is a mistake in it.
    """
    given = {} if chosen.data_dir is None else {"data-dir": chosen.data_dir}
    needs_secrets = getattr(chosen, "needs_secrets", False)
    return config.read(chosen.config, os.environ, given, opens_secrets=needs_secrets)


def place(chosen: Namespace) -> Place:
    """
    Where what was C{chosen} leads.  From here on we are who owns it: what root made there
    (SQLite lays files beside the database) the daemon could not write.
    """
    found = settings(chosen)
    directory = Path(found.storage.data_directory).absolute()
    become_owner(directory)
    return Place(found, directory)


def become_owner(directory: Path) -> None:
    """
    Root becomes the owner of C{directory}; everybody else stays who they are.

    Where only root gets at it, as with systemd's C{DynamicUser=} (C{/var/lib/private}), root
    stays root: SQLite gives what it makes to the owner of the database, and L{give} the rest.
    """
    if os.geteuid() != 0 or not directory.exists():
        return
    owner = directory.stat()
    if owner.st_uid == 0 or not _gets_in(directory, owner):
        return
    try:
        os.initgroups(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
    except KeyError:  # nobody is called so here: a user that systemd made, or a container's
        os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)


def _gets_in(directory: Path, owner: os.stat_result) -> bool:
    """
    Whether the owner could, coming from the root of the file system.
    """
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        return os.access(directory, os.R_OK | os.W_OK | os.X_OK, effective_ids=True)
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def give(path: Path, directory: Path) -> None:
    """
    Let what we have made in C{directory}, and all below it, belong to its owner.
    """
    owner = directory.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for below, _, names in os.walk(path):
        for each in (below, *(os.path.join(below, name) for name in names)):
            os.chown(each, owner.st_uid, owner.st_gid, follow_symlinks=False)
    os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def me() -> str:
    """
    As whom we work, for sentences about what they may not.
    """
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"
