#!/usr/bin/env python3
"""Sends recorded requests of other servers' clients to ours and compares the answers.

    check.py [--only SERVER[/GLOB]] [--verbose] [--keep FOLDER]

BUILD names the build folder (build), INFER_SHARED the recordings (../shared). Exit status 0: every exchange that the
tables ask a compatible server for got its answer; 1: one did not. docs/serving.md has the rest."""
import argparse
import collections
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import check_grpc  # noqa: E402
import http_wire  # noqa: E402
import mms  # noqa: E402
import models  # noqa: E402
import recordings  # noqa: E402
import selftest  # noqa: E402
import send  # noqa: E402
import v2  # noqa: E402
from compare import Differs, check  # noqa: E402

# What is sent to which server of ours: the recordings, the module with their rules, options of the server. A module has
# same_answer(exchange, request, want, got, pattern), which raises Differs, and may have rewrite(exchange, request),
# `where` (exchange -> 'inference' or 'management'), `belongs` (suite, exchange) and prepare(suite, ports).
MMS = ['--workers', '1', '--max-batch', '1', '--batch-delay', '100', '--max-queue', '3']
TWO = MMS + ['--max-request-bytes', '1000', '--cors', 'http://example.org', '--initial-workers', '0']
SUITES = [
    ('triton/http', v2, []),
    ('triton/http/none', v2, ['--no-control', '--broken']),
    ('mlserver/http', v2, []),
    ('kserve/http', v2, []),
    ('mms', mms, MMS),
    ('mms/two', mms, TWO),
    ('torchserve', mms, MMS + ['--compat', 'torchserve']),
    ('torchserve/auth', mms, MMS + ['--compat', 'torchserve', '--token', mms.TOKEN,
                                    '--management-token', mms.MANAGEMENT_TOKEN]),
    ('torchserve/two', mms, TWO + ['--compat', 'torchserve']),
]


class Server:
    """Our server for tests, on free ports."""

    def __init__(self, build, folder, options):
        self.process = subprocess.Popen([os.path.join(build, 'tests/serve_test'), folder] + options,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline().split()
        if len(line) != 3:
            raise SystemExit('the server does not start')
        self.ports = dict(zip(('inference', 'management', 'grpc'), map(int, line)))

    def end(self):
        self.process.terminate()
        return self.process.wait(60)


def belongs(suite, exchange):
    """The exchanges of "triton/http/none" are those of triton/http that begin with "none-"."""
    return (suite.endswith('/none')) == exchange.name.startswith('none-')


def folder_of(suite):
    """Where a suite's recordings are: a part of some has a server of its own."""
    return re.sub('/(none|two|auth)$', '', suite)


def broken(stream):
    """A request that is none: as much of it as there is."""
    return http_wire.Message(stream.sent.split(b'\r\n')[0].decode('latin1'), {}, b'', stream.sent)


def same_stream(module, exchange, stream, port, patterns, decides):
    """Raises Differs where the answers on a connection are not what they should be."""
    exchange, stream = decides.get((exchange.name, stream.name), (exchange, stream))
    rewrite = getattr(module, 'rewrite', None)
    if rewrite:
        stream = rewrite(exchange, stream)
    connection, answers = send.send(port, exchange, stream)
    wanted = [a for a in stream.answers if a.status != 100]
    given = [a for a in answers if a.status != 100]
    statuses = recordings.expected(exchange, patterns, [a.status for a in wanted])
    if statuses in ('none', ''):  # nothing was answered
        return
    if any(a.status == 100 for a in stream.answers):
        check(any(a.status == 100 for a in answers), 'no 100 Continue')
    each = statuses.split(',')
    check(len(given) == len(each), '%d answers, not %d', len(given), len(each))
    for i, pattern in enumerate(each):
        request = stream.requests[min(i, len(stream.requests) - 1)] if stream.requests else broken(stream)
        module.same_answer(exchange, request, wanted[i] if i < len(wanted) else None, given[i], pattern)
    if 's-close' in ' '.join(exchange.entry.get('timeline', [])) and 'close' in exchange.must:
        check(connection is None or connection.ends(), 'the connection stays')
    if connection:
        connection.close()


def run_suite(suite, module, options, args, lists):
    """Counts of a suite: same, differs, left out."""
    counts = collections.Counter()
    out, patterns = lists
    exchanges = recordings.load(args.shared, folder_of(suite))
    decides = recordings.of_triton(args.shared, exchanges) if module is v2 else {}
    mine = getattr(module, 'belongs', belongs)
    if not any(mine(suite, e) and args.wanted(suite, e) for e in exchanges):
        return counts
    server = Server(args.build, args.store if module is mms else args.repository, options)
    try:
        getattr(module, 'prepare', lambda *_: None)(suite, server.ports)
        for e in exchanges:
            if not mine(suite, e) or not args.wanted(suite, e):
                continue
            why = recordings.left_out(e, out)
            if why:
                counts['left out'] += 1
                if args.verbose:
                    print('  left out  %s: %s' % (e.name, why))
                continue
            try:
                port = server.ports[getattr(module, 'where', lambda _: 'inference')(e)]
                for stream in e.streams():
                    same_stream(module, e, stream, port, patterns, decides)
                counts['same'] += 1
            except Differs as d:
                counts['differ'] += 1
                print('  differs   %s/%s: %s' % (suite, e.name, d))
    finally:
        status = server.end()
    if status != 0:
        counts['differ'] += 1
        print('  the server ended with %d' % status)
    return counts


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', default='*', help="as triton/http/infer-* or mms")
    parser.add_argument('--verbose', action='store_true', help='what is left out, and why')
    parser.add_argument('--keep', help='a folder for the models, which stays')
    args = parser.parse_args()
    args.build = os.environ.get('BUILD', 'build')
    args.shared = os.environ.get('INFER_SHARED', '../shared')
    args.wanted = lambda suite, e: any(
        fnmatch.fnmatch(text, args.only) or fnmatch.fnmatch(text, args.only + '/*')
        for text in ('%s/%s' % (suite, e.name), '%s/%s' % (e.server, e.name)))
    return args


def main():
    args = arguments()
    if not os.path.isdir(os.path.join(args.shared, 'protocols')):
        print('skipped: no recordings in %s' % args.shared)
        return 0
    lists = recordings.read_list('left_out.txt', 3), recordings.read_list('expected.txt', 4)
    args.repository = args.keep or tempfile.mkdtemp()
    try:
        models.make(args.repository, os.path.join(args.build, 'infer'), args.shared)
        args.store = os.path.join(args.repository, '.store')
        mms.make(args.store, os.path.join(args.build, 'infer'), args.shared)
        failed = 0
        for suite, module, options in SUITES:
            n = run_suite(suite, module, options, args, lists)
            failed += n['differ']
            if sum(n.values()):
                print('%-18s %3d the same, %d differ, %d left out' % (suite, n['same'], n['differ'], n['left out']))
        failed += selftest.run(args.shared, lists[0])
        failed += check_grpc.run(lambda: Server(args.build, args.repository, []), args, lists)
    finally:
        if not args.keep:
            shutil.rmtree(args.repository)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
