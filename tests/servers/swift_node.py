"""The parts of swift.sh that need Swift's own Python.

    swift_node.py xattrs DIR               fails where DIR takes no user xattrs
    swift_node.py rings DIR OBJECT CONTAINER ACCOUNT   (ports)
    swift_node.py serve CONF SECTION       run one server, in the foreground
    swift_node.py wait SECONDS PROXY PORT...           until all of them answer

The name is not swift.py, which would hide the package it imports.
"""
import http.client
import os
import signal
import socket
import sys
import time

HOST = '127.0.0.1'


def xattrs(directory):
    """Swift keeps an object's metadata in its file's user xattrs."""
    probe = os.path.join(directory, '.xattr-probe')
    with open(probe, 'w'):
        pass
    try:
        os.setxattr(probe, 'user.swift.metadata', b'x')
    except OSError as e:
        sys.exit('%s: no user xattrs here (%s): choose another directory'
                 % (directory, e.strerror))
    finally:
        os.unlink(probe)


def rings(directory, *server_ports):
    from swift.common import utils
    utils.set_swift_dir(directory)
    from swift.common.ring import RingBuilder
    for name, port in zip(('object', 'container', 'account'), server_ports):
        builder = RingBuilder(4, 1, 0)  # 16 partitions, 1 replica
        builder.add_dev({
            'id': 0, 'region': 1, 'zone': 1, 'device': 'd1', 'weight': 1.0,
            'ip': HOST, 'port': int(port), 'meta': '',
            'replication_ip': HOST, 'replication_port': int(port)})
        builder.rebalance()
        builder.get_ring().save(os.path.join(directory, name + '.ring.gz'))


def let_conditional_puts_through():
    """s3api answers 501 to every conditional PUT, though the Swift below it
    knows If-None-Match: *. This takes the header past s3api's check, so that
    the other half of the uploader can be tried on Swift, too."""
    from swift.common.middleware.s3api import s3request
    validate = s3request.S3Request._validate_headers

    def lenient(self):
        condition = None
        if self.method == 'PUT':
            condition = self.environ.pop('HTTP_IF_NONE_MATCH', None)
        try:
            validate(self)
        finally:
            if condition is not None:
                self.environ['HTTP_IF_NONE_MATCH'] = condition
    s3request.S3Request._validate_headers = lenient


def serve(conf, section):
    from swift.common import utils
    # Before anything else of Swift is imported: it reads swift.conf, which
    # is looked for in /etc/swift otherwise.
    utils.set_swift_dir(os.path.dirname(os.path.abspath(conf)))
    from swift.common.wsgi import run_wsgi
    if section == 'proxy-server' and os.environ.get('SWIFT_CONDITIONAL'):
        let_conditional_puts_through()
    sys.exit(run_wsgi(conf, section, verbose=True))


def answers(port, is_proxy):
    try:
        if not is_proxy:
            socket.create_connection((HOST, port), 1).close()
            return True
        proxy = http.client.HTTPConnection(HOST, port, timeout=2)
        proxy.request('GET', '/healthcheck')
        return proxy.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def wait(seconds, proxy, *others):
    """Every port must answer, not the proxy's alone: it is up first and says
    503 to everything until the others are."""
    deadline = time.monotonic() + float(seconds)
    for port in others + (proxy,):
        while not answers(int(port), port == proxy):
            if time.monotonic() > deadline:
                sys.exit(1)
            time.sleep(0.05)


def main():
    command, *arguments = sys.argv[1:]
    {'xattrs': xattrs, 'rings': rings, 'serve': serve,
     'wait': wait}[command](*arguments)


# Ctrl-C ends it as it ends any other command, without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)
main()
