"""
C{teamchat export}: all there is, for other programs.
"""

import shutil
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from teamchatd import shapes
from teamchatd.console.copying import FILES, copied, explaining
from teamchatd.console.place import Place
from teamchatd.console.terminal import CannotDo, Progress, say
from teamchatd.store import export
from teamchatd.store.settling import settle_all

ABOUT = """\
Write all there is into DIR, which is made: a file for each noun, with a JSON object a line, spelled
as in the API (/openapi.json), and the images in DIR/files. The daemon may run; all of it is of one
moment.

users, channels, conversations, messages (in channels, threads and conversations, in the order in
which they were said), reactions, images, webhooks, reads. No password, no token and no hash of
one is in it; what people said to each other alone is.
"""

Rows = Iterator[dict[str, Any]]


def _conversations(cursor: Any) -> Rows:
    for each in export.all_conversations(cursor):
        shape = shapes.conversation(each)
        del shape["otherUser"]  # nobody in particular asks
        yield shape


def _images(cursor: Any) -> Rows:
    for each in export.all_images(cursor):
        yield shapes.image(each.image, each.place_id, each.author_id, each.thread_id)


NOUNS: dict[str, Callable[[Any], Rows]] = {
    "users": lambda cursor: map(shapes.user, export.all_users(cursor)),
    "channels": lambda cursor: map(shapes.channel, export.all_channels(cursor)),
    "conversations": _conversations,
    "messages": lambda cursor: map(shapes.message, export.all_messages(cursor)),
    "reactions": lambda cursor: map(shapes.reaction, export.all_reactions(cursor)),
    "images": _images,
    "webhooks": lambda cursor: map(shapes.webhook, export.all_webhooks(cursor)),
    "reads": lambda cursor: (
        {"userId": user_id, **shapes.read(read)} for user_id, read in export.all_reads(cursor)
    ),
}


def add_to(commands: Any, common: ArgumentParser) -> None:
    verb = commands.add_parser(
        "export",
        parents=[common],
        help="write all there is as JSON, for other programs",
        description=ABOUT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    verb.add_argument("target", type=Path, metavar="DIR", help="where there is nothing yet")
    verb.set_defaults(run=run)


def run(place: Place, chosen: Namespace) -> None:
    progress = Progress("Exporting")
    try:
        counts = export_to(place, chosen.target.absolute(), progress)
    finally:
        progress.over()
    say(f"{chosen.target}: " + ", ".join(f"{count} {noun}" for noun, count in counts.items()))


def export_to(place: Place, target: Path, progress: Progress) -> dict[str, int]:
    """
    @return: how many there are of each noun.
    @raise CannotDo: nothing is left of it.
    """
    database = place.database()
    with explaining("Nothing was exported"):
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise CannotDo(f"There is something in {target} already: name another directory.")
        half = target.with_name(f"{target.name}.partial")
        if half.exists():
            raise CannotDo(f"{half} is left of an export that was cut off: delete it first.")
        half.mkdir(mode=0o700, parents=True)
        try:
            with database.at_once() as cursor:
                counts = {
                    noun: _write(half / f"{noun}.jsonl", noun, rows(cursor), progress)
                    for noun, rows in NOUNS.items()
                }
                _copy_files(place, half, cursor, progress)
            settle_all(half)
            half.rename(target)
        except BaseException:
            with suppress(OSError):
                shutil.rmtree(half)
            raise
    return counts


def _write(path: Path, noun: str, rows: Rows, progress: Progress) -> int:
    count = 0
    with open(path, "xb") as file:
        for count, row in enumerate(rows, 1):
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            progress.at(f"{count} {noun}")
    return count


def _copy_files(place: Place, half: Path, cursor: Any, progress: Progress) -> None:
    (half / FILES).mkdir(mode=0o700)
    for count, each in enumerate(export.all_images(cursor)):
        for file in filter(None, (each.image.file, each.image.thumbnail)):
            with suppress(FileNotFoundError):  # teamchat check tells of these
                copied(place.shelf.path(file.name), half / FILES / file.name)
        progress.at(f"{count} files")
