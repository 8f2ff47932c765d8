"""
Tests of the daemon as it runs: a process, sockets, threads, a disk.
"""
