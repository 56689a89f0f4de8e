#!/usr/bin/python3
# SPDX-License-Identifier: ISC
#
# A peer that speaks Mux.Pro 0.1, bare on TCP, in either role.  It was written
# from the protocol alone, and does what the published code does where that is
# odd: it says so at each place.
# usage: muxpro_peer.py -role server [-listen HOST:PORT]
#        muxpro_peer.py -role client -connect HOST:PORT [-listen HOST:PORT]
#            -target HOST:PORT [-udp] [-concurrency N] [-idle SECONDS]
#
# It prints "listening HOST:PORT", and "violation: ..." for what the other side
# must not do.

import argparse
import asyncio
import ipaddress
import socket
import struct
import sys
import time

NEGOTIATE, NEW, KEEP, END, ALIVE, UPDATE = range(6)
DATA, ADDRESS = 1, 2
TCP, UDP = 1, 2
VERSION = 1
CREDIT = 65536
THRESHOLD = 32768
CHUNK = 8192
DATAGRAM = 2048
REQUEST = bytes.fromhex('000400000001000501') + struct.pack('>I', VERSION)
FIRST_DATA = 0.1			# the client waits for it before New
UDP_IDLE = 60


class Broken(Exception):
    pass


def say(*words):
    print(*words, flush=True)


def violation(*words):
    say('violation:', *words)


def frame(number, status, data=None, more=b'', opt=0):
    meta = struct.pack('>HBB', number, status,
                       opt | (DATA if data is not None else 0)) + more
    block = b'' if data is None else struct.pack('>H', len(data)) + data
    return struct.pack('>H', len(meta)) + meta + block


def put_address(host, port):
    """Port, kind, address."""
    try:
        a = ipaddress.ip_address(host)
        kind, octets = (1, a.packed) if a.version == 4 else (3, a.packed)
    except ValueError:
        name = host.encode()
        kind, octets = 2, bytes([len(name)]) + name
    return struct.pack('>HB', port, kind) + octets


def get_address(p):
    """Host, port and what follows."""
    port, kind = struct.unpack('>HB', p[:3])
    p = p[3:]
    if kind == 2:
        return p[1:1 + p[0]].decode(), port, p[1 + p[0]:]
    n = {1: 4, 3: 16}[kind]
    if len(p) < n:
        raise Broken('an address cut short')
    return str(ipaddress.ip_address(p[:n])), port, p[n:]


def host_port(text):
    host, _, port = text.rpartition(':')
    return host.strip('[]'), int(port)


class Stream:
    def __init__(self, mux, number):
        self.mux, self.number = mux, number
        self.credit, self.more = CREDIT, asyncio.Event()
        self.got = 0			# octets since the last grant
        self.edge = CREDIT		# what it may send yet
        self.known = True
        self.datagrams = None		# called with each
        self.queue = asyncio.Queue()	# for the local side; None: an end
        self.waits = 0
        self.code = 0			# with which it was ended
        self.task = None		# what serves it

    def forget(self):
        self.known = False
        self.mux.streams.pop(self.number, None)
        self.more.set()

    def end(self, code=None):
        if code is None:
            self.mux.send(frame(self.number, END))
        else:
            self.mux.send(frame(self.number, END, opt=DATA,
                                more=struct.pack('>H', code)))
        self.forget()

    def received(self, data, new=False):
        self.edge -= len(data)
        if self.edge < 0:
            violation('stream %d: %d octets beyond its credit' %
                      (self.number, -self.edge))
        if not self.datagrams and len(data) > 0:
            self.waits += len(data)
            self.queue.put_nowait(data)
        # New's data is not counted, as in the published code
        if not new:
            self.got += len(data)

    def consumed(self):
        if self.got >= THRESHOLD and self.known:
            n, self.got = self.got, 0
            self.edge += n
            self.mux.send(frame(self.number, UPDATE, struct.pack('>I', n)))

    async def write_to(self, writer):
        """What came goes to the local side, and its end."""
        while (data := await self.queue.get()) is not None:
            self.waits -= len(data)
            writer.write(data)
            await writer.drain()
            self.consumed()
        if writer.can_write_eof():
            writer.write_eof()

    async def read_from(self, reader, first=b''):
        """What the local side says, to its end.  False: no credit in time."""
        while True:
            data = first or await reader.read(CHUNK)
            first = b''
            if not data:
                return True
            while data:
                if self.mux.dead:
                    return False
                if self.credit <= 0:
                    self.more.clear()
                    try:
                        async with asyncio.timeout(30):
                            await self.more.wait()
                    except TimeoutError:
                        # what has ended gets none
                        if self.known:
                            violation('stream %d: no credit for 30 s' %
                                      self.number)
                        self.end(3)
                        return False
                    continue
                piece, data = data[:self.credit], data[self.credit:]
                self.credit -= len(piece)
                self.mux.send(frame(self.number, KEEP, piece))
                await self.mux.writer.drain()


