"""
Images: taking them in, and showing them to those who may see them.
"""

import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import IO

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from teamchatd.chat.access import Access
from teamchatd.errors import ChatError, Unavailable
from teamchatd.files import pictures
from teamchatd.files.pictures import Picture, Print
from teamchatd.files.shelf import Shelf
from teamchatd.model import Actor, Image, ImageFile
from teamchatd.store import images as rows
from teamchatd.store.images import ImageStore, NoSuchImage
from teamchatd.workers import InThread, InTurn

log = Logger()

HOUR = 60 * 60 * 1000
DAY = 24 * HOUR

AT_ONCE = 2
"""
Uploads that are looked at.  A photograph takes some hundred megabytes for a moment; the
oddest that the defaults allow, by pixels or by an SVG's entities, were seen to take
eight hundred to a thousand.
"""

MOST_WAITING = 64
MOST_WAITING_OF_ONE = 16

TOO_BUSY = "Too many images are being sent at this moment. Try again in a few seconds."

LOOKED_UP_AT_ONCE = 200
"""Files on the shelf."""

NOT_KEPT = "The server cannot store images right now. Nothing was changed. Try again later."


NOT_SHOWN = "The server cannot read this image right now. Try again later."


@frozen
class Upload:
    """
    What somebody sends.

    @ivar file_name: what they call it; its extension has to be one of ours.
    """

    file_name: str
    image: bytes
    thumbnail: bytes | None


Load = Callable[[], Upload]
"""Reads an upload.  Slow, and some of it is large: it is called in a thread, few at once."""

Develop = Callable[[bytes, bytes | None, int], Picture]
"""Looks at an image and its thumbnail, with so many pixels at the most; see L{pictures.develop}."""


@frozen
class Showing:
    """
    What somebody may see.

    @ivar file: its bytes, for whoever gets this to close.
    """

    file: IO[bytes]
    name: str
    content_type: str


