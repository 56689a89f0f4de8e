#!/usr/bin/python3
# SPDX-License-Identifier: ISC
#
# rocketd in each role of dialect muxpro, against the program that MUXPRO names,
# or muxpro_peer.py.  Prints TAP.  What is expected of such a program:
#
#   -role server -listen HOST:PORT
#       accepts main connections, and connects whoever opens a stream to what
#       he names; prints "listening HOST:PORT"
#   -role client -connect HOST:PORT -listen HOST:PORT -target HOST:PORT [-udp]
#       each of its users is a stream to the target
#
# MINE is the command of rocketd, in which {} becomes the name of its file.
# LONG=1, and with MUXPRO: 5 MB each way, else sizes that take no time.

import asyncio
import os
import re
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import time

import peertest
from peertest import (SECONDS, check, digest, free_port, ok, receive,
                      ready, send, swap)

HERE = os.path.dirname(os.path.abspath(__file__))
MUXPRO = os.environ.get('MUXPRO', '')
LONG = bool(os.environ.get('LONG')) or bool(MUXPRO)
OTHER = [MUXPRO] if MUXPRO else \
    [sys.executable, '-B', os.path.join(HERE, 'muxpro_peer.py')]
MINE = os.environ['MINE']
CTL = os.environ.get('CTL', '')
STREAMS, BIG, SOME = 20, 5000000 if LONG else 200000, 300000

peertest.name = 'muxpro'


# Targets.

async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def tell(reader, writer):
    """How many octets came, when they have ended."""
    writer.write(b'%d' % len(await reader.read(-1)))
    await writer.drain()


async def cut(reader, writer):
    """Closes behind what it sends."""
    await reader.readexactly(1)
    await send(writer, 1, SOME)


class Targets:
    async def start(self):
        def safe(f):
            async def run(reader, writer):
                try:
                    await f(reader, writer)
                except (OSError, EOFError):
                    pass
                finally:
                    writer.close()
            return run
        self.servers, self.port = [], {}
        for f in (swap, echo, tell, cut):
            self.port[f] = free_port()
            self.servers.append(await asyncio.start_server(
                safe(f), '127.0.0.1', self.port[f]))
        self.port['udp'] = free_port()
        _, self.udp = await \
            asyncio.get_running_loop().create_datagram_endpoint(
                peertest.Echo, local_addr=('127.0.0.1', self.port['udp']))
        self.port['none'] = free_port()


# Users.  The published code loses octets of a stream where its credit ends,
# which only a user who waits can prevent: when something has come back, credit
# has too.

async def swapped(port, seed, up, down):
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    try:
        writer.write(struct.pack('<III', seed, up, down))
        first = await reader.readexactly(1)
        await peertest.swaps(reader, writer, seed, up, down, first)
    finally:
        writer.close()


async def echoed(port, seed, n, streams=None):
    reader, writer = streams or await asyncio.open_connection('127.0.0.1',
                                                              port)
    try:
        writer.write(b'x')
        if await reader.readexactly(1) != b'x':
            raise ValueError('another octet')
        sending = asyncio.ensure_future(send(writer, seed, n))
        try:
            if await receive(reader, n) != digest(seed, n):
                raise ValueError('another checksum')
            await sending
        finally:
            sending.cancel()
    finally:
        writer.close()


async def one_after_another(port):
    began = time.monotonic()
    for i in range(STREAMS):
        await swapped(port, i, BIG, BIG)
    return '%d of %d octets each way, %.0f MB/s' % (
        STREAMS, BIG, 2 * STREAMS * BIG / (time.monotonic() - began) / 1e6)


async def at_once(port):
    await asyncio.gather(*(echoed(port, i, SOME) for i in range(STREAMS)))


async def target_closes(port):
    """All that it said arrives, and then the end."""
    for _ in range(5):
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        writer.write(b'x')
        async with asyncio.timeout(SECONDS):
            got = await receive(reader, SOME)
            if got != digest(1, SOME) or await reader.read(1):
                raise ValueError('not what was sent')
        writer.close()


async def user_ends(port):
    """The target hears it, and its answer arrives."""
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    writer.write(bytes(SOME))
    writer.write_eof()
    async with asyncio.timeout(SECONDS):
        got = await reader.read(-1)
    writer.close()
    if got != b'%d' % SOME:
        raise ValueError('told %r' % got)


async def nobody_there(port):
    """It ends at once, without an octet."""
    try:
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        writer.write(b'x')
        async with asyncio.timeout(10):
            if got := await reader.read(1):
                raise ValueError('it got %r' % got)
        writer.close()
    except ConnectionError:
        pass


async def datagrams(port, sizes, lost=None):
    """Each comes back; what got lost is sent again.  But for one of lost."""
    again = await peertest.datagrams(port, sizes, 5, 1, lost)
    return '%d sizes, %d sent again' % (len(sizes), again)


async def every_size(port):
    return await datagrams(port, range(1, 2049) if LONG else
                           [*range(1, 2048, 31), 2047, 2048])


async def too_long(port, targets):
    await datagrams(port, [100, 2049, 101, 102], 2049)
    if targets.udp.longest > 2048:
        raise ValueError('the target got %d octets' % targets.udp.longest)


