#!/usr/bin/python3
# SPDX-License-Identifier: ISC
#
# backhaul_peer.py in each role against the Backhaul v0.7.2 that BACKHAUL names
# ("self": against itself), over each transport.  Prints TAP.
# usage: backhaul_peer_test.py [CELL...], e.g. server/tcpmux2, orders, stops, or
# all: all cells and nothing else
# LONG=1: all sizes, and one cell at a time, so that the figures mean something.
# SHORT=1: what has to be seen each time.
#
# OTHER is the command of another program to take the real one's part, MINE of
# one for the peer's, as "rocketd -d -f {} -s {}.sock"; {} becomes the name of
# its file.  The cells alone make sense with MINE.

import asyncio
import collections
import hashlib
import os
import re
import resource
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import peertest
from peertest import (SECONDS, Process, check, digest, free_port, ok, receive,
                      ready, send)

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    'backhaul_peer.py')
LONG = bool(os.environ.get('LONG'))
BRIEF = bool(os.environ.get('SHORT'))
BACKHAUL = os.environ.get('BACKHAUL', '')
OTHER = os.environ.get('OTHER') or (BACKHAUL and BACKHAUL != 'self' and
                                    shlex.quote(BACKHAUL) + ' -c {}')
MINE = os.environ.get('MINE')
USERS, SIZE, SHORT = (50, 4 << 20, 1000) if LONG else (10, 1 << 20, 200)
BANNER = hashlib.sha512(b'banner').digest() * 1024

CELLS = [(role, t) for t in ('tcp', 'tcp+udp', 'tcpmux1', 'tcpmux2', 'udp',
                             'ws', 'wss', 'wsmux1', 'wsmux2', 'wssmux1',
                             'wssmux2') for role in ('server', 'client')]

# at once; these mostly wait
ATONCE = 1 if LONG else 6 if BRIEF else 3
STOPS = 8

peertest.name = 'backhaul'
peertest.limit = 20 * SECONDS


# Targets: one that swaps octets as the user says, one that speaks first, one
# for datagrams.

class Targets:
    def __init__(self):
        self.ended = collections.Counter()	# flows cut, by seed

    async def swap(self, reader, writer):
        seeds = []
        try:
            await peertest.swap(reader, writer, seeds)
        except (OSError, EOFError):
            self.ended[seeds[0] if seeds else None] += 1
        finally:
            writer.close()

    async def banner(self, reader, writer):
        try:
            writer.write(BANNER)
            data = await reader.read(100)
            writer.write(data)
            await reader.read()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    async def cut(self, reader, writer):
        """Closes while it sends."""
        try:
            await send(writer, 1, 300000)
        except OSError:
            pass
        writer.close()

    async def start(self):
        self.servers = [await asyncio.start_server(f, '127.0.0.1', 0)
                        for f in (self.swap, self.banner, self.cut)]
        self.ports = [s.sockets[0].getsockname()[1] for s in self.servers]
        t, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            peertest.Echo, local_addr=('127.0.0.1', self.ports[0]))
        self.udp = t


# Users.

async def user(port, seed, up, down):
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    try:
        writer.write(struct.pack('<III', seed, up, down))
        await peertest.swaps(reader, writer, seed, up, down)
    finally:
        writer.close()


async def banner(port):
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    try:
        got = await reader.readexactly(len(BANNER))
        if got != BANNER:
            raise ValueError('another banner')
        writer.write(b'after')
        if await reader.readexactly(5) != b'after':
            raise ValueError('another echo')
    finally:
        writer.close()


async def echo(port, sizes, tries=3, wait=2.0):
    """How many had to be sent again; raises ValueError."""
    return await peertest.datagrams(port, sizes, tries, wait)


# Programs.

def toml(role, options):
    lines = ['[%s]' % role]
    for k, v in options.items():
        if isinstance(v, bool):
            v = 'true' if v else 'false'
        elif isinstance(v, list):
            v = '[%s]' % ', '.join('"%s"' % x for x in v)
        elif isinstance(v, str):
            v = '"%s"' % v
        lines.append('%s = %s' % (k, v))
    return '\n'.join(lines) + '\n'


def by_file(what, command, role, options):
    path = peertest.file_for(what, 'toml', toml(role, dict(
        options, skip_optz=True, log_level='debug')))
    return Process(what, [w.replace('{}', path) for w in shlex.split(command)])


def real(role, options):
    if not OTHER:
        return peer(role, options, what='real')
    return by_file('real', OTHER, role, options)


def peer(role, options, *more, what='peer'):
    if MINE and not more:
        return by_file('mine', MINE, role, options)
    words = [sys.executable, '-B', PEER, role]
    for k, v in options.items():
        flag = '--' + k.replace('_', '-')
        if isinstance(v, bool):
            words += [flag] if v else []
        elif isinstance(v, list):
            for x in v:
                words += [flag, x]
        else:
            words += [flag, v]
    return Process(what, words + list(more))


