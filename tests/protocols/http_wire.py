"""HTTP/1.1 as bytes: recorded messages taken apart, requests sent, answers read."""
import gzip
import re
import socket
import time
import zlib


class Message:
    """A request or an answer. `raw` is what was on the wire, `body` without chunks and compression."""

    def __init__(self, line, headers, body, raw):
        self.line, self.headers, self.body, self.raw = line, headers, body, raw
        words = line.split(' ')
        self.status = int(words[1]) if line.startswith('HTTP/') and len(words) > 1 else None
        self.version = words[0] if self.status else words[-1]
        self.method = None if self.status else words[0]
        self.path = None if self.status or len(words) < 2 else words[1]

    def json_and_tensors(self):
        """The JSON's text and the bytes behind it, as Inference-Header-Content-Length parts them."""
        n = self.headers.get('inference-header-content-length', '')
        n = int(n) if n.isdigit() else len(self.body)
        return self.body[:n], self.body[n:]


def unchunk(data):
    """The body of a chunked message and how many bytes it took; None: it is not whole."""
    body, at = b'', 0
    while True:
        m = re.compile(rb'([0-9a-fA-F]+)[^\r\n]*\r\n').match(data, at)
        if not m:
            return None
        n = int(m.group(1), 16)
        if len(data) < m.end() + n + 2:
            return None
        body += data[m.end():m.end() + n]
        at = m.end() + n + 2
        if n == 0:
            return body, at


def take(data, to_method=None, closed=False):
    """The first message of `data` and what follows it; None: it is not whole. `to_method`: of the request that an
    answer is for. `closed`: no more will come, so that a body may end there."""
    head, gap, rest = data.partition(b'\r\n\r\n')
    if not gap:
        return None
    lines = head.decode('latin1').split('\r\n')
    headers = {k.strip().lower(): v.strip() for k, _, v in (l.partition(':') for l in lines[1:])}
    answer = lines[0].startswith('HTTP/')
    status = lines[0].split(' ')[1] if answer else ''
    if answer and (to_method == 'HEAD' or status[:1] == '1' or status in ('204', '304')):
        used, body = 0, b''
    elif headers.get('transfer-encoding', '').lower() == 'chunked':
        got = unchunk(rest)
        if not got:
            return None
        body, used = got
    elif headers.get('content-length', '').isdigit():
        used = int(headers['content-length'])
        if len(rest) < used:
            return None
        body = rest[:used]
    elif answer and not closed:
        return None
    else:
        body, used = (rest, len(rest)) if answer else (b'', 0)
    try:
        coding = headers.get('content-encoding', '')
        body = gzip.decompress(body) if coding == 'gzip' else zlib.decompress(body) if coding == 'deflate' else body
    except (OSError, zlib.error, EOFError):
        pass
    size = len(head) + 4 + used
    return Message(lines[0], headers, body, data[:size]), data[size:]


def messages(data, methods=()):
    """All messages of one direction of a recorded connection."""
    out = []
    while data:
        got = take(data, methods[len(out)] if len(out) < len(methods) else None, True)
        if not got:
            break
        out.append(got[0])
        data = got[1]
    return out


class Connection:
    def __init__(self, port, seconds=10):
        self.socket = socket.create_connection(('127.0.0.1', port), 5)
        self.socket.settimeout(seconds)
        self.waiting = b''
        self.closed = False

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.closed = True

    def read(self, method=None):
        """The next answer; None: the connection ended, or nothing came in time."""
        while True:
            got = take(self.waiting, method, self.closed)
            if got:
                self.waiting = got[1]
                return got[0]
            if self.closed:
                return None
            try:
                more = self.socket.recv(1 << 16)
            except OSError:
                return None
            self.waiting += more
            self.closed = not more

    def ends(self, seconds=1.0):
        """Whether the server ends the connection."""
        self.socket.settimeout(seconds)
        try:
            return self.closed or not self.socket.recv(1)
        except socket.timeout:
            return False
        except OSError:
            return True

    def close(self):
        self.socket.close()


def ask(port, request, seconds=10):
    """One request of bytes on a connection of its own; its last answer."""
    c = Connection(port, seconds)
    try:
        c.send(request)
        answer = c.read(request.split(b' ', 1)[0].decode('latin1'))
        while answer and answer.status == 100:
            answer = c.read()
        return answer
    finally:
        c.close()


def wait_for(port, seconds=20):
    """Whether somebody listens there before the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            socket.create_connection(('127.0.0.1', port), 1).close()
            return True
        except OSError:
            time.sleep(0.05)
    return False