class Mux:
    """A main connection."""
    made = 0

    def __init__(self, reader, writer, server):
        self.reader, self.writer, self.server = reader, writer, server
        self.streams = {}
        self.last = 0
        self.dead = False
        self.tasks = set()
        Mux.made += 1
        # the published code takes what follows an End with a code for a block
        self.trapped = Mux.made % 2 == 0
        self.opened = None		# a coroutine function, server
        self.idle_since = time.monotonic()

    def send(self, octets):
        if not self.dead:
            self.writer.write(octets)

    def task(self, coro):
        async def run():
            try:
                await coro
            except (OSError, EOFError, asyncio.CancelledError):
                pass
        t = asyncio.ensure_future(run())
        self.tasks.add(t)
        t.add_done_callback(self.tasks.discard)
        return t

    async def octets(self, n):
        return await self.reader.readexactly(n)

    async def number16(self):
        return struct.unpack('>H', await self.octets(2))[0]

    async def block(self):
        return await self.octets(await self.number16())

    async def head(self):
        n = await self.number16()
        if not 4 <= n <= 512:
            raise Broken('metadata of %d octets' % n)
        meta = await self.octets(n)
        return *struct.unpack('>HBB', meta[:4]), meta[4:]

    async def negotiate(self):
        if not self.server:
            self.writer.write(REQUEST)
            # the published code loses what comes in the same read
            got = await self.reader.read(4096)
            if got != REQUEST:
                raise Broken('an answer of %s' % got.hex())
            return
        number, status, opt, _ = await self.head()
        if (number, status) != (0, NEGOTIATE) or not opt & DATA:
            raise Broken('the first frame has status %d' % status)
        versions = await self.block()
        if struct.pack('>I', VERSION) not in (
                versions[i:i + 4] for i in range(1, len(versions), 4)):
            raise Broken('no common version')
        # the other side may say nothing before this
        try:
            async with asyncio.timeout(0.05):
                early = await self.reader.read(1)
            if early:
                violation('it does not wait for the answer')
            raise EOFError
        except TimeoutError:
            pass
        self.writer.write(REQUEST)

    async def run(self):
        try:
            await self.negotiate()
            while True:
                await self.one()
        except Broken as e:
            violation(e)
        except (OSError, EOFError):
            pass
        finally:
            self.close()

    def close(self):
        self.dead = True
        for s in list(self.streams.values()):
            s.forget()
            s.queue.put_nowait(None)
        self.writer.close()

    async def one(self):
        number, status, opt, meta = await self.head()
        if status == ALIVE:
            if opt != 0:
                raise Broken('a KeepAlive with options')
            return
        if status == END:
            self.ended(number, opt, meta)
            if opt & DATA and self.trapped:
                await self.block()
            return
        if status == UPDATE:
            data = await self.block() if opt & DATA else b''
            if len(data) != 4:
                raise Broken('a CreditUpdate of the wrong length')
            if (s := self.streams.get(number)) is not None:
                s.credit += struct.unpack('>I', data)[0]
                s.more.set()
            return
        data = await self.block() if opt & DATA else None
        if status == NEW:
            self.new(number, meta, data)
        elif status == KEEP:
            await self.keep(number, opt, data)
        else:
            raise Broken('status %d' % status)

    def ended(self, number, opt, meta):
        if (s := self.streams.get(number)) is None:
            return
        code = struct.unpack('>H', meta[:2])[0] if opt & DATA else 0
        say('end %d code %d' % (number, code))
        s.code = code
        s.forget()
        s.queue.put_nowait(None)
        if code and s.task is not None:
            s.task.cancel()

    async def keep(self, number, opt, data):
        if data is None:
            return
        if opt & ADDRESS:
            violation('a datagram with an address')
        if (s := self.streams.get(number)) is None:
            self.send(frame(number, END, opt=DATA,
                            more=struct.pack('>H', 3)))
            return
        s.received(data)
        if s.datagrams is not None:
            self.datagram(s, data)
        # as the published code: whoever does not read stops all
        while s.waits > CREDIT and s.known:
            await asyncio.sleep(0.001)

    def datagram(self, s, data):
        if len(data) > DATAGRAM:
            raise Broken('a datagram of %d octets' % len(data))
        s.datagrams(data)
        s.consumed()

    def new(self, number, meta, data):
        if not self.server:
            violation('the server opens a stream')
            return
        if number == 0 or number in self.streams:
            raise Broken('New for stream %d' % number)
        network, priority = meta[0], meta[1]
        if network not in (TCP, UDP):
            raise Broken('network %d' % network)
        host, port, rest = get_address(meta[2:])
        if rest:
            violation('%d octets behind the address' % len(rest))
        if data is not None and len(data) > CHUNK:
            violation('New with %d octets' % len(data))
        s = self.streams[number] = Stream(self, number)
        if network == UDP:
            s.datagrams = s.queue.put_nowait
        if data:
            s.received(data, new=True)
            if network == UDP:
                self.datagram(s, data)
        serve = serve_udp if network == UDP else serve_tcp
        s.task = self.task(serve(s, host, port))


# The server: whatever is named is connected to.