class Cell:
    """A server and a client; the peer has the role."""

    def __init__(self, role, transport, targets, more=(), other=None,
                 mine=None):
        self.role, self.name = role, '%s/%s' % (role, transport)
        self.udp_only = transport == 'udp'
        self.udp = transport in ('udp', 'tcp+udp')
        kind = re.sub('[0-9]|[+].*', '', transport)
        self.kind, self.mux = kind, kind.endswith('mux')
        tunnel, *users = [free_port() for _ in range(4)]
        self.users = users
        both = {'transport': kind, 'token': 'a token'}
        if self.mux:
            both['mux_version'] = int(transport[-1])
        server = dict(both, bind_addr='127.0.0.1:%d' % tunnel, heartbeat=1,
                      ports=['127.0.0.1:%d=%d' % (u, t)
                             for u, t in zip(users, targets.ports)])
        if self.udp_only:
            server['ports'] = server['ports'][:1]
        if transport == 'tcp+udp':
            server['accept_udp'] = True
        if kind.startswith('wss'):
            server['tls_cert'] = os.path.join(peertest.work, 'tls.crt')
            server['tls_key'] = os.path.join(peertest.work, 'tls.key')
        client = dict(both, remote_addr='127.0.0.1:%d' % tunnel,
                      connection_pool=4, retry_interval=1)
        options = {'server': server, 'client': client}
        options[role].update(mine or {})
        self.other = 'client' if role == 'server' else 'server'
        options[self.other].update(other or {})
        if role == 'server':
            self.peer = peer(role, options[role], *more)
            self.real = real(self.other, options[self.other])
        else:
            self.real = real(self.other, options[self.other])
            self.peer = peer(role, options[role], *more)

    async def ready(self):
        if self.udp_only:
            return await ready(echo, self.users[0], [5], 1, 1.0)
        return await ready(banner, self.users[1])

    async def end(self):
        await asyncio.gather(*(p.kill(signal.SIGTERM)
                               for p in (self.peer, self.real)))


