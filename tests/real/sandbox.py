"""
A machine on which one can install and remove: this one, as its own changes make it, and of which
nothing stays.
"""

import os
import subprocess

CHANGED = ("etc", "opt", "usr", "var")

SETUP = f"""
set -e
mount --make-rprivate /
mount -t tmpfs none /mnt
for each in {" ".join(CHANGED)}; do
    mkdir /mnt/$each /mnt/$each.work
    mount -t overlay none -o lowerdir=/$each,upperdir=/mnt/$each,workdir=/mnt/$each.work /$each
done
mount -t tmpfs none /run # where systemd is to be found, which nobody shall tell of this
echo ready
exec cat
"""
"""Everything that is written from now on is in memory, and seen in this process and its heirs."""


class Sandbox:
    """
    Lasts until it is closed.
    """

    def __init__(self):
        self._keeper = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", SETUP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.is_there = self._keeper.stdout.readline() == b"ready\n"

    def close(self):
        self._keeper.stdin.close()
        self._keeper.stdout.close()
        self._keeper.wait()

    def command(self, *arguments):
        return ["nsenter", f"--mount=/proc/{self._keeper.pid}/ns/mnt", "--", *arguments]

    def run(self, *arguments, status=0):
        """
        @return: all that it says.
        """
        environ = {"PATH": os.defpath + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            self.command(*arguments),
            env=environ | {"DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == status, done.stdout
        return done.stdout


class Possible:
    """
    Whether there can be one.  Like a program that may be missing.
    """

    def exists(self):
        try:
            sandbox = Sandbox()
        except OSError:
            return False
        sandbox.close()
        return sandbox.is_there

    def __str__(self):
        return "way to mount an overlay, as root"