@define
class Images:
    """
    @ivar _in_turn: runs what takes long, two at a time: each may hold an image
        of full size in memory.
    @ivar _in_thread: runs what waits for the disk.
    @ivar max_pixels: of one image.
    @ivar _to_look_up: files that L{sweep_shelf} has not come to yet.
    """

    _access: Access
    _store: ImageStore
    _shelf: Shelf
    _develop: Develop
    _in_turn: InTurn
    _in_thread: InThread
    _clock: IReactorTime
    max_pixels: int
    _to_look_up: list[str] = field(init=False, factory=list)

    # Taking them in

    async def add_to_channel(self, actor: Actor, channel_id: str, load: Load) -> str:
        """
        Take in an image for a message in this channel.

        @return: the name under which a message can show it.
        @raise UnusablePicture: it is none.
        """
        place = self._access.channel(actor, channel_id)
        return await self._add(actor, place.id, None, load)

    async def add_to_thread(self, actor: Actor, message_id: str, load: Load) -> str:
        """
        The same, for a reply to this message.
        """
        parent = await self._access.thread(actor, message_id)
        return await self._add(actor, parent.place.id, parent.id, load)

    async def add_to_conversation(self, actor: Actor, conversation_id: str, load: Load) -> str:
        place = await self._access.conversation(actor, conversation_id)
        return await self._add(actor, place.id, None, load)

    async def _add(self, actor: Actor, place_id: str, thread_id: str | None, load: Load) -> str:
        """
        The file first, then its row: a row never names a file that is not there.
        """
        image: Image = await self._in_turn(actor.id, self._take_in, load, self._now())
        try:
            await self._store.add(rows.Upload(image, place_id, thread_id, actor.id))
        except Exception:
            with suppress(ChatError):  # then they are swept away tomorrow
                await self._in_thread(self._put_away, _names_of(image))
            raise
        return image.file.name

    def _take_in(self, load: Load, now: int) -> Image:
        """
        In a thread.
        """
        upload = load()
        extension = pictures.extension_of(upload.file_name)
        try:
            picture = self._develop(upload.image, upload.thumbnail, self.max_pixels)
            return self._keep(picture, extension, f"{now:013d}-{secrets.token_hex(12)}")
        except OSError as error:
            log.error("An image cannot be kept: {why}. Is the disk full, or failing?", why=error)
            raise Unavailable(NOT_KEPT) from error

    def _keep(self, picture: Picture, extension: str, stem: str) -> Image:
        """
        @param extension: of the name that the image came with.
        """
        name = f"{stem}.{_ending(extension, picture.image)}"
        image = self._put(name, picture.image)
        if picture.thumbnail is None:
            return Image(image, None)
        try:
            small = f"{stem}.thumb.{picture.thumbnail.extension}"
            return Image(image, self._put(small, picture.thumbnail))
        except OSError:
            self._shelf.remove(name)
            raise

    def _put(self, name: str, print_: Print) -> ImageFile:
        self._shelf.put(name, print_.data)
        return ImageFile(name, print_.content_type)

    # Showing them

    async def in_channel(
        self, actor: Actor, channel_id: str, name: str, as_thumbnail: bool
    ) -> Showing:
        """
        @raise NoSuchImage: not in this channel.
        """
        place = self._access.channel(actor, channel_id)
        return await self._in_place(place.id, name, as_thumbnail)

    async def in_conversation(
        self, actor: Actor, conversation_id: str, name: str, as_thumbnail: bool
    ) -> Showing:
        """
        @raise NoSuchImage: not in this conversation.
        """
        place = await self._access.conversation(actor, conversation_id)
        return await self._in_place(place.id, name, as_thumbnail)

    async def _in_place(self, place_id: str, name: str, as_thumbnail: bool) -> Showing:
        image = await self._store.find(place_id, name)
        if image is None:
            raise NoSuchImage()
        file = image.thumbnail if as_thumbnail and image.thumbnail is not None else image.file
        return Showing(self._opened(file.name), file.name, file.content_type)

    def _opened(self, name: str) -> IO[bytes]:
        path = self._shelf.path(name)
        try:
            return open(path, "rb")
        except FileNotFoundError as error:
            log.error("{path} is missing: somebody has taken it away", path=str(path))
            raise NoSuchImage() from error
        except OSError as error:
            log.error("{path} cannot be read: {why}", path=str(path), why=error.strerror)
            raise Unavailable(NOT_SHOWN) from error

    # What nobody needs

    async def sweep(self) -> bool:
        """
        Delete some of the uploads that no message has shown for a day, and of the
        files whose row has been gone for an hour.

        @return: whether there may be more.
        """
        is_more = await self._store.discard_unused(self._now() - DAY)
        names = await self._store.leftovers(self._now() - HOUR)
        if names:
            stuck = await self._in_thread(self._put_away, names)
            await self._store.forget([name for name in names if name not in stuck], stuck)
        return is_more or bool(names)

    async def sweep_shelf(self) -> bool:
        """
        Look at some of the files, and delete those that no row knows of: a crash
        came between the two.  Younger ones may be about to get theirs.

        @return: whether there are more.
        """
        if not self._to_look_up:
            self._to_look_up = await self._in_thread(self._made_before, self._now() - DAY)
        names = self._to_look_up[:LOOKED_UP_AT_ONCE]
        del self._to_look_up[:LOOKED_UP_AT_ONCE]
        strays = await self._store.unknown(names)
        if strays:
            log.info("Removing {count} files that belong to no image", count=len(strays))
            await self._in_thread(self._put_away, strays)
        return bool(self._to_look_up)

    def _made_before(self, time: int) -> list[str]:
        """
        In a thread.
        """
        return [name for name in self._shelf.names() if _made_at(name) < time]

    def _put_away(self, names: list[str]) -> list[str]:
        """
        In a thread.

        @return: those that are still there.
        """
        stuck, why = [], None
        for name in names:
            try:
                self._shelf.remove(name)
            except OSError as error:
                stuck.append(name)
                why = error
        if stuck:
            log.error(
                "Of the files that belong to no image any more, {count} cannot be removed: {why}."
                " They are tried again later; may we write in {directory}?",
                count=len(stuck),
                why=why,
                directory=str(self._shelf.directory),
            )
        return stuck

    def _now(self) -> int:
        return int(self._clock.seconds() * 1000)


def _ending(given: str, image: Print) -> str:
    """
    The extension that the file gets: the one it came with, if that is not wrong.
    """
    is_right = pictures.EXTENSIONS[given] == pictures.EXTENSIONS[image.extension]
    return given if is_right else image.extension


def _names_of(image: Image) -> list[str]:
    return [image.file.name] + ([image.thumbnail.name] if image.thumbnail is not None else [])


def _made_at(name: str) -> int:
    """
    When a file of ours was made; of one that is not ours, never.
    """
    digits = name.partition("-")[0]
    return int(digits) if digits.isascii() and digits.isdigit() else 1 << 63