async def matrix(role, transport, targets):
    c = Cell(role, transport, targets)
    name = c.name

    async def bulk():
        began = time.monotonic()
        await asyncio.gather(*(user(c.users[0], i, SIZE, SIZE)
                               for i in range(USERS)))
        seconds = time.monotonic() - began
        return '%d users, %.0f MB/s' % (
            USERS, 2 * USERS * SIZE / seconds / 1e6)

    async def first():
        await asyncio.gather(*(banner(c.users[1]) for _ in range(USERS)))

    async def short():
        began = time.monotonic()

        async def some():
            for i in range(SHORT // 20):
                await user(c.users[0], i, 100, 100)
        await asyncio.gather(*(some() for _ in range(20)))
        return '%.0f users/s' % (SHORT / (time.monotonic() - began))

    async def user_closes():
        """The target learns it."""
        seed = c.users[0]
        for _ in range(5):
            reader, writer = await asyncio.open_connection('127.0.0.1',
                                                           c.users[0])
            writer.write(struct.pack('<III', seed, 1 << 30, 1 << 30) +
                         bytes(100000))
            await receive(reader, 500000)
            writer.transport.abort()
        until = time.monotonic() + SECONDS
        while targets.ended[seed] < 5:
            if time.monotonic() > until:
                raise ValueError('the target has them yet')
            await asyncio.sleep(0.05)

    async def target_closes():
        for _ in range(5):
            reader, writer = await asyncio.open_connection('127.0.0.1',
                                                           c.users[2])
            async with asyncio.timeout(SECONDS):
                got = await receive(reader, 300000)
                try:
                    if await reader.read(1):
                        raise ValueError('more than was sent')
                except ConnectionError:
                    pass
            writer.close()
            if got != digest(1, 300000):
                raise ValueError('another checksum')

    async def datagrams():
        sizes = range(1, 16001) if LONG else \
            [*range(1, 300), *range(300, 16001, 97), 16000]
        again = await echo(c.users[0], sizes)
        return '%d sizes, %d sent again' % (len(sizes), again)

    async def many_datagrams():
        agains = await asyncio.gather(*(
            echo(c.users[0], [10 + i, 1400, 512] * 20) for i in range(20)))
        return '20 flows, %d sent again' % sum(agains)

    async def both_ways():
        if not c.udp_only:
            await user(c.users[0], 5, 200000, 200000)
        if c.udp:
            await echo(c.users[0], [100, 1000])

    async def again(p, sig):
        await p.kill(sig)
        if not c.udp_only:
            await asyncio.sleep(0.2)
        p.start()
        # Over UDP an answer may be late: we need a control channel first.
        await asyncio.sleep(2.5 if c.udp_only else 0)
        seconds = await c.ready()
        await both_ways()
        return 'after %.1f s' % seconds

    try:
        if not await check(name + ': it is up', c.ready()):
            return show(c)
        if not c.udp_only:
            await check(name + ': octets both ways', bulk())
            await check(name + ': the target speaks first', first())
            await check(name + ': short users', short())
            await check(name + ': the user closes while data flows',
                        user_closes())
            await check(name + ': the target closes while data flows',
                        target_closes())
        if c.udp:
            await check(name + ': datagrams of all lengths', datagrams())
            await check(name + ': datagrams of 20 users', many_datagrams())
        for p, who in ((c.peer, 'the peer'), (c.real, 'the real one')):
            for sig, how in ((signal.SIGKILL, 'killed'),
                             (signal.SIGTERM, 'ended'))[:1 if BRIEF else 2]:
                await check('%s: %s is %s and starts again' %
                            (name, who, how), again(p, sig))
        await check(name + ': all as before', both_ways())
    finally:
        await c.end()
    said = c.peer.text()
    bad = re.findall('^(?:violation|bug|Traceback).*', said, re.M)
    if not ok(not bad, name + ': neither violations nor bugs', repr(bad[:3])) \
            or peertest.failed:
        show(c)


shown = set()


def show(c):
    if c.name in shown:
        return
    shown.add(c.name)
    for p in (c.peer, c.real):
        p.show(15)


# Each state the peer can stop in, and that the service recovers from it.

SERVER_STATES = [
    ('accepted', ['tcp', 'tcpmux1', 'udp', 'ws', 'wss', 'wsmux1']),
    ('token', ['tcp', 'tcpmux1', 'udp']),
    ('half-reply', ['tcp', 'tcpmux2', 'udp']),
    ('replied', ['tcp', 'tcpmux1', 'udp']),
    ('up', ['tcp', 'tcpmux1', 'udp', 'ws', 'wsmux1']),
    ('request', ['ws', 'wss', 'wsmux1', 'wssmux2']),
    ('half-answer', ['ws', 'wsmux1']),
    ('tunnel-request', ['ws', 'wsmux2']),
    ('tunnel-half-answer', ['ws', 'wsmux1']),
    ('tunnel', ['tcp', 'tcpmux1', 'udp', 'ws', 'wsmux1']),
    ('user', ['tcp', 'tcpmux1', 'ws', 'tcp+udp']),
    ('chan', ['tcp', 'tcpmux2', 'ws']),
    ('syn', ['tcpmux1', 'wsmux2']),
    ('half-target', ['tcp', 'tcpmux1', 'ws', 'wsmux1']),
    ('targeted', ['tcp', 'tcpmux1', 'ws']),
    ('flow', ['tcp', 'tcpmux1', 'ws', 'wss', 'wsmux2']),
    ('half-frame', ['tcpmux2', 'ws', 'wsmux1']),
]
CLIENT_STATES = [
    ('dialled', ['tcp', 'tcpmux1', 'udp', 'ws', 'wss', 'wsmux1']),
    ('half-token', ['tcp', 'tcpmux1', 'udp']),
    ('sent', ['tcp', 'tcpmux1', 'udp']),
    ('half-request', ['ws', 'wss', 'wsmux1']),
    ('up', ['tcp', 'tcpmux1', 'udp', 'ws', 'wsmux1']),
    ('tunnel-dialled', ['tcp', 'tcpmux1', 'ws', 'wss']),
    ('tunnel-half-request', ['ws', 'wsmux1']),
    ('tunnel', ['tcp', 'tcpmux1', 'udp', 'ws', 'wsmux2']),
    ('dial', ['tcp', 'tcpmux1', 'udp', 'ws', 'tcp+udp']),
    ('joined', ['tcp', 'tcpmux1', 'ws', 'wsmux1']),
    ('half-datagram-token', ['udp']),
    ('flow', ['tcp', 'tcpmux1', 'ws', 'wss', 'wsmux2']),
    ('half-frame', ['tcpmux2', 'ws', 'wsmux1']),
]


async def stops(role, state, transport, how, targets):
    c = Cell(role, transport, targets,
             ['--stop-at', state, '--stop-how', how, '--stop-times', '1'])

    async def run():
        poke = asyncio.ensure_future(c.ready())
        try:
            await c.peer.wait('^stopped at ' + state)
        finally:
            poke.cancel()
            try:
                await poke
            except (asyncio.CancelledError, OSError, EOFError, ValueError):
                pass
        if how not in ('close', 'reset'):
            return
        # A real server gives users to tunnels that have died, one each.
        return 'after %.1f s' % await c.ready()
    try:
        if not await check('%s: stopped at %s (%s)' % (c.name, state, how),
                           run()):
            show(c)
    finally:
        await c.end()


async def orders(targets):
    """Some of what it does wrong on order, and what the real one says."""
    for transport in ('tcp', 'tcpmux1', 'udp', 'ws', 'wsmux1'):
        for role in ('server', 'client'):
            c = Cell(role, transport, targets,
                     ['--token', 'a wrong one'])
            await check(c.name + ': a wrong token is refused',
                        c.peer.wait('^control refused', 2))
            await c.end()
    for transport in ('tcp', 'tcpmux1'):
        c = Cell('client', transport, targets, ['--tunnel-from', '127.0.0.9'])
        await check(c.name + ': tunnels from another address are closed',
                    c.peer.wait('^tunnel closed', 3))
        await c.end()
    for transport, octets in (('tcp', '09'), ('tcpmux1', '06'), ('ws', '06'),
                              ('wsmux1', '02')):
        c = Cell('server', transport, targets,
                 ['--control-send', octets, '--control-after', '0.3'])
        await check('%s: %s on the control channel restarts it' %
                    (c.name, octets), c.peer.wait('^control up', 2))
        await c.end()
    for transport, words in (('tcp', ['--split']), ('tcpmux2', ['--split']),
                             ('ws', ['--fragment', '100',
                                     '--ws-ping-between'])):
        for role in ('server', 'client'):
            c = Cell(role, transport, targets, words)
            await check('%s: %s' % (c.name, ' '.join(words)), c.ready())
            await c.end()
    for transport, what in (('tcp', '^control sent RTT'),
                            ('ws', '^control got HB')):
        c = Cell('server', transport, targets, ['--verbose'])
        await check('%s: %s' % (c.name, what), c.peer.wait(what))
        await c.end()
    # PROXY: the octets before those of the user
    c = Cell('server', 'tcpmux1', targets, mine={'proxy_protocol': True})

    async def header():
        await c.peer.wait('^control up')
        reader, writer = await asyncio.open_connection('127.0.0.1', c.users[1])
        writer.write(b'x')
        await reader.readexactly(len(BANNER))
        got = await reader.read(100)
        port = writer.get_extra_info('sockname')[1]
        if got[:16] != bytes.fromhex('0d0a0d0a000d0a515549540a2111000c') or \
                got[24:26] != struct.pack('>H', port):
            raise ValueError(got.hex())
        writer.close()
    await check(c.name + ': a PROXY header', header())
    await c.end()


async def some(n, calls):
    """All of them, n at once."""
    calls = list(reversed(calls))

    async def worker():
        while calls:
            f, *args = calls.pop()
            await f(*args)
    await asyncio.gather(*(worker() for _ in range(n)))


async def main():
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    targets = Targets()
    await targets.start()
    wanted = sys.argv[1:]
    await some(ATONCE, [
        (matrix, role, transport, targets) for role, transport in CELLS
        if not wanted or wanted == ['all'] or
        '%s/%s' % (role, transport) in wanted])
    if not wanted and not BRIEF or 'orders' in wanted:
        await orders(targets)
    if not wanted or 'stops' in wanted:
        await some(STOPS, [
            (stops, role, state, transport, how, targets)
            for role, states in (('server', SERVER_STATES),
                                 ('client', CLIENT_STATES))
            for state, transports in states
            for transport in (transports if LONG else
                              transports[:1 if BRIEF else 2])
            for how in (('close', 'reset', 'hang', 'freeze', 'exit') if LONG
                        else ('close',))])


if __name__ == '__main__':
    if not BACKHAUL and not OTHER:
        print('1..0 # SKIP BACKHAUL names no Backhaul v0.7.2')
        sys.exit(0)
    if BACKHAUL and BACKHAUL != 'self':
        got = subprocess.run([BACKHAUL, '-v'], capture_output=True, text=True)
        if got.stdout.strip() != 'v0.7.2':
            print('1..0 # SKIP BACKHAUL is no v0.7.2')
            sys.exit(0)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    work = peertest.work = tempfile.mkdtemp(prefix='backhaul.')
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda *_: sys.exit(1))
    try:
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-keyout',
                        work + '/tls.key', '-out', work + '/tls.crt', '-days',
                        '30', '-subj', '/CN=localhost'], check=True,
                       stderr=subprocess.DEVNULL)
        peertest.run(main())
    finally:
        if os.environ.get('KEEP'):
            print('# logs in', work)
        else:
            shutil.rmtree(work)
    print('1..%d' % peertest.tests)
    sys.exit(1 if peertest.failed else 0)
