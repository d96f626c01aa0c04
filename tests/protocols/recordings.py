"""Recorded exchanges, and the lists of what is left out and of what is expected instead."""
import fnmatch
import json
import os
import re

import http_wire

HERE = os.path.dirname(os.path.abspath(__file__))


def read_list(name, columns):
    """Lines of SERVER GLOB ... REASON; '#' begins a comment."""
    rows = []
    with open(os.path.join(HERE, name)) as f:
        for line in f:
            line = line.split('#', 1)[0].strip()
            if line:
                rows.append(line.split(None, columns - 1))
    return rows


class Stream:
    """One connection of an exchange: what each side sent."""

    def __init__(self, name, request, response):
        self.name, self.sent, self.got = name, request, response
        self.requests = http_wire.messages(request)
        self.answers = http_wire.messages(response, [r.method for r in self.requests])


class Exchange:
    def __init__(self, folder, server, entry):
        self.server, self.name, self.must = server, entry['name'], entry.get('must', '')
        self.folder, self.entry = folder, entry
        self.cmd = entry.get('cmd', '')

    def streams(self):
        same = self.entry.get('same_response_as')
        for f in self.entry['files']:
            if f.endswith('.request'):
                stem = f[:-len('.request')]
                yield Stream(stem, self.read(f), self.read((same or stem) + '.response'))

    def read(self, name):
        try:
            with open(os.path.join(self.folder, name), 'rb') as f:
                return f.read()
        except FileNotFoundError:
            return b''


def load(shared, server):
    """The exchanges of a folder as "triton/http", in their order."""
    folder = os.path.join(shared, 'protocols', server)
    with open(os.path.join(folder, 'index.json')) as f:
        return [Exchange(folder, server, e) for e in json.load(f)]


def of_triton(shared, exchanges):
    """What Triton answered to the same requests, by name and place of the connection: it decides where servers differ."""
    theirs = {e.name: e for e in load(shared, 'triton/http')}
    found = {}
    for e in exchanges:
        other = theirs.get(e.name)
        if not other or e.server == other.server:
            continue
        for mine, stream in zip(e.streams(), other.streams()):
            if [(r.method, r.path, r.body) for r in mine.requests] == [(r.method, r.path, r.body) for r in stream.requests]:
                found[e.name, mine.name] = other, stream
    return found


def left_out(exchange, rows):
    """Why an exchange is not sent, or None."""
    for server, glob, reason in rows:
        if fnmatch.fnmatch(exchange.server, server) and fnmatch.fnmatch(exchange.name, glob):
            return reason
    return None


def expected(exchange, rows, recorded):
    """The statuses that an exchange may be answered with, as a pattern: what the list says, else what the table asks a
    compatible server for, else what was recorded."""
    for server, glob, status, _ in rows:
        if fnmatch.fnmatch(exchange.server, server) and fnmatch.fnmatch(exchange.name, glob):
            return status
    must = exchange.must
    if len(recorded) == 1:
        m = re.match(r'([1-5](?:xx|\d\d))(?:/([1-5]xx))?(?![\d.]| then)', must)
        if m:
            return '|'.join(g.replace('x', '.') for g in m.groups() if g)
        if must.startswith('an error'):
            return '4..|5..'
    return ','.join(str(s) for s in recorded)
