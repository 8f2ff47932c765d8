"""
What systemd is to its services.
"""

import os
import socket
import weakref

from tests.real.daemon import PATIENCE


class Manager:
    """
    Hears what a service says (sd_notify(3)), and asks nothing.

    @ivar heard: all messages so far, in order, each as a dictionary.
    """

    def __init__(self, address):
        """
        @param address: as C{NOTIFY_SOCKET} has it: a path, or C{@} and a name.
        """
        self.address = address
        self.heard = []
        self.listen()

    def listen(self):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        weakref.finalize(self, self._socket.close)
        self._socket.settimeout(PATIENCE)
        self._socket.bind(self.address.replace("@", "\0"))

    def go(self):
        """
        Hear nothing any more.
        """
        self._socket.close()
        os.unlink(self.address)

    def environ(self, watchdog_seconds=None):
        found = {"NOTIFY_SOCKET": self.address}
        if watchdog_seconds is not None:
            found["WATCHDOG_USEC"] = str(int(watchdog_seconds * 1_000_000))
        return found

    def next(self):
        message = self._socket.recv(65536).decode()
        self.heard.append(dict(line.split("=", 1) for line in message.split("\n")))
        return self.heard[-1]

    def await_word(self, word):
        """
        The next message that has it.
        """
        while word not in (message := self.next()):
            pass
        return message

    def catch_up(self):
        """
        Hear what was said until now.
        """
        while not self.hears_nothing_for(0):
            pass

    def hears_nothing_for(self, seconds):
        self._socket.settimeout(seconds)
        try:
            self.next()
        except (BlockingIOError, TimeoutError):
            return True
        finally:
            self._socket.settimeout(PATIENCE)
        return False

    def said(self, word):
        return [message[word] for message in self.heard if word in message]
