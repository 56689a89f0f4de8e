# SPDX-License-Identifier: ISC
#
# What the tests of dialects against another program share: TAP, programs that
# are started and looked at, free ports, octets that both ends know, targets and
# users that exchange them.  A test sets name and limit, and runs with run().

import asyncio
import hashlib
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import time

# SECONDS: how long something may take on a slow machine
SECONDS = 30
BLOCK = os.urandom(1 << 20)

name = ''		# of the test, for what failed
limit = 2 * SECONDS	# of one check
work = ''		# where files are
tests = failed = 0
processes = []
taken = set()


def ok(good, what, detail=''):
    global tests, failed
    tests += 1
    told = ' # ' + detail.splitlines()[0] if detail and good else ''
    print('%sok %d - %s%s' % ('' if good else 'not ', tests, what, told),
          flush=True)
    if not good:
        failed += 1
        print('# failed: %s %d: %s: %s' % (name, tests, what, detail),
              file=sys.stderr, flush=True)
    return good


async def check(what, coro):
    began = time.monotonic()
    try:
        async with asyncio.timeout(limit):
            detail = await coro
        return ok(True, what, '%s%.1f s' % (
            detail + ', ' if isinstance(detail, str) else '',
            time.monotonic() - began))
    except (OSError, EOFError, ValueError) as e:
        return ok(False, what, repr(e))


async def ready(what, *args):
    """Tries it until it works."""
    began = time.monotonic()
    while True:
        try:
            async with asyncio.timeout(5):
                await what(*args)
            return time.monotonic() - began
        except (OSError, EOFError, ValueError) as e:
            if time.monotonic() - began > SECONDS:
                raise ValueError('not ready: %r' % e)
            await asyncio.sleep(0.1)


def is_free(port):
    """For TCP and for UDP."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind(('127.0.0.1', port))
            except OSError:
                return False
    return True


def free_port():
    """Below those that the system gives to whoever connects."""
    while True:
        port = random.randrange(15000, 32000)
        if port not in taken and is_free(port):
            taken.add(port)
            return port


# Octets that both ends know: of the block, from an offset on.

def pattern(seed, n):
    at, left = seed * 7919 % len(BLOCK), n
    while left > 0:
        piece = BLOCK[at:at + min(left, 65536)]
        yield piece
        left -= len(piece)
        at = (at + len(piece)) % len(BLOCK)


def digest(seed, n):
    h = hashlib.sha256()
    for piece in pattern(seed, n):
        h.update(piece)
    return h.digest()


async def send(writer, seed, n):
    for piece in pattern(seed, n):
        writer.write(piece)
        await writer.drain()


async def receive(reader, n, first=b''):
    h = hashlib.sha256(first)
    n -= len(first)
    while n > 0:
        data = await reader.read(min(n, 65536))
        if not data:
            raise EOFError('%d octets are missing' % n)
        h.update(data)
        n -= len(data)
    return h.digest()


async def both_ways(reader, writer, seed, up, down, first=b''):
    """Sends so many and takes so many: their sum."""
    sending = asyncio.ensure_future(send(writer, seed, up))
    try:
        got = await receive(reader, down, first)
        await sending
        return got
    finally:
        sending.cancel()


async def swap(reader, writer, seeds=None):
    """A target: octets both ways, as the user says, and the sum of what came.
    What the user says first is put into seeds."""
    seed, up, down = struct.unpack('<III', await reader.readexactly(12))
    if seeds is not None:
        seeds.append(seed)
    writer.write(await both_ways(reader, writer, seed + 1, down, up))
    await writer.drain()
    await reader.read()


async def swaps(reader, writer, seed, up, down, first=b''):
    """Its user, who has said what he wants, and has got this."""
    got = await both_ways(reader, writer, seed, up, down, first)
    told = await reader.readexactly(32)
    if got != digest(seed + 1, down):
        raise ValueError('another checksum down')
    if told != digest(seed, up):
        raise ValueError('another checksum up')


class Echo(asyncio.DatagramProtocol):
    """A target of datagrams."""

    def connection_made(self, transport):
        self.transport = transport
        self.longest = 0

    def datagram_received(self, data, addr):
        self.longest = max(self.longest, len(data))
        self.transport.sendto(data, addr)


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self):
        self.queue = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.queue.put_nowait(data)

    def error_received(self, error):
        pass


async def datagrams(port, sizes, tries, wait, lost=None):
    """Each comes back, but for one of lost octets.  How many had to be sent
    again; raises ValueError."""
    transport, p = await asyncio.get_running_loop().create_datagram_endpoint(
        Datagrams, remote_addr=('127.0.0.1', port))
    again = 0
    try:
        for n in sizes:
            data = BLOCK[n:2 * n]
            for _ in range(tries):
                transport.sendto(data)
                if n == lost:
                    break
                try:
                    async with asyncio.timeout(wait):
                        while (got := await p.queue.get()) != data:
                            if len(got) == lost:
                                raise ValueError('%d octets' % lost)
                    break
                except TimeoutError:
                    again += 1
            else:
                raise ValueError('no echo of %d octets' % n)
    finally:
        transport.close()
    return again


# Programs.

class Process:
    def __init__(self, what, command):
        self.what, self.command = what, command
        self.log = os.path.join(work, '%s.%d.log' % (what, len(processes)))
        self.start()
        processes.append(self)

    def start(self):
        with open(self.log, 'a') as log:
            self.process = subprocess.Popen([str(w) for w in self.command],
                                            stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def text(self):
        with open(self.log, errors='replace') as log:
            return log.read()

    def show(self, n):
        """Its last lines, for who reads what has failed."""
        for line in self.text().splitlines()[-n:]:
            print('#|', self.what, line[:200], file=sys.stderr)

    async def wait(self, regexp, times=1):
        began = time.monotonic()
        while len(re.findall(regexp, self.text(), re.M)) < times:
            if time.monotonic() - began > SECONDS:
                raise ValueError('%s: no %s' % (self.what, regexp))
            await asyncio.sleep(0.05)

    async def kill(self, sig=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.send_signal(signal.SIGCONT)
        for _ in range(400):
            if self.process.poll() is not None:
                return
            await asyncio.sleep(0.05)
        self.process.kill()
        self.process.wait()


def file_for(what, suffix, text):
    """A configuration for the next process."""
    path = os.path.join(work, '%s.%d.%s' % (what, len(processes), suffix))
    with open(path, 'w', opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(text)
    return path


def run(main):
    """No process is left behind."""
    try:
        asyncio.run(main)
    finally:
        for p in processes:
            if p.process.poll() is None:
                p.process.kill()
                p.process.wait()
