#!/usr/bin/python3
"""A gate before a store, so that tests can stop time between a request and
its answer.

    gate.py DIR URL

listens on a free port of 127.0.0.1, writes http://127.0.0.1:PORT to DIR/url
and passes bytes to and from URL, except that

    while DIR/hold-requests exists, nothing more reaches the store;
    while DIR/hold-answers exists, the store acts, but nobody hears of it.

A number in such a file lets as many pieces (what one read of a connection
gives) pass before anything is held. Once something is held, DIR/held exists.
Ends on SIGTERM.
"""
import os
import socket
import sys
import threading
import time
import urllib.parse


class Way:
    """To the store, or from it: what passes is counted over all connections."""

    def __init__(self, flag):
        self.flag = flag
        self.passed = 0
        self.lock = threading.Lock()

    def may_pass(self):
        """Whether a piece may; if so, it has."""
        with self.lock:
            try:
                with open(self.flag) as f:
                    if self.passed >= int(f.read() or 0):
                        return False
            except FileNotFoundError:
                pass
            self.passed += 1
            return True


def pump(source, target, way, held):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            while not way.may_pass():
                with open(held, 'w'):
                    pass
                time.sleep(0.02)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # One side is gone: the other is told at once, as by a real network.
        for side in (source, target):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main():
    directory, url = sys.argv[1:]
    store = urllib.parse.urlsplit(url)
    held = os.path.join(directory, 'held')
    requests = Way(os.path.join(directory, 'hold-requests'))
    answers = Way(os.path.join(directory, 'hold-answers'))
    listener = socket.create_server(('127.0.0.1', 0), backlog=128)
    with open(os.path.join(directory, 'url.new'), 'w') as f:
        f.write('http://127.0.0.1:%d\n' % listener.getsockname()[1])
    os.rename(os.path.join(directory, 'url.new'),
              os.path.join(directory, 'url'))
    while True:
        client, _ = listener.accept()
        try:
            server = socket.create_connection((store.hostname, store.port))
        except OSError:
            client.close()
            continue
        for source, target, way in ((client, server, requests),
                                    (server, client, answers)):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=pump, daemon=True,
                             args=(source, target, way, held)).start()


main()
