#!/usr/bin/python3
"""A small S3 client for the tests: the second opinion on what is in a bucket.

    s3.py make-bucket BUCKET
    s3.py put BUCKET KEY FILE
    s3.py get BUCKET KEY             the bytes, to stdout
    s3.py head BUCKET KEY            status and headers, a line each
    s3.py list [-l] [-0] BUCKET [PREFIX]
                                     the keys, a line each (-0: NUL instead),
                                     -l: size, tab, key
    s3.py compare BUCKET DIR         whether the bucket holds what DIR holds:
                                     the same paths with the same bytes, and
                                     nothing else; names what differs
    s3.py delete BUCKET KEY
    s3.py tags BUCKET KEY            name=value, a line each
    s3.py uploads BUCKET             the unfinished multipart uploads: key,
                                     tab, upload id, a line each
    s3.py put-part BUCKET KEY UPLOAD-ID NUMBER FILE
    s3.py abort BUCKET KEY UPLOAD-ID

Exit status 0, or 1 with the store's answer on stderr. The endpoint, the
credentials and the region come from AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION.

It shares no line with the uploader and needs Python's library alone. Keys
are bytes here, from the command line to the wire and back: nothing between
may repair a name that the uploader got wrong.
"""
import datetime
import hashlib
import hmac
import http.client
import os
import signal
import sys
import urllib.parse
import xml.etree.ElementTree

UNRESERVED = (b'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
              b'0123456789-._~')


def encode(data, keep=b''):
    return ''.join(chr(c) if c in UNRESERVED + keep else '%%%02X' % c
                   for c in data)