async def proxied(port, host, target):
    """By SOCKS 5."""
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    writer.write(b'\5\1\0')
    if await reader.readexactly(2) != b'\5\0':
        raise ValueError('no method')
    writer.write(b'\5\1\0\3' + bytes([len(host)]) + host.encode() +
                 struct.pack('>H', target))
    reply = await reader.readexactly(10)
    if reply[1] != 0:
        raise ValueError('reply %d' % reply[1])
    return reader, writer


# Programs.

class Process(peertest.Process):
    async def again(self, sig=signal.SIGKILL):
        """It ends at once while what was killed before has its ports yet."""
        await self.kill(sig)
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            said = len(self.text())
            self.start()
            while self.process.poll() is None:
                if re.search('is up$|^listening', self.text()[said:], re.M):
                    return
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.2)


def rocketd(what, text):
    path = peertest.file_for(what, 'conf', 'log debug\n' + text)
    p = Process(what, [w.replace('{}', path) for w in shlex.split(MINE)])
    p.path = path
    return p


def ctl(p, *words):
    if not CTL:
        return ''
    return subprocess.run([*shlex.split(CTL), '-s', p.path + '.sock', *words],
                          capture_output=True, text=True).stdout


def no_violations(p, what):
    bad = re.findall('^(?:violation|panic|Traceback|.*Error).*', p.text(),
                     re.M)
    ok(not bad, what, repr(bad[:3]))


# Our client, and its server.

async def as_client(targets):
    tunnel = free_port()
    port = {k: free_port() for k in targets.port}
    socks = free_port()
    other = Process('server', [*OTHER, '-role', 'server', '-listen',
                               '127.0.0.1:%d' % tunnel])
    mine = rocketd('client', '''
client {
	dialect muxpro
	connect to 127.0.0.1 port %d transport tcpmux
	retry interval 1
	pool 2
	service "out" {
		listen on 127.0.0.1 port %d protocol socks
		%s
	}
}''' % (tunnel, socks, '\n\t\t'.join(
        'listen on 127.0.0.1 port %d%s to "%s:%d"' %
        (port[k], ' protocol udp' if k == 'udp' else '',
         'localhost' if k is echo else '127.0.0.1', targets.port[k])
        for k in port)))
    name = 'client: '
    try:
        if not await check(name + 'it is up', ready(echoed, port[echo], 0,
                                                    10)):
            return
        ok('open to muxpro' in mine.text(), name + 'its log names the dialect')
        shown = ctl(mine, 'show', 'sessions')
        ok(not CTL or re.search(' muxpro +tcpmux +muxpro ', shown), name + 'and so does rocketctl', shown)
        await check(name + 'streams one after another',
                    one_after_another(port[swap]))
        await check(name + 'streams at once', at_once(port[echo]))
        await check(name + 'the target closes', target_closes(port[cut]))
        await check(name + 'the user ends first', user_ends(port[tell]))
        await check(name + 'datagrams of each size', every_size(port['udp']))
        await check(name + 'one that is too long is dropped',
                    too_long(port['udp'], targets))
        await check(name + 'a target that nobody is at',
                    nobody_there(port['none']))
        for host in ('127.0.0.1', 'localhost'):
            await check(name + 'by SOCKS to ' + host, echoed(
                0, 3, SOME, await proxied(socks, host, targets.port[echo])))
        await check(name + 'all that while no tunnel was lost',
                    not_lost(mine))
        await other.again()
        await check(name + 'the server is killed and starts again',
                    ready(echoed, port[echo], 1, SOME))
        await check(name + 'and datagrams', ready(datagrams, port['udp'],
                                                  [5, 6]))
        await mine.again(signal.SIGTERM)
        await check(name + 'it ends and starts again',
                    ready(echoed, port[echo], 1, SOME))
        await mine.again()
        await check(name + 'it is killed and starts again',
                    ready(echoed, port[echo], 1, SOME))
        await check(name + 'all as before', one_after_another(port[swap]))
        no_violations(other, name + 'the server has nothing to say')
    finally:
        await end(mine, other)


async def not_lost(p):
    bad = re.findall('.*(?:lost|protocol error|refused:).*', p.text())
    bad = [b for b in bad if 'user' not in b]
    if bad:
        raise ValueError(repr(bad[:3]))


# Our server, and its clients.

