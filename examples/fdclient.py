#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""fdclient.py SOCKET - asks fdserver for its descriptor, prints what is in the file

Python's socket module knows no addresses for a family of that number; but the
socket itself says that it is one of AF_UNIX, and then Python is content.
"""
import os
import socket
import sys

AF_VUNIX = 18


def vunix_socket(kind=socket.SOCK_STREAM):
    return socket.socket(fileno=socket.socket(AF_VUNIX, kind).detach())


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: fdclient.py SOCKET")
    with vunix_socket() as sock:
        sock.connect(sys.argv[1])
        _, fds, _, _ = socket.recv_fds(sock, 1, 1)
    if not fds:
        sys.exit("no descriptor came")
    with os.fdopen(fds[0], "rb") as file:
        sys.stdout.buffer.write(file.read())


main()
