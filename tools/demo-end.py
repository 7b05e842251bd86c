#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""One end of a transfer over vunix: demo-end.py send|recv TYPE NAME FILE [SIZE]

Python's own socket module, on a descriptor of vunix's family: it knows no
family of that number, but asks for nothing but AF_UNIX addresses.
"""
import ctypes
import os
import socket
import sys
import time

AF_VUNIX = 18
CHUNK = 32768
TYPES = {"stream": socket.SOCK_STREAM, "datagram": socket.SOCK_DGRAM,
         "seqpacket": socket.SOCK_SEQPACKET}


def vunix_socket(kind):
    fd = ctypes.CDLL(None, use_errno=True).socket(AF_VUNIX, kind, 0)
    if fd < 0:
        err = ctypes.get_errno()
        raise OSError(err, os.strerror(err))
    return socket.socket(socket.AF_UNIX, kind, 0, fileno=fd)


def send(sock, name, path):
    for _ in range(500):
        try:
            sock.connect(name)
            break
        except (FileNotFoundError, ConnectionRefusedError):
            time.sleep(0.02)
    with open(path, "rb") as data:
        while chunk := data.read(CHUNK):
            sock.sendall(chunk)


def receive(sock, kind, name, path, size):
    sock.bind(name)
    if kind != socket.SOCK_DGRAM:
        sock.listen()
        sock, _ = sock.accept()
    with open(path, "wb") as out:
        while size > 0:
            chunk = sock.recv(65536)
            if not chunk:
                break
            out.write(chunk)
            size -= len(chunk)


def main():
    todo, kind, name, path = sys.argv[1:5]
    kind = TYPES[kind]
    with vunix_socket(kind) as sock:
        if todo == "send":
            send(sock, name, path)
        else:
            receive(sock, kind, name, path, int(sys.argv[5]))


main()