async def as_server(targets):
    tunnel = free_port()
    mine = rocketd('server', '''
server {
	dialect muxpro
	listen on 127.0.0.1 port %d transport tcpmux
	allow tunnels from 127.0.0.0/8
	service "in" {
		forward to any protocol tcp udp {
			block to 127.0.0.1 port %d
			pass to 127.0.0.0/8
			pass to localhost
		}
	}
}''' % (tunnel, targets.port[tell]))
    port, other = {}, {}
    for k in targets.port:
        port[k] = free_port()
        host = 'localhost' if k is echo else '127.0.0.1'
        other[k] = Process('client', [
            *OTHER, '-role', 'client', '-connect', '127.0.0.1:%d' % tunnel,
            '-listen', '127.0.0.1:%d' % port[k], '-target',
            '%s:%d' % (host, targets.port[k])] +
            (['-udp'] if k == 'udp' else []))
    name = 'server: '
    try:
        if not await check(name + 'it is up', ready(echoed, port[echo], 0,
                                                    10)):
            return
        shown = ctl(mine, 'show', 'sessions')
        ok(not CTL or re.search(' muxpro +tcpmux +muxpro ', shown),
           name + 'rocketctl says what is spoken', shown)
        await check(name + 'streams one after another',
                    one_after_another(port[swap]))
        await check(name + 'streams at once', at_once(port[echo]))
        await check(name + 'the target closes', target_closes(port[cut]))
        await check(name + 'datagrams of each size', every_size(port['udp']))
        await check(name + 'one that is too long is dropped',
                    too_long(port['udp'], targets))
        await check(name + 'a target that nobody is at',
                    nobody_there(port['none']))
        await check(name + 'a target that is blocked',
                    nobody_there(port[tell]))
        await check(name + 'and the log says so',
                    mine.wait('do not allow 127.0.0.1:%d' % targets.port[tell]))
        await check(name + 'all that while no tunnel was lost',
                    not_lost(mine))
        await other[echo].again()
        await check(name + 'a client is killed and starts again',
                    ready(echoed, port[echo], 1, SOME))
        for sig, how in ((signal.SIGTERM, 'ends'), (signal.SIGKILL,
                                                    'is killed')):
            await mine.again(sig)
            await check(name + 'it %s and starts again' % how,
                        ready(echoed, port[echo], 1, SOME))
        await check(name + 'and datagrams', ready(datagrams, port['udp'],
                                                  [5, 6]))
        await check(name + 'all as before', ready(one_after_another,
                                                  port[swap]))
        await strangers(tunnel, mine)
        for k, p in other.items():
            no_violations(p, name + 'a client has nothing to say')
    finally:
        await end(mine, *other.values())


# What is not Mux.Pro, and what of Mux.Pro is refused.

STRANGERS = [
    ('Mux.Cool, of TCP', '0014 0001 01 01 01 0050 02 0b'
     '6578616d706c652e636f6d 0005 68656c6c6f', 'speaks Mux.Cool, not Mux.Pro'),
    ('Mux.Cool, of UDP', '000c 0001 01 01 02 0035 01 c0000235 0005 68656c6c6f',
     'speaks Mux.Cool, not Mux.Pro'),
    ('Mux.Cool, an end', '0004 0063 03 00', 'does not begin with a version'),
    ('a KeepAlive', '0004 0001 04 00', 'does not begin with a version'),
    ('a version without data', '0004 0000 00 00',
     'does not begin with a version'),
    ('HTTP', b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.hex(), 'speaks HTTP'),
    ('TLS', '16 0301 00c8 01 0000c4 0303', 'speaks TLS'),
    ('version 0.0 alone', '0004 0000 00 01 0005 01 00000000',
     'offers no version that is known here'),
    ('metadata that is too long', '0201' + '00' * 20,
     'metadata of the wrong length'),
]


async def stranger(port, octets, number):
    """It is closed, without an answer.  Each has lines of its own in the log."""
    reader, writer = await asyncio.open_connection(
        '127.0.0.1', port, local_addr=('127.0.0.%d' % number, 0))
    writer.write(bytes.fromhex(octets))
    try:
        async with asyncio.timeout(SECONDS):
            if got := await reader.read(1):
                raise ValueError('answered with %r' % got)
    except ConnectionError:
        pass
    writer.close()


async def strangers(port, mine):
    for i, (what, octets, words) in enumerate(STRANGERS):
        n = mine.text().count(words)
        await check('server: refused: ' + what,
                    stranger(port, octets, 10 + i))
        await check('server: and the log says why: ' + words,
                    mine.wait(re.escape(words), n + 1))
    for what, octets in (('N2', '0004 0000 00 01 0009 02 00000001 00000000'),
                         ('N3', '0004 0000 00 01 0009 02 00000000 00000001')):
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        writer.write(bytes.fromhex(octets))
        async with asyncio.timeout(SECONDS):
            got = await reader.readexactly(13)
        ok(got.hex() == '00040000000100050100000001', 'server: 0.1 is chosen '
           'of two versions (%s)' % what, got.hex())
        writer.close()


async def end(*ps):
    if peertest.failed:
        for p in ps:
            p.show(25)
    await asyncio.gather(*(p.kill(signal.SIGTERM) for p in ps))


async def main():
    targets = Targets()
    await targets.start()
    for f in (as_client, as_server):
        if len(sys.argv) < 2 or f.__name__ in sys.argv[1:]:
            await f(targets)
    print('1..%d' % peertest.tests)


if __name__ == '__main__':
    with tempfile.TemporaryDirectory() as peertest.work:
        try:
            peertest.run(main())
        finally:
            if keep := os.environ.get('KEEP'):
                os.system('cp -r %s %s' % (shlex.quote(peertest.work),
                                           shlex.quote(keep)))
    sys.exit(peertest.failed > 0)
