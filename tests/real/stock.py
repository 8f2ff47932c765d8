"""
Processes of C{twistd} that have imported everything already.

Of what most tests take from starting a daemon, the greater part is Python reading the same
modules again.  So one process reads them once, and each daemon is a fork of it, with the
arguments, the environment, the folder and the outputs that C{twistd} would have been given,
and runs all that C{twistd} runs after its imports.  What is about starting itself starts a
C{twistd} of its own: L{tests.real.daemon.twistd}.
"""

import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import weakref
from functools import cache
from pathlib import Path
from threading import Lock

PR_SET_CHILD_SUBREAPER = 36
"""Of prctl(2): the grandchildren whose parents have ended are ours, to wait for."""

MOST_BYTES = 1 << 20

BIRTH = Lock()
"""Those who start several daemons do so in threads."""

ROOT = Path(__file__).parent.parent.parent


class Forked:
    """
    As if C{twistd} had been started with these arguments; to be waited for, and to be ended,
    like a L{subprocess.Popen}.
    """

    returncode = None

    def __init__(self, arguments, environ, folder, output):
        """
        @param output: an open file, for standard output and standard error.
        """
        self.pid = _nursery().fork(arguments, environ, folder, output)
        self._descriptor = os.pidfd_open(self.pid)
        weakref.finalize(self, os.close, self._descriptor)

    def poll(self):
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=None):
        if self.poll() is None and not select.select([self._descriptor], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("twistd", timeout)
        return self.poll()

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)


class Nursery:
    """
    Where the process is that others are forked from; it ends when we do.
    """

    def __init__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
        self._in_turn = Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        clean = {name: value for name, value in os.environ.items() if "TEAMCHAT" not in name}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.real.stock", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=clean | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                cwd=ROOT,
            )

    def fork(self, arguments, environ, folder, output):
        """
        @return: the id of a process that is a child of ours.
        """
        told = json.dumps([arguments, environ, str(folder)]).encode()
        with self._in_turn:
            socket.send_fds(self._socket, [told], [output.fileno()])
            child = int(self._socket.recv(64))
            self._socket.recv(64)
        return child


@cache
def _only_one():
    return Nursery()


def _nursery():
    with BIRTH:
        return _only_one()


def _serve(asked):
    """
    In the process that others are forked from.
    """
    from twisted.internet import reactor
    from twisted.scripts import twistd

    import teamchatd.tap  # noqa: F401 - what the plugin will ask for

    list(twistd.ServerOptions().subCommands)  # reads all plugins
    gc.freeze()
    while True:
        told, [*outputs], _, _ = socket.recv_fds(asked, MOST_BYTES, 1)
        if not told:
            return
        # A fork of a fork: whose parent has ended is a child of those who asked, who can
        # then wait for it as for any that they started.
        if between := os.fork():
            os.close(*outputs)
            os.waitpid(between, 0)
            asked.send(b"Its parent has ended.")
        elif child := os.fork():
            asked.send(str(child).encode())
            os._exit(0)
        else:
            asked.close()
            _become(twistd, reactor, *outputs, *json.loads(told))


def _become(twistd, reactor, output, arguments, environ, folder):
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["twistd", *arguments]
    # It was made on import, and the descriptor by which it hears of others would be shared
    # by all: what happens to one would wake another.
    type(reactor).__init__(reactor)
    sys.exit(twistd.run())


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