def signature(secret, date, region, text):
    key = b'AWS4' + os.fsencode(secret)
    for part in (date, region, 's3', 'aws4_request', text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


def sign(method, host, path, query, headers, body):
    """Adds what Signature Version 4 asks for to HEADERS."""
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp = now.strftime('%Y%m%dT%H%M%SZ')
    region = os.environ.get('AWS_REGION', 'us-east-1')
    scope = '/'.join((stamp[:8], region, 's3', 'aws4_request'))
    digest = hashlib.sha256(body).hexdigest()
    headers.update({'host': host, 'x-amz-date': stamp,
                    'x-amz-content-sha256': digest})
    if os.environ.get('AWS_SESSION_TOKEN'):
        headers['x-amz-security-token'] = os.environ['AWS_SESSION_TOKEN']
    names = ';'.join(sorted(headers))
    canonical = '\n'.join(
        [method, path, query]
        + ['%s:%s' % (name, headers[name]) for name in sorted(headers)]
        + ['', names, digest])
    text = '\n'.join(('AWS4-HMAC-SHA256', stamp, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()))
    headers['authorization'] = (
        'AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s'
        % (os.environ['AWS_ACCESS_KEY_ID'], scope, names,
           signature(os.environ['AWS_SECRET_ACCESS_KEY'], stamp[:8], region,
                     text)))


def request(method, bucket, key=b'', query=(), body=b''):
    """Returns (response, body). Path style: what every test store speaks."""
    endpoint = urllib.parse.urlsplit(os.environ['AWS_ENDPOINT_URL_S3'])
    path = '/' + encode(bucket) + ('/' + encode(key, b'/') if key else '')
    query = '&'.join('%s=%s' % (encode(n), encode(v))
                     for n, v in sorted(query))
    headers = {}
    sign(method, endpoint.netloc, path, query, headers, body)
    if endpoint.scheme == 'https':
        connect = http.client.HTTPSConnection
    else:
        connect = http.client.HTTPConnection
    connection = connect(endpoint.netloc, timeout=60)
    connection.request(method, path + ('?' + query if query else ''),
                       body or None, headers)
    response = connection.getresponse()
    return response, response.read()


def fail(method, response, body):
    """The answer's beginning will do: some stores echo the whole request."""
    sys.exit('s3.py: %s: %d %s: %s' % (
        method, response.status, response.reason,
        body.decode(errors='replace')[:400]))


def ask(method, *arguments, **options):
    response, body = request(method, *arguments, **options)
    if response.status >= 300:
        fail(method, response, body)
    return body


def text_of(element, name):
    # Some servers give the namespace of S3, some none.
    for child in element:
        if child.tag.rpartition('}')[2] == name:
            return child.text or ''
    return ''


def list_keys(bucket, prefix=b''):
    """Yields (key, size) of the whole bucket, in pages. encoding-type=url,
    since XML has no way to write a control character."""
    marker = b''
    while True:
        page = xml.etree.ElementTree.fromstring(ask('GET', bucket, query=[
            (b'encoding-type', b'url'), (b'marker', marker),
            (b'max-keys', b'1000'), (b'prefix', prefix)]))
        for entry in page:
            if entry.tag.rpartition('}')[2] == 'Contents':
                marker = urllib.parse.unquote_to_bytes(
                    text_of(entry, 'Key').replace('+', ' '))
                yield marker, int(text_of(entry, 'Size'))
        if text_of(page, 'IsTruncated') != 'true':
            return


def show_list(*arguments):
    arguments = list(arguments)
    flags = set()
    while arguments and arguments[0] in (b'-l', b'-0'):
        flags.add(arguments.pop(0))
    end = b'\0' if b'-0' in flags else b'\n'
    for key, size in list_keys(*arguments):
        if b'-l' in flags:
            key = b'%d\t%s' % (size, key)
        sys.stdout.buffer.write(key + end)


def head(bucket, key):
    response, _ = request('HEAD', bucket, key)
    print(response.status)
    for name, value in sorted(response.getheaders()):
        print('%s: %s' % (name.lower(), value))
    if response.status != 200:
        sys.exit(1)


def get(bucket, key):
    sys.stdout.buffer.write(ask('GET', bucket, key))


def compare(bucket, directory):
    wanted = {}
    for parent, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(parent, name)
            wanted[os.path.relpath(path, directory)] = path
    found = {key for key, _ in list_keys(bucket)}
    differences = [b'missing: ' + k for k in wanted.keys() - found]
    differences += [b'unwanted: ' + k for k in found - wanted.keys()]
    for key in wanted.keys() & found:
        with open(wanted[key], 'rb') as f:
            if ask('GET', bucket, key) != f.read():
                differences.append(b'different: ' + key)
    sys.stdout.buffer.write(b''.join(d + b'\n' for d in sorted(differences)))
    if differences:
        sys.exit(1)


def put(bucket, key, name):
    with open(name, 'rb') as f:
        ask('PUT', bucket, key, body=f.read())


def delete(bucket, key):
    ask('DELETE', bucket, key)


def tags(bucket, key):
    document = xml.etree.ElementTree.fromstring(
        ask('GET', bucket, key, query=[(b'tagging', b'')]))
    for element in document.iter():
        if element.tag.rpartition('}')[2] == 'Tag':
            print('%s=%s' % (text_of(element, 'Key'),
                             text_of(element, 'Value')))


def uploads(bucket):
    """The first thousand will do."""
    page = xml.etree.ElementTree.fromstring(
        ask('GET', bucket, query=[(b'uploads', b'')]))
    for entry in page:
        if entry.tag.rpartition('}')[2] == 'Upload':
            print('%s\t%s' % (text_of(entry, 'Key'),
                              text_of(entry, 'UploadId')))


def put_part(bucket, key, upload_id, number, name):
    with open(name, 'rb') as f:
        ask('PUT', bucket, key, body=f.read(),
            query=[(b'partNumber', number), (b'uploadId', upload_id)])


def abort(bucket, key, upload_id):
    ask('DELETE', bucket, key, query=[(b'uploadId', upload_id)])


def make_bucket(bucket):
    response, body = request('PUT', bucket)
    if response.status != 200 and b'BucketAlreadyOwnedByYou' not in body:
        fail('PUT', response, body)


def main():
    commands = {'make-bucket': make_bucket, 'put': put, 'get': get,
                'head': head, 'list': show_list, 'compare': compare,
                'delete': delete, 'tags': tags, 'uploads': uploads,
                'put-part': put_part, 'abort': abort}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    try:
        commands[sys.argv[1]](*map(os.fsencode, sys.argv[2:]))
        sys.stdout.flush()
    except OSError as e:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nothing more to flush
        sys.exit('s3.py: %s: %s' % (os.environ['AWS_ENDPOINT_URL_S3'], e))


if __name__ == '__main__':
    # Ctrl-C ends it as it ends any other command, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    main()