async def serve_tcp(s, host, port):
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        s.end(5)
        return
    out = s.mux.task(s.write_to(writer))
    try:
        await s.read_from(reader)
    finally:
        # also when the client has ended before
        s.end()
        s.queue.put_nowait(None)
        await asyncio.gather(out, return_exceptions=True)
        writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, got):
        self.got = got

    def datagram_received(self, data, addr):
        self.got(data, addr)


async def serve_udp(s, host, port):
    def got(data, _):
        # as the published code writes it: the first octets are an address
        s.mux.send(frame(s.number, KEEP, b'\x02' +
                         put_address('192.0.2.9', 40000) + data, opt=ADDRESS))
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Datagrams(got), remote_addr=(host, port))
    while (data := await s.queue.get()) is not None:
        transport.sendto(data)
    transport.close()


async def server(opt):
    async def come(reader, writer):
        await Mux(reader, writer, True).run()
    s = await asyncio.start_server(come, *host_port(opt.listen))
    say('listening %s:%d' % s.sockets[0].getsockname()[:2])
    await s.serve_forever()


# The client: each user is a stream.

class Client:
    def __init__(self, opt):
        self.opt, self.muxes = opt, []
        self.target = put_address(*host_port(opt.target))
        self.making = asyncio.Lock()

    async def mux(self):
        async with self.making:
            for m in self.muxes:
                if not m.dead and len(m.streams) < self.opt.concurrency:
                    return m
            reader, writer = await asyncio.open_connection(
                *host_port(self.opt.connect))
            m = Mux(reader, writer, False)
            await m.negotiate()
            self.muxes = [x for x in self.muxes if not x.dead] + [m]
            m.task(self.run(m))
            m.task(self.idle(m))
            return m

    async def run(self, m):
        try:
            while True:
                await m.one()
        except Broken as e:
            violation(e)
        finally:
            m.close()

    async def idle(self, m):
        """One without streams is closed now and then."""
        while not m.dead:
            await asyncio.sleep(self.opt.idle)
            if not m.streams:
                m.close()

    def open(self, m, network, first):
        m.last = m.last % 65535 + 1
        s = m.streams[m.last] = Stream(m, m.last)
        s.credit -= len(first)
        m.send(frame(s.number, NEW, first or None,
                     more=bytes([network, 0]) + self.target))
        return s

    async def user(self, reader, writer):
        try:
            m = await self.mux()
        except (OSError, EOFError, Broken) as e:
            if isinstance(e, Broken):
                violation(e)
            writer.close()
            return
        first = asyncio.ensure_future(reader.read(CHUNK))
        await asyncio.wait([first], timeout=FIRST_DATA)
        sent = first.result() if first.done() else b''
        s = self.open(m, TCP, sent)
        out = m.task(s.write_to(writer))
        try:
            data = await first
            if data and not await s.read_from(reader, b'' if sent else data):
                return
            # the published code forgets it at once
            if s.known:
                s.end()
                s.queue.put_nowait(None)
        except OSError:
            if s.known:
                s.end(3)
        finally:
            s.queue.put_nowait(None)
            await asyncio.gather(out, return_exceptions=True)
            if s.code:
                writer.transport.abort()
            writer.close()

    async def udp(self):
        flows = {}

        def got(data, addr):
            if (q := flows.get(addr)) is None:
                q = flows[addr] = asyncio.Queue()
                asyncio.ensure_future(self.flow(q, addr, flows, transport))
            q.put_nowait(data)
        transport, _ = await \
            asyncio.get_running_loop().create_datagram_endpoint(
                lambda: Datagrams(got), local_addr=host_port(self.opt.listen))
        say('listening %s:%d' % transport.get_extra_info('sockname')[:2])
        await asyncio.Event().wait()

    async def flow(self, queue, addr, flows, transport):
        s = None
        try:
            m = await self.mux()
            while True:
                async with asyncio.timeout(UDP_IDLE):
                    data = await queue.get()
                if len(data) > DATAGRAM:
                    continue
                if s is None:
                    s = self.open(m, UDP, data)
                    s.datagrams = lambda d: transport.sendto(d, addr)
                elif s.known:
                    # as the published code writes it
                    m.send(frame(s.number, KEEP, b'\x02' + self.target + data,
                                 opt=ADDRESS))
                else:
                    break
        except (OSError, EOFError, Broken):
            pass
        finally:
            del flows[addr]
            if s is not None and s.known:
                s.end()


async def client(opt):
    c = Client(opt)
    if opt.udp:
        await c.udp()
        return
    s = await asyncio.start_server(c.user, *host_port(opt.listen))
    say('listening %s:%d' % s.sockets[0].getsockname()[:2])
    await s.serve_forever()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('-role', choices=['server', 'client'], default='server')
    p.add_argument('-listen', default='127.0.0.1:0')
    p.add_argument('-connect')
    p.add_argument('-target')
    p.add_argument('-udp', action='store_true')
    p.add_argument('-concurrency', type=int, default=64)
    p.add_argument('-idle', type=float, default=16)
    opt = p.parse_args()
    try:
        asyncio.run(server(opt) if opt.role == 'server' else client(opt))
    except KeyboardInterrupt:
        pass


main()
