#!/usr/bin/python3
"""Finds free TCP ports of 127.0.0.1.

    ports.py COUNT [FIRST]    COUNT of them, one a line; FIRST is taken as
                              the first one without looking

They lie below 32768, where Linux begins to take the ports of outgoing
connections: a port found by bind(0) could be one of those a moment later.
"""
import random
import socket
import sys


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('127.0.0.1', port))
        except OSError:
            return False
    return True


def main():
    count = int(sys.argv[1])
    found = [int(port) for port in sys.argv[2:]]
    while len(found) < count:
        port = random.randrange(15000, 32000)
        if port not in found and is_free(port):
            found.append(port)
    print('\n'.join(map(str, found)))


main()
