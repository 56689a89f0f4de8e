#!/usr/bin/python3
# SPDX-License-Identifier: ISC
#
# A peer that speaks the wire of Backhaul v0.7.2, as server or as client, and
# that can misbehave on order.  It prints one line for each event, so that a
# test can await it:
#
#	listening ADDRESS		the server takes connections there
#	control up ADDRESS		and the ports of users are bound
#	control down REASON		it starts again after --restart-pause
#	control refused REASON		the server's, or what the client met
#	control sent|got SIGNAL
#	users PROTOCOL ADDRESS TARGET	one for each listener, before "control up"
#	tunnel opened|accepted|closed N
#	user accepted N PROTOCOL ADDRESS
#	user served|dropped N ...
#	user closed N UP DOWN		octets
#	target dialled|refused N TARGET
#	target closed N UP DOWN
#	violation WHAT			the other side broke a rule of the wire
#	stopped at STATE HOW
#	bug ...				ours
#
# SIGHUP restarts it with CLOSED, SIGUSR1 drops the control channel without,
# SIGUSR2 closes all idle tunnels, SIGTERM and SIGINT end it with CLOSED.
#
# --stop-at STATE stops one connection (or flow) there, --stop-how says how:
# "hang" keeps it open and does no more, "close" and "reset" end it, "exit" ends
# the process, "freeze" stops it by SIGSTOP.  Those with "half" in their name
# stop after half of what they would have sent.
#
# A server is kinder than the real one, which is like
# "--user-wait 3 --rechan 0 --mux-delay 0 --blind".
#
# The states of a server:
#
#	accepted	a connection was taken, nothing read
#	token		a token was read, not answered
#	half-reply	half of the token's reply
#	replied		the reply, but no RTT, HB, CHAN, nor a user's port
#	up		nothing after that
#	request		a request for /channel was read, not answered
#	half-answer	half of the 101 to it
#	tunnel-request, tunnel-half-answer	the same for a tunnel
#	tunnel		a tunnel was taken, and will not be used
#	user		a user was accepted, CHAN not sent
#	chan		CHAN was sent for a user, nothing else will be
#	syn		a stream was opened, nothing sent in it
#	half-target	half of the target
#	targeted	the target, nothing of the user's
#	half-proxy	half of the PROXY header
#
# of a client:
#
#	dialled		connected (by TCP alone), nothing sent
#	half-token	half of the token
#	sent		the token; the reply is not read
#	half-request	half of the request for /channel
#	up		the control channel, and nothing after that
#	tunnel-dialled, tunnel-half-request	the same for a tunnel
#	tunnel		a tunnel was opened, and will not be read
#	dial		a target was read, and is not dialled
#	joined		the target was dialled, nothing is relayed
#	half-datagram-token	(udp) half of the datagram with the token
#
# and of both:
#
#	flow		--stop-octets were relayed in a flow
#	half-frame	half of a frame: smux's PSH, a WebSocket message
#	half-datagram	(accept_udp) half of a frame with a datagram

import argparse
import asyncio
import base64
import collections
import hashlib
import json
import os
import random
import signal
import socket
import ssl
import struct
import sys
import time
import traceback

HB, CHAN, PING, CLOSED, TCP, UDP, RTT = range(7)
NAMES = ['HB', 'CHAN', 'PING', 'CLOSED', 'TCP', 'UDP', 'RTT']
SYN, FIN, PSH, NOP, UPD = range(5)
TRANSPORTS = ['tcp', 'tcpmux', 'udp', 'ws', 'wss', 'wsmux', 'wssmux']
CHUNK = 16384
LIMIT = 262144
FIRST_WINDOW = 262144
GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
SIGNATURE = bytes.fromhex('0d0a0d0a000d0a515549540a')
PAUSES = (1, 2)			# between the three attempts of a dial

opt = None
stops = 0
skips = 0
held = []			# what hangs, so that it is not collected
count = 0


class Stopped(Exception):
    pass


class Refused(Exception):
    pass


def say(*words):
    try:
        print(*words, flush=True)
    except OSError:
        os._exit(1)


def violation(*words):
    say('violation', *words)


def number():
    global count
    count += 1
    return count


def name(sig):
    return NAMES[sig] if sig < len(NAMES) else '%02x' % sig


def plain(host):
    return host[7:] if host.startswith('::ffff:') else host


def shown(addr):
    if not isinstance(addr, tuple):
        return str(addr)
    host = plain(addr[0])
    return '%s:%d' % ('[%s]' % host if ':' in host else host, addr[1])


def split(addr):
    host, _, port = addr.rpartition(':')
    return host.strip('[]'), int(port)


# Tasks.  What may happen on a connection ends only the task.

EXPECTED = (OSError, EOFError, Stopped, TimeoutError, ssl.SSLError,
            asyncio.LimitOverrunError)
tasks = set()


def spawn(coro, group=None):
    async def run():
        try:
            await coro
        except EXPECTED:
            pass
        except Exception:
            say('bug', traceback.format_exc().replace('\n', ' | '))
    task = asyncio.get_running_loop().create_task(run())
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    if group is not None:
        group.add(task)
        task.add_done_callback(group.discard)
    return task


async def for_ever():
    await asyncio.get_running_loop().create_future()


# Misbehaviour on order.

def due(state):
    global skips
    if opt.stop_at != state or stops == 0:
        return False
    if skips > 0:
        skips -= 1
        return False
    return True


async def stop(state, conn):
    global stops
    stops -= 1
    say('stopped at', state, opt.stop_how)
    if opt.stop_how == 'exit':
        os._exit(0)
    elif opt.stop_how == 'freeze':
        os.kill(os.getpid(), signal.SIGSTOP)
    elif opt.stop_how == 'hang':
        held.append(conn)
        await for_ever()
    elif conn is not None:
        conn.close() if opt.stop_how == 'close' else conn.reset()
        raise Stopped


async def at(state, conn):
    if due(state):
        await stop(state, conn)


async def put(state, conn, data):
    """Writes it, or half of it if we are to stop there."""
    if due(state):
        half = max(1, len(data) // 2)
        await conn.write_raw(data[:half])
        await stop(state, conn)
        data = data[half:]
    elif opt.split and not isinstance(conn, Port):
        for i in range(min(len(data), 64)):
            await conn.write_raw(data[i:i + 1])
            await asyncio.sleep(0.002)
        data = data[64:]
    if data:
        await conn.write_raw(data)


# Connections.  Each kind has read(), b'' at the end; write(); write_raw(), of
# what is framed; close() and reset().

class Bare:
    """A socket that nothing was done with."""

    def __init__(self, sock):
        self.sock = sock

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack('ii', 1, 0))
        self.sock.close()


class Conn:
    """TCP or TLS."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.peer = writer.get_extra_info('peername') or ('gone', 0)
        self.number = 0

    async def read(self, n=CHUNK):
        try:
            return await self.reader.read(n)
        except (OSError, ssl.SSLError):
            return b''

    async def exactly(self, n):
        return await self.reader.readexactly(n)

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()

    write_raw = write

    def dead(self):
        return self.reader.at_eof() or self.writer.is_closing() or \
            self.reader.exception() is not None

    def spoke(self):
        return len(self.reader._buffer) > 0

    def close(self):
        self.writer.close()

    def reset(self):
        sock = self.writer.get_extra_info('socket')
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack('ii', 1, 0))
        except OSError:
            pass
        self.writer.transport.abort()


async def wrapped(sock, context=None, server=True, host=''):
    loop = asyncio.get_running_loop()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader = asyncio.StreamReader(limit=LIMIT)
    protocol = asyncio.StreamReaderProtocol(reader)
    more = {}
    if context is not None:
        more = {'ssl': context, 'ssl_handshake_timeout': 20,
                'ssl_shutdown_timeout': 2}
    if server:
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, sock, **more)
    else:
        if context is not None:
            more['server_hostname'] = host
        transport, _ = await loop.create_connection(
            lambda: protocol, sock=sock, **more)
    return Conn(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


async def dial(host, port, source=None, kind=socket.SOCK_STREAM):
    """A connected socket."""
    loop = asyncio.get_running_loop()
    error = OSError('no address')
    for family, _, _, _, addr in await loop.getaddrinfo(host, port, type=kind):
        sock = socket.socket(family, kind)
        sock.setblocking(False)
        try:
            if source:
                sock.bind((source, 0))
            async with asyncio.timeout(opt.dial_timeout):
                await loop.sock_connect(sock, addr)
            return sock
        except (OSError, TimeoutError) as e:
            error = e
            sock.close()
        except BaseException:
            sock.close()
            raise
    raise error


def bound(kind, host, port):
    """A socket at that address; without host that of both families."""
    families = [(socket.AF_INET6 if ':' in host else socket.AF_INET, host)]
    if host in ('', '*'):
        families = [(socket.AF_INET6, '::'), (socket.AF_INET, '0.0.0.0')]
    error = None
    for family, address in families:
        try:
            sock = socket.socket(family, kind)
        except OSError as e:
            error = e
            continue
        try:
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            else:
                for o in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                    sock.setsockopt(socket.SOL_SOCKET, o, 4194304)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY,
                                1 if host not in ('', '*') else 0)
            sock.setblocking(False)
            sock.bind((address, port))
            if kind == socket.SOCK_STREAM:
                sock.listen(4096)
            return sock
        except OSError as e:
            sock.close()
            error = e
    raise error


# Strings of the wire.

def typed(kind, string):
    return struct.pack('>HB', len(string) & 0xffff, kind) + string


def untyped(string):
    return struct.pack('>H', len(string) & 0xffff) + string


async def read_typed(conn):
    n, kind = struct.unpack('>HB', await conn.exactly(3))
    return kind, await conn.exactly(n)


async def read_untyped(conn):
    n, = struct.unpack('>H', await conn.exactly(2))
    return await conn.exactly(n)


def proxy_header(source, destination):
    """PROXY protocol, version 2."""
    hosts = [plain(source[0]), plain(destination[0])]
    ports = struct.pack('>HH', source[1], destination[1])
    if not any(':' in h for h in hosts):
        return SIGNATURE + b'\x21\x11\x00\x0c' + b''.join(
            socket.inet_pton(socket.AF_INET, h) for h in hosts) + ports
    return SIGNATURE + b'\x21\x21\x00\x24' + b''.join(
        socket.inet_pton(socket.AF_INET6, h if ':' in h else '::ffff:' + h)
        for h in hosts) + ports


def target_address(target):
    """(host, port) of a target string, as a client takes it."""
    parts = target.decode('ascii').split(':')
    if any(p != p.strip() for p in parts):
        raise ValueError
    if len(parts) == 1:
        return '127.0.0.1', int(parts[0])
    int(parts[1])
    if len(parts) > 2:
        raise ValueError
    return parts[0], int(parts[1])


# WebSocket.

def masked(key, data):
    n = len(data)
    mask = (key * (n // 4 + 1))[:n]
    return (int.from_bytes(data, 'little') ^
            int.from_bytes(mask, 'little')).to_bytes(n, 'little')


class Ws:
    def __init__(self, conn, client):
        self.conn, self.client = conn, client
        self.peer, self.number = conn.peer, 0
        self.fragment = opt.fragment
        if self.fragment is None:
            self.fragment = 4096 if client else 0
        self.inside = False	# a message whose end is to come
        self.lock = asyncio.Lock()

    def frame(self, op, data, fin=True):
        b = (op | (0x80 if fin else 0)) ^ opt.ws_bits
        head = bytes([b])
        bit = 0x80 if self.client != opt.wrong_mask else 0
        n = len(data)
        if n < 126:
            head += bytes([bit | n])
        elif n < 65536:
            head += struct.pack('>BH', bit | 126, n)
        else:
            head += struct.pack('>BQ', bit | 127, n)
        if not bit:
            return head + data
        key = os.urandom(4)
        return head + key + masked(key, data)

    def message(self, data, op=2):
        f = self.fragment
        if not f or len(data) <= f:
            return self.frame(op, data)
        out = []
        for i in range(0, len(data), f):
            out.append(self.frame(op if i == 0 else 0, data[i:i + f],
                                  i + f >= len(data)))
            if opt.ws_ping_between and i + f < len(data):
                out.append(self.frame(9, b'between'))
        return b''.join(out)

    async def write(self, data, op=2):
        async with self.lock:
            await put('half-frame', self.conn, self.message(data, op))

    async def write_raw(self, data):
        await self.conn.write(data)

    async def next(self):
        """(op, fin, data) of the next frame with data, or None."""
        while True:
            a, b = await self.conn.exactly(2)
            op, n = a & 15, b & 127
            if n == 126:
                n, = struct.unpack('>H', await self.conn.exactly(2))
            elif n == 127:
                n, = struct.unpack('>Q', await self.conn.exactly(8))
            key = await self.conn.exactly(4) if b & 128 else None
            if a & 0x70 or (key is None) != self.client or \
                    (op >= 8 and (n > 125 or not a & 128)) or \
                    op not in (0, 1, 2, 8, 9, 10) or \
                    (op < 3 and (op == 0) != self.inside):
                violation('websocket frame %02x %02x' % (a, b))
                await self.conn.write(self.frame(8, struct.pack('>H', 1002)))
                return None
            data = await self.conn.exactly(n)
            if key is not None and key != b'\0\0\0\0':
                data = masked(key, data)
            if op < 3:
                self.inside = not a & 128
                return op, a & 128, data
            if op == 8:
                say('websocket close', data[:2].hex() or '-')
                await self.conn.write(self.frame(8, data[:2]))
                return None
            if op == 9:
                async with self.lock:
                    await self.conn.write(self.frame(10, data))

    async def read(self, n=CHUNK):
        try:
            while True:
                got = await self.next()
                if got is None:
                    return b''
                if got[2]:
                    return got[2]
        except EXPECTED:
            return b''

    async def read_message(self):
        """(op, data), or None at the end."""
        try:
            got = await self.next()
            if got is None:
                return None
            op, fin, data = got
            while not fin:
                got = await self.next()
                if got is None:
                    return None
                fin, data = got[1], data + got[2]
            return op, data
        except EXPECTED:
            return None

    def dead(self):
        return self.conn.dead()

    def spoke(self):
        return self.conn.spoke()

    def close(self):
        if opt.ws_close_frame:
            self.conn.writer.write(self.frame(8, struct.pack('>H', 1000)))
        self.conn.close()

    def reset(self):
        self.conn.reset()


async def read_head(conn):
    """The first line and the headers, whose names are in lower case."""
    head = await conn.reader.readuntil(b'\r\n\r\n')
    lines = head.decode('latin-1').split('\r\n')
    headers = {}
    for line in lines[1:]:
        key, colon, value = line.partition(':')
        if colon:
            headers[key.strip().lower()] = value.strip()
    return lines[0], headers


def ws_accept(key):
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


async def ws_request(conn, path, state):
    """Asks for an upgrade; raises Refused."""
    key = base64.b64encode(os.urandom(16)).decode()
    if path == '/tunnel':
        path += '/%d' % random.getrandbits(31)
    lines = ['GET %s HTTP/1.1' % path,
             'Host: ' + opt.remote_addr,
             'User-Agent: Mozilla/5.0 (X11; Linux x86_64)',
             'Authorization: Bearer ' + opt.token,
             'Connection: Upgrade',
             'Sec-WebSocket-Extensions: permessage-deflate; '
             'server_no_context_takeover; client_no_context_takeover',
             'Sec-WebSocket-Key: ' + key,
             'Sec-WebSocket-Version: 13',
             'Upgrade: websocket',
             'X-User-Id: %d' % random.getrandbits(31), '', '']
    await put(state, conn, '\r\n'.join(lines).encode())
    try:
        async with asyncio.timeout(45):
            first, headers = await read_head(conn)
    except (EOFError, TimeoutError, asyncio.LimitOverrunError) as e:
        raise Refused('no answer (%s)' % type(e).__name__)
    if first.split(' ')[1:2] != ['101']:
        raise Refused('answer ' + first)
    if headers.get('sec-websocket-accept') != ws_accept(key) or \
            'websocket' not in headers.get('upgrade', '').lower() or \
            'upgrade' not in headers.get('connection', '').lower():
        violation('answer to upgrade', headers)
        raise Refused('another key')
    if 'sec-websocket-extensions' in headers:
        violation('extension', headers['sec-websocket-extensions'])


# smux.

class Stream:
    def __init__(self, session, sid):
        self.session, self.sid = session, sid
        self.peer = session.conn.peer
        self.chunks = collections.deque()
        self.wake = asyncio.Event()	# for the reader
        self.windowed = asyncio.Event()	# for the writer
        self.ended = False		# FIN came
        self.closed = False
        self.sent = 0
        self.consumed = self.told = 0
        self.peer_consumed, self.peer_window = 0, FIRST_WINDOW
        self.received = 0

    async def read(self, n=CHUNK):
        while not self.chunks:
            if self.ended or self.closed or not self.session.alive:
                return b''
            self.wake.clear()
            await self.wake.wait()
        data = self.chunks.popleft()
        if len(data) > n:
            self.chunks.appendleft(data[n:])
            data = data[:n]
        self.session.give_back(len(data))
        if self.session.version == 2 and not opt.no_upd:
            first = self.consumed == 0
            self.consumed += len(data)
            if first or self.consumed - self.told >= opt.mux_streambuffer // 2:
                self.told = self.consumed
                try:
                    await self.session.send(UPD, self.sid, struct.pack(
                        '<II', self.consumed & 0xffffffff,
                        opt.mux_streambuffer))
                except OSError:
                    pass
        return data

    async def exactly(self, n):
        data = b''
        while len(data) < n:
            more = await self.read(n - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def room(self):
        if self.session.version == 1:
            return CHUNK
        flying = (self.sent - self.peer_consumed) & 0xffffffff
        if flying >= 1 << 31:
            violation('consumed more than was sent, stream', self.sid)
            raise ConnectionResetError
        return self.peer_window - flying

    async def write(self, data):
        size = min(CHUNK, opt.mux_framesize)
        at = 0
        while at < len(data):
            while True:
                if self.closed or not self.session.alive:
                    raise ConnectionResetError
                room = self.room()
                if room > 0:
                    break
                if self.ended:
                    raise ConnectionResetError
                self.windowed.clear()
                await self.windowed.wait()
            n = min(size, room, len(data) - at)
            self.sent += n
            await self.session.send(PSH, self.sid, data[at:at + n])
            at += n

    write_raw = write

    def close(self):
        if self.closed:
            return
        self.closed = True
        self.wake.set()
        self.windowed.set()
        self.session.give_back(sum(len(c) for c in self.chunks))
        self.session.streams.pop(self.sid, None)
        if self.session.alive:
            self.session.write(FIN, self.sid)
        if self.session.on_change:
            self.session.on_change()

    def reset(self):
        self.session.conn.reset()


class Session:
    def __init__(self, conn, client, on_change=None):
        self.conn, self.client, self.on_change = conn, client, on_change
        self.version = opt.mux_version
        self.streams = {}
        self.next = 3 if client else 2
        self.last = 0			# highest of the peer's ids
        self.alive = True
        self.pending = asyncio.Queue()
        self.budget = opt.mux_recievebuffer
        self.budgeted = asyncio.Event()
        self.seen = False
        self.careful = opt.split or opt.stop_at == 'half-frame'
        self.lock = asyncio.Lock()	# then frames take long
        self.prefix = b''		# before the first frame
        self.number = conn.number
        self.group = set()
        spawn(self.reader(), self.group)
        spawn(self.nops(), self.group)
        spawn(self.watch(), self.group)

    def give_back(self, n):
        self.budget += n
        if self.budget > 0:
            self.budgeted.set()

    def frame(self, cmd, sid, data=b''):
        version = opt.smux_byte if opt.smux_byte is not None else self.version
        data = self.prefix + struct.pack('<BBHI', version, cmd, len(data),
                                         sid) + data
        self.prefix = b''
        return data

    def write(self, cmd, sid, data=b''):
        if self.careful:
            spawn(self.send(cmd, sid, data))
        else:
            self.conn.writer.write(self.frame(cmd, sid, data))

    async def send(self, cmd, sid, data=b''):
        if not self.careful:
            return await self.conn.write(self.frame(cmd, sid, data))
        async with self.lock:
            frame = self.frame(cmd, sid, data)
            if cmd == PSH:
                await put('half-frame', self.conn, frame)
            else:
                await self.conn.write(frame)

    async def reader(self):
        try:
            await self.frames()
        except EXPECTED:
            pass
        self.close()

    async def frames(self):
        exactly = self.conn.exactly
        while True:
            while self.budget <= 0:
                self.budgeted.clear()
                await self.budgeted.wait()
            version, cmd, n, sid = struct.unpack('<BBHI', await exactly(8))
            self.seen = True
            if version != self.version or cmd > UPD or \
                    (cmd == UPD and (version == 1 or n != 8)) or \
                    (cmd in (SYN, FIN, NOP) and n) or \
                    (cmd == NOP and sid != 0):
                return violation('smux frame', version, cmd, n, sid)
            data = await exactly(n) if n else b''
            s = self.streams.get(sid)
            if cmd == SYN:
                if self.client or sid % 2 == 0 or sid <= self.last:
                    return violation('smux SYN', sid)
                self.last = sid
                s = self.streams[sid] = Stream(self, sid)
                self.pending.put_nowait(s)
            elif s is None:
                continue
            elif cmd == FIN:
                s.ended = True
                s.wake.set()
                s.windowed.set()
            elif cmd == PSH and n:
                if s.ended:	# it was overtaken
                    continue
                s.received += n
                if version == 2 and s.received - s.consumed > \
                        max(FIRST_WINDOW, opt.mux_streambuffer):
                    violation('smux window', sid, s.received - s.consumed)
                self.budget -= n
                s.chunks.append(data)
                s.wake.set()
            elif cmd == UPD:
                s.peer_consumed, s.peer_window = struct.unpack('<II', data)
                s.windowed.set()

    async def nops(self):
        while not opt.no_nop:
            await asyncio.sleep(opt.mux_interval)
            await self.send(NOP, 0)

    async def watch(self):
        while opt.mux_timeout:
            await asyncio.sleep(opt.mux_timeout)
            if not self.seen and self.budget > 0:
                say('session silent', self.number)
                return self.close()
            self.seen = False

    async def open(self):
        s = Stream(self, self.next)
        self.streams[self.next] = s
        self.next += 2
        await self.send(SYN, s.sid)
        return s

    def dead(self):
        return not self.alive

    def close(self):
        if not self.alive:
            return
        self.alive = False
        self.conn.close()
        for s in list(self.streams.values()):
            s.wake.set()
            s.windowed.set()
        self.pending.put_nowait(None)
        if self.on_change:
            self.on_change()
        for task in list(self.group):
            if task is not asyncio.current_task():
                task.cancel()

    def reset(self):
        self.conn.reset()


# Datagrams.

class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, got):
        self.got = got

    def datagram_received(self, data, addr):
        self.got(data, addr)

    def error_received(self, error):
        pass


async def datagrams(sock, got):
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Datagrams(got), sock=sock)
    return transport


class Port:
    """A tunnel of transport udp."""


class Mail:
    """Datagrams that wait, a bounded number."""

    def __init__(self):
        self.queue = asyncio.Queue(4096)

    def push(self, data, addr=None):
        try:
            self.queue.put_nowait(data)
        except asyncio.QueueFull:
            pass

    async def take(self, seconds):
        """The next one, or None if none came for that long."""
        try:
            return self.queue.get_nowait()
        except asyncio.QueueEmpty:
            pass
        try:
            async with asyncio.timeout(seconds):
                return await self.queue.get()
        except TimeoutError:
            return None


async def udp_target(target, mail):
    host, port = target_address(target)
    sock = await dial(host, port, kind=socket.SOCK_DGRAM)
    for o in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, o, 1048576)
    return await datagrams(sock, mail.push)


# Relays: there is no half-close.

async def relay(near, tunnel):
    """The octets from the near end and to it."""
    counts = [0, 0]
    stopped = False

    async def one(source, sink, i):
        nonlocal stopped
        try:
            while True:
                data = await source.read(CHUNK)
                if stopped:
                    await for_ever()
                if not data:
                    return
                counts[i] += len(data)
                await sink.write(data)
                if opt.stop_at == 'flow' and sum(counts) >= opt.stop_octets \
                        and due('flow'):
                    stopped = opt.stop_how == 'hang'
                    await stop('flow', tunnel)
        except EXPECTED:
            pass

    both = [asyncio.ensure_future(one(near, tunnel, 0)),
            asyncio.ensure_future(one(tunnel, near, 1))]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        near.close()
        tunnel.close()
    return counts


# What both roles have of a control channel.

class Control:
    def __init__(self, conn, ws):
        self.conn = Ws(conn, ws == 'client') if ws else conn
        self.ws = bool(ws)
        self.peer = conn.peer
        self.gone = False
        self.written = 0

    async def send(self, sig):
        if self.gone:
            return
        if sig != HB or opt.verbose:
            say('control sent', name(sig))
        data = bytes([sig])
        try:
            await self.conn.write_raw(self.conn.message(data) if self.ws
                                      else data)
        except EXPECTED:
            pass

    async def order(self):
        """Sends what --control-send says."""
        if not opt.control_send:
            return
        await asyncio.sleep(opt.control_after)
        for part in opt.control_send.split(','):
            data = bytes.fromhex(part)
            say('control sent octets', part)
            await self.conn.write_raw(self.conn.message(data) if self.ws
                                      else data)

    async def receive(self):
        """A signal, or None at the end."""
        if self.ws:
            while True:
                got = await self.conn.read_message()
                if got is None:
                    return None
                if not got[1]:
                    violation('empty message on the control channel')
                    continue
                if len(got[1]) != 1 or got[0] != 2:
                    violation('message on the control channel', got[0],
                              got[1][:16].hex())
                sig = got[1][0]
                break
        else:
            data = await self.conn.read(1)
            if not data:
                return None
            sig = data[0]
        if sig != HB or opt.verbose:
            say('control got', name(sig))
        return sig

    def close(self):
        self.gone = True
        self.conn.close()

    def reset(self):
        self.gone = True
        self.conn.reset()


class Role:
    """A role is run until it is told to end, with a pause after each loss."""

    def __init__(self):
        self.kind = opt.transport
        self.ws = self.kind.startswith('ws')
        self.mux = self.kind.endswith('mux')
        self.tls = self.kind.startswith('wss')
        self.ending = False
        self.control = None
        self.lost = None

    def lose(self, reason):
        if self.lost is not None and not self.lost.done():
            self.lost.set_result(reason)

    async def bye(self, reason):
        if self.control is not None and not opt.no_closed:
            await self.control.send(CLOSED)
        self.lose(reason)

    def end(self):
        self.ending = True
        if self.lost is None:
            os._exit(0)
        spawn(self.bye('told to end'))

    def hup(self):
        spawn(self.bye('told to restart'))

    def drop(self):
        if self.control is not None:
            self.control.close()
        self.lose('told to drop')

    def close_idle(self):
        for t in self.idle_ones():
            t.close()

    async def run(self):
        loop = asyncio.get_running_loop()
        for sig, act in ((signal.SIGTERM, self.end), (signal.SIGINT, self.end),
                         (signal.SIGHUP, self.hup), (signal.SIGUSR1, self.drop),
                         (signal.SIGUSR2, self.close_idle)):
            loop.add_signal_handler(sig, act)
        while not self.ending:
            await asyncio.sleep(await self.once())
        say('end')
        os._exit(0)


# The server.

class Mapping:
    def __init__(self, host, port, target):
        self.host, self.port, self.target = host, port, target


def mappings(specs):
    """`ports' of a server; raises ValueError."""
    found = []
    for spec in specs:
        parts = [p.strip() for p in spec.split('=')]
        if len(parts) > 2:
            raise ValueError(spec)
        left, right = parts[0], parts[1] if len(parts) == 2 else None
        if left.isdigit():
            low, high = (1, 65535) if right is None else (2, 65534)
            if not low <= int(left) <= high:
                raise ValueError(spec)
            found.append(Mapping('', int(left), left if right is None
                                 else right))
        elif '-' in left:
            a, b = (int(x) for x in left.split('-'))
            if not 1 <= a <= b <= 65535:
                raise ValueError(spec)
            for port in range(a, b + 1):
                found.append(Mapping('', port, str(port) if right is None
                                     else right))
        elif right is None:
            raise ValueError(spec)
        else:
            host, port = split(left)
            found.append(Mapping(host, port, right))
    return found


class DatagramTunnel(Port):
    """A source port of the client's."""

    def __init__(self, server, addr):
        self.server, self.peer = server, addr
        self.number = number()
        self.mail = None

    async def write_raw(self, data):
        if self.server.udp is not None:
            self.server.udp.sendto(data, self.peer)

    write = write_raw

    def dead(self):
        return False

    def spoke(self):
        return False

    def close(self):
        if self.server.addresses.get(self.peer) is self:
            del self.server.addresses[self.peer]

    reset = close


class Server(Role):
    def __init__(self):
        super().__init__()
        self.maps = mappings(opt.ports)
        self.flows = 0
        self.context = None
        self.port = None	# the one we got for bind_addr's 0
        if self.tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(opt.tls_cert, opt.tls_key)
            self.context.set_alpn_protocols(['h2', 'http/1.1'])

    def idle_ones(self):
        return list(self.idle) if not self.mux else list(self.sessions)

    def changed(self):
        for s in [s for s in self.sessions if not s.alive]:
            self.sessions.remove(s)
            say('tunnel closed', s.number)
        self.poke()

    def poke(self):
        while self.waiters:
            w = self.waiters.popleft()
            if not w.done():
                w.set_result(None)

    async def change(self, seconds):
        """Waits until a tunnel came or has room; False after that long."""
        w = asyncio.get_running_loop().create_future()
        self.waiters.append(w)
        try:
            async with asyncio.timeout(seconds):
                await w
            return True
        except TimeoutError:
            return False

    async def once(self):
        self.control = self.udp = None
        self.lost = asyncio.get_running_loop().create_future()
        self.group = set()	# ends with the control channel
        self.idle = collections.deque()
        self.sessions = []
        self.waiters = collections.deque()
        self.addresses = {}
        self.closers = []
        host, port = split(opt.bind_addr)
        while True:
            try:
                sock = bound(socket.SOCK_STREAM, host, port or self.port or 0)
                break
            except OSError as e:
                say('bind', opt.bind_addr, e)
                await asyncio.sleep(1)
        self.port = sock.getsockname()[1]
        self.closers.append(sock.close)
        say('listening', shown(sock.getsockname()))
        spawn(self.accept(sock, self.fresh), self.group)
        reason = await self.lost
        say('control down', reason)
        for task in list(self.group):
            task.cancel()
        self.poke()
        await asyncio.sleep(0)
        for close in self.closers:
            close()
        if self.control is not None:
            self.control.close()
        for t in list(self.idle) + list(self.sessions):
            t.close()
        self.control = self.udp = None
        return opt.restart_pause if not self.ending else 0.2

    async def accept(self, sock, handle, *more):
        loop = asyncio.get_running_loop()
        while True:
            try:
                s, addr = await loop.sock_accept(sock)
            except OSError as e:
                say('accept', e)
                await asyncio.sleep(0.1)
                continue
            s.setblocking(False)
            spawn(handle(s, addr, *more))

    # Tunnels' port.

    async def fresh(self, sock, addr):
        await at('accepted', Bare(sock))
        conn = await wrapped(sock, self.context)
        if self.ws:
            await self.http(conn)
        elif self.control is None:
            await self.handshake(conn)
        elif self.kind == 'udp':
            held.append(conn)
        elif plain(addr[0]) != plain(self.control.peer[0]) and \
                not opt.any_address:
            say('tunnel refused', shown(addr))
            conn.close()
        else:
            await self.tunnel(conn)

    async def handshake(self, conn):
        try:
            async with asyncio.timeout(2):
                kind, token = await read_typed(conn)
        except EXPECTED as e:
            say('control refused', type(e).__name__, shown(conn.peer))
            return conn.close()
        await at('token', conn)
        if kind != CHAN or token != opt.token.encode() or \
                self.control is not None:
            say('control refused token', shown(conn.peer))
            return conn.close()
        reply = opt.token if opt.reply_token is None else opt.reply_token
        await put('half-reply', conn, typed(opt.token_type, reply.encode()))
        await at('replied', conn)
        await self.up(Control(conn, None))

    async def http(self, conn):
        try:
            while True:
                async with asyncio.timeout(60):
                    first, headers = await read_head(conn)
                if headers.get('authorization') != 'Bearer ' + opt.token:
                    say('control refused token', shown(conn.peer))
                    await conn.write(
                        b'HTTP/1.1 401 Unauthorized\r\n'
                        b'Content-Type: text/plain; charset=utf-8\r\n'
                        b'Content-Length: 13\r\n\r\nunauthorized\n')
                    continue
                break
            method, path, _ = first.split(' ')
            key = headers.get('sec-websocket-key', '')
            if method != 'GET' or \
                    'upgrade' not in headers.get('connection', '').lower() or \
                    'websocket' not in headers.get('upgrade', '').lower() or \
                    headers.get('sec-websocket-version') != '13' or \
                    len(base64.b64decode(key)) != 16:
                raise ValueError
        except ValueError:
            say('control refused request', shown(conn.peer))
            await conn.write(b'HTTP/1.1 400 Bad Request\r\n'
                             b'Sec-Websocket-Version: 13\r\n'
                             b'Content-Length: 12\r\n\r\nBad Request\n')
            return conn.close()
        except EXPECTED:
            return conn.close()
        if conn.spoke():
            violation('octets behind the request')
            return conn.close()
        path = path.partition('?')[0]
        answer = ('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                  'Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n' %
                  ws_accept(key)).encode()
        if path == '/channel':
            await at('request', conn)
            await put('half-answer', conn, answer)
            control = Control(conn, 'server')
            if self.control is not None:
                control.close()
                return self.lose('second control channel')
            await self.up(control)
        elif path.startswith('/tunnel'):
            await at('tunnel-request', conn)
            if opt.glue and self.mux:
                return await self.tunnel(conn, answer)
            await put('tunnel-half-answer', conn, answer)
            if self.mux:
                await asyncio.sleep(opt.mux_delay)
                await self.tunnel(conn)
            else:
                await self.tunnel(Ws(conn, False))
        else:
            held.append(conn)

    async def tunnel(self, conn, prefix=b''):
        conn.number = number()
        await at('tunnel', conn)
        say('tunnel accepted', conn.number, shown(conn.peer))
        if opt.first:
            await conn.write_raw(bytes.fromhex(opt.first))
        if self.mux:
            session = Session(conn, True, self.changed)
            session.prefix = prefix
            self.sessions.append(session)
        elif len(self.idle) >= opt.channel_size:
            return conn.close()
        else:
            self.idle.append(conn)
            spawn(self.idle_watch(conn), self.group)
        self.poke()

    async def idle_watch(self, t):
        """Pings an idle tunnel of ws, drops a dead one."""
        pinged = time.monotonic()
        while t in self.idle:
            await asyncio.sleep(min(0.25, opt.heartbeat))
            if t not in self.idle:
                return
            if t.dead() and not opt.blind:
                self.idle.remove(t)
                say('tunnel closed', t.number)
                return t.close()
            if self.ws and not opt.no_heartbeat and \
                    time.monotonic() - pinged >= opt.heartbeat:
                pinged = time.monotonic()
                await t.write_raw(t.frame(2, bytes([PING])))

    # The control channel.

    async def up(self, control):
        self.control = control
        loop = asyncio.get_running_loop()
        if self.kind in ('tcp', 'udp') and not opt.no_rtt:
            await control.send(RTT)
        try:
            if self.kind == 'udp':
                host, _ = split(opt.bind_addr)
                self.udp = await datagrams(
                    bound(socket.SOCK_DGRAM, host, self.port), self.arrived)
                self.closers.append(self.udp.close)
            for m in self.maps:
                if self.kind != 'udp':
                    sock = bound(socket.SOCK_STREAM, m.host, m.port)
                    m.port = sock.getsockname()[1]
                    self.closers.append(sock.close)
                    say('users tcp', shown(sock.getsockname()), m.target)
                    spawn(self.accept(sock, self.user, m), self.group)
                if self.kind == 'udp' or (self.kind == 'tcp' and
                                          opt.accept_udp):
                    sock = bound(socket.SOCK_DGRAM, m.host, m.port)
                    m.port = sock.getsockname()[1]
                    say('users udp', shown(sock.getsockname()), m.target)
                    listener = UdpListener(self, m)
                    listener.transport = await datagrams(sock, listener.got)
                    self.closers.append(listener.transport.close)
        except OSError as e:
            say('bind', e)
            os._exit(1)
        say('control up', shown(control.peer))
        if opt.silent:
            return
        try:
            await at('up', control)
        except Stopped:
            return self.lose('stopped')
        spawn(self.beat(control), self.group)
        spawn(control.order(), self.group)
        spawn(self.listen(control), self.group)

    async def beat(self, control):
        while not opt.no_heartbeat:
            await asyncio.sleep(opt.heartbeat)
            await control.send(HB)
            for t in list(self.idle) if self.kind == 'udp' else []:
                await t.write_raw(bytes([PING]))

    async def listen(self, control):
        while True:
            sig = await control.receive()
            if sig is None or sig == CLOSED:
                return self.lose('end' if sig is None else 'CLOSED')
            if self.ws:
                if sig != HB:
                    violation('signal', name(sig))
                    return self.lose('signal ' + name(sig))
            elif self.kind == 'tcpmux' or sig != RTT:
                violation('signal', name(sig))

    # Users.

    async def chan(self):
        if self.control is not None and not opt.no_chan:
            await self.control.send(CHAN)

    async def pick(self, n):
        """An idle tunnel, or a stream of a session, or None."""
        deadline = time.monotonic() + opt.user_wait
        if not self.mux or self.flows >= len(self.sessions) * opt.mux_con:
            await self.chan()
        while self.control is not None and not self.lost.done():
            if self.mux:
                free = [s for s in self.sessions
                        if s.alive and len(s.streams) < opt.mux_con]
                if free:
                    s = min(free, key=lambda s: len(s.streams))
                    try:
                        t = await s.open()
                        t.number = s.number
                        return t
                    except EXPECTED:
                        s.close()
                        await self.chan()
                        continue
            elif self.idle:
                t = self.idle.popleft()
                if t.spoke():
                    violation('octets on an idle tunnel', t.number)
                if opt.blind or not t.dead():
                    return t
                say('tunnel closed', t.number)
                continue
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if not await self.change(min(opt.rechan or 1e9, left)) and \
                    opt.rechan:
                await self.chan()
        return None

    async def user(self, sock, addr, m):
        n = number()
        say('user accepted', n, 'tcp', shown(addr))
        user = await wrapped(sock)
        self.flows += 1
        try:
            await at('user', user)
            if due('chan'):
                await self.chan()
                await stop('chan', user)
            t = await self.pick(n)
            if t is None:
                return say('user dropped', n)
            try:
                await self.serve(user, t, m, n)
            finally:
                t.close()
        finally:
            self.flows -= 1
            user.close()

    async def serve(self, user, t, m, n):
        target = m.target.encode()
        if self.mux:
            await at('syn', t)
        if opt.no_target:
            pass
        elif self.mux:
            await put('half-target', t, untyped(target))
        elif self.ws:
            await put('half-target', t, t.frame(1, target))
        else:
            await put('half-target', t, typed(TCP, target))
        say('user served', n, 'by', t.number)
        await at('targeted', t)
        if opt.proxy_protocol and (not self.ws or self.mux):
            await put('half-proxy', t, proxy_header(user.peer, t.peer))
        counts = await relay(user, t)
        say('user closed', n, *counts)

    def arrived(self, data, addr):
        """A datagram at the tunnels' port."""
        t = self.addresses.get(addr)
        if t is None:
            if data != opt.token.encode():
                return say('tunnel refused', shown(addr))
            t = self.addresses[addr] = DatagramTunnel(self, addr)
            say('tunnel accepted', t.number, shown(addr))
            if opt.stop_at != 'tunnel' or not due('tunnel'):
                self.idle.append(t)
                self.poke()
            else:
                spawn(stop('tunnel', t))
        elif t.mail is None:
            violation('datagram on an idle tunnel', t.number)
        else:
            t.mail.push(data)


class UdpListener:
    """Users of a mapping by UDP."""

    def __init__(self, server, m):
        self.server, self.m = server, m
        self.flows = {}
        self.transport = None

    def got(self, data, addr):
        mail = self.flows.get(addr)
        if mail is None:
            mail = self.flows[addr] = Mail()
            spawn(self.flow(addr, mail), self.server.group)
        mail.push(data[:opt.udp_up])

    async def flow(self, addr, mail):
        n, server = number(), self.server
        say('user accepted', n, 'udp', shown(addr))
        t = None
        try:
            await at('user', None)
            if due('chan'):
                await server.chan()
                await stop('chan', None)
            t = await server.pick(n)
            if t is None:
                return say('user dropped', n)
            if server.kind == 'udp':
                if not opt.no_target:
                    await put('half-target', t, self.m.target.encode())
                counts = await self.by_datagrams(addr, mail, t, n)
            else:
                counts = await self.by_stream(addr, mail, t, n)
            say('user closed', n, *counts)
        finally:
            if t is not None:
                t.close()
            if self.flows.get(addr) is mail:
                del self.flows[addr]

    async def by_stream(self, addr, mail, t, n):
        counts = [0, 0]
        await put('half-target', t, typed(UDP, self.m.target.encode()))
        say('user served', n, 'by', t.number)
        await at('targeted', t)

        async def down():
            while True:
                _, size = struct.unpack('>IH', await t.exactly(6))
                if size > CHUNK:
                    return violation('datagram of', size)
                data = await t.exactly(size)
                counts[1] += size
                self.transport.sendto(data, addr)

        back, taking = spawn(down()), None
        try:
            while not back.done():
                taking = asyncio.ensure_future(mail.take(opt.udp_idle))
                await asyncio.wait({taking, back},
                                   return_when=asyncio.FIRST_COMPLETED)
                if not taking.done():
                    break
                data = taking.result()
                if data is None:
                    break
                counts[0] += len(data)
                await put('half-datagram', t,
                          struct.pack('>H', len(data)) + data)
                if sum(counts) >= opt.stop_octets:
                    await at('flow', t)
        except EXPECTED:
            pass
        finally:
            back.cancel()
            if taking is not None:
                taking.cancel()
        return counts

    async def by_datagrams(self, addr, mail, t, n):
        counts = [0, 0]
        t.mail = Mail()
        say('user served', n, 'by', t.number)
        await at('targeted', t)

        async def up():
            while (data := await mail.take(opt.udp_idle)) is not None:
                counts[0] += len(data)
                await t.write(data)
                if sum(counts) >= opt.stop_octets:
                    await at('flow', t)

        async def down():
            while (data := await t.mail.take(opt.udp_idle)) is not None:
                counts[1] += len(data)
                self.transport.sendto(data[:CHUNK], addr)

        both = [spawn(up(), self.server.group), spawn(down(),
                                                      self.server.group)]
        await asyncio.wait(both)
        return counts


# The client.

class Client(Role):
    def __init__(self):
        super().__init__()
        self.context = None
        if self.tls:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self.context.check_hostname = False
            self.context.verify_mode = ssl.CERT_NONE
        self.host, self.port = split(opt.remote_addr)

    def idle_ones(self):
        return list(self.idle)

    async def connect(self, source, state):
        host = opt.edge_ip.strip('[]') if opt.edge_ip and self.ws else self.host
        for pause in PAUSES + (None,):
            try:
                sock = await dial(host, self.port, source)
                break
            except OSError as e:
                say('dial', e)
                if pause is None:
                    raise
                await asyncio.sleep(pause)
        await at(state, Bare(sock))
        name = self.host
        try:
            socket.getaddrinfo(name, 0, flags=socket.AI_NUMERICHOST)
            name = ''
        except OSError:
            pass
        return await wrapped(sock, self.context, False, name)

    async def attempt(self):
        """A control channel, or raises Refused."""
        conn = await self.connect(opt.control_from, 'dialled')
        try:
            if self.ws:
                await ws_request(conn, '/channel', 'half-request')
                return Control(conn, 'client')
            await put('half-token', conn,
                      typed(opt.token_type, opt.token.encode()))
            await at('sent', conn)
            for _ in range(opt.early):
                spawn(self.tunnel(), self.group)
            try:
                async with asyncio.timeout(2):
                    _, token = await read_typed(conn)
            except EXPECTED as e:
                raise Refused('no reply (%s)' % type(e).__name__)
            if token != opt.token.encode():
                raise Refused('another token')
            return Control(conn, None)
        except BaseException:
            conn.close()
            raise

    async def once(self):
        self.control = None
        self.lost = asyncio.get_running_loop().create_future()
        self.group = set()
        self.idle = set()
        self.swallow = 0
        self.chans = 0
        self.target_pool = opt.connection_pool
        try:
            trying = spawn(self.try_control(), self.group)
            await asyncio.wait({trying, self.lost},
                               return_when=asyncio.FIRST_COMPLETED)
            if self.control is None:
                trying.cancel()
                return opt.retry_interval if not self.ending else 0.1
            control = self.control
            say('control up', shown(control.peer))
            if not opt.silent:
                spawn(self.serve(control), self.group)
            reason = await self.lost
            say('control down', reason)
            return opt.restart_pause if not self.ending else 0.2
        finally:
            if self.control is not None:
                self.control.close()
            self.control = None
            for task in list(self.group):
                task.cancel()
            for t in list(self.idle):
                t.close()

    async def try_control(self):
        try:
            self.control = await self.attempt()
        except Refused as e:
            say('control refused', e)
        except EXPECTED as e:
            say('control refused', type(e).__name__)

    async def serve(self, control):
        try:
            await at('up', control)
        except Stopped:
            return self.lose('stopped')
        spawn(control.order(), self.group)
        for _ in range(opt.connection_pool):
            spawn(self.tunnel(), self.group)
        if not opt.fixed_pool:
            spawn(self.grow(), self.group)
        while True:
            try:
                async with asyncio.timeout(opt.control_deadline):
                    sig = await control.receive()
            except TimeoutError:
                return self.lose('silence')
            if sig is None or sig == CLOSED:
                return self.lose('end' if sig is None else 'CLOSED')
            if sig == HB:
                if self.ws and not opt.no_heartbeat:
                    await control.send(HB)
            elif sig == CHAN:
                self.chans += 1
                if self.swallow > 0:
                    self.swallow -= 1
                elif opt.swallow > 0:
                    opt.swallow -= 1
                    say('control swallowed CHAN')
                elif not opt.no_chan:
                    spawn(self.tunnel(), self.group)
            elif sig == RTT and self.kind in ('tcp', 'udp'):
                if not opt.no_rtt:
                    await control.send(RTT)
            else:
                violation('signal', name(sig))
                return self.lose('signal ' + name(sig))

    async def grow(self):
        """Adds a tunnel when the load asks for it."""
        a, b, x, y = (1, 2, 0, 0.75) if opt.aggressive_pool else (4, 5, 3, 4.0)
        while True:
            total = 0
            for _ in range(10):
                await asyncio.sleep(1)
                total += len(self.idle)
            load, self.chans = -(-self.chans // 10), 0
            average = -(-total // 10)
            if load + a > average * b:
                self.target_pool += 1
                spawn(self.tunnel(), self.group)
            elif load + x < average * y and \
                    self.target_pool > opt.connection_pool:
                self.target_pool -= 1
                self.swallow += 1

    async def tunnel(self):
        if self.kind == 'udp':
            return await self.datagram_tunnel()
        conn = await self.connect(opt.tunnel_from, 'tunnel-dialled')
        t = conn
        try:
            if self.ws:
                try:
                    await ws_request(conn, '/tunnel', 'tunnel-half-request')
                except Refused as e:
                    return say('tunnel refused', e)
                if not self.mux:
                    t = Ws(conn, True)
            t.number = conn.number = number()
            say('tunnel opened', t.number)
            if opt.first:
                await conn.write(bytes.fromhex(opt.first))
            await at('tunnel', t)
            if self.mux:
                t = Session(conn, False)
            self.idle.add(t)
            if opt.idle_life:
                spawn(self.shorten(t), self.group)
            if self.mux:
                await self.accept(t)
            else:
                await self.flow(t)
        finally:
            self.idle.discard(t)
            if not (self.mux and isinstance(t, Session) and t.streams and
                    t.alive):
                t.close()
            say('tunnel closed', conn.number)

    async def shorten(self, t):
        await asyncio.sleep(opt.idle_life)
        if t in self.idle:
            t.close()

    async def accept(self, session):
        """Streams; the target of each is read before the next, as there."""
        while (s := await session.pending.get()) is not None:
            if opt.fin_at_once:
                s.close()
                continue
            try:
                target = await read_untyped(s)
            except EXPECTED:
                s.close()
                continue
            spawn(self.join(s, target, session.number))

    async def flow(self, t):
        """Waits for the target of a tunnel; the relay outlives a restart."""
        kind = TCP
        if self.ws:
            while True:
                got = await t.read_message()
                if got is None:
                    return
                if got[1] != bytes([PING]):
                    break
            op, target = got
            if op != 1:
                violation('target in a message of kind', op)
        else:
            kind, target = await read_typed(t)
        self.idle.discard(t)
        self.group.discard(asyncio.current_task())
        if kind == TCP:
            await self.join(t, target, t.number)
        elif kind == UDP:
            await self.join_udp(t, target)
        else:
            violation('target of kind', kind)

    async def join(self, t, target, n):
        try:
            await at('dial', t)
            try:
                if opt.refuse:
                    raise ValueError
                host, port = target_address(target)
                near = await wrapped(await dial(host, port), None, False)
            except (OSError, ValueError, OverflowError) as e:
                return say('target refused', n, target.decode('latin-1'), e)
            say('target dialled', n, target.decode('latin-1'))
            try:
                await at('joined', t)
                counts = await relay(near, t)
                say('target closed', n, counts[1], counts[0])
            finally:
                near.close()
        finally:
            t.close()

    async def join_udp(self, t, target):
        await at('dial', t)
        counts = [0, 0]
        mail = Mail()
        try:
            near = await udp_target(target, mail)
        except (OSError, ValueError) as e:
            return say('target refused', t.number, target.decode('latin-1'), e)
        say('target dialled', t.number, target.decode('latin-1'))

        async def back():
            while True:
                data = (await mail.take(None))[:opt.udp_down]
                counts[1] += len(data)
                ts = opt.timestamp
                if ts is None:
                    ts = int(time.time() * 1000) % 600000
                await put('half-datagram', t,
                          struct.pack('>IH', ts, len(data)) + data)
                if sum(counts) >= opt.stop_octets:
                    await at('flow', t)

        await at('joined', t)
        task = spawn(back())
        try:
            while True:
                size, = struct.unpack('>H', await t.exactly(2))
                if size > CHUNK:
                    return violation('datagram of', size)
                data = await t.exactly(size)
                counts[0] += size
                near.sendto(data)
        finally:
            task.cancel()
            near.close()
            say('target closed', t.number, *counts)

    async def datagram_tunnel(self):
        """A source port, from token to the end of its flow."""
        sock = await dial(self.host, self.port, opt.tunnel_from,
                          socket.SOCK_DGRAM)
        for o in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, o, 1048576)
        mail, near = Mail(), None
        t = ClientDatagrams(await datagrams(sock, mail.push))
        n = t.number = number()
        try:
            await put('half-datagram-token', t, opt.token.encode())
            if opt.first:
                await t.write(bytes.fromhex(opt.first))
            say('tunnel opened', n)
            await at('tunnel', t)
            self.idle.add(t)
            if opt.idle_life:
                spawn(self.shorten(t), self.group)
            while (target := await mail.take(None)) == bytes([PING]):
                if opt.verbose:
                    say('tunnel pinged', n)
            self.idle.discard(t)
            target = target[:47]
            await at('dial', t)
            back, counts = Mail(), [0, 0]
            try:
                if opt.refuse:
                    raise ValueError
                near = await udp_target(target, back)
            except (OSError, ValueError, OverflowError) as e:
                return say('target refused', n, target.decode('latin-1'), e)
            say('target dialled', n, target.decode('latin-1'))
            await at('joined', t)

            async def one(source, sink, i):
                while (data := await source.take(opt.udp_idle)) is not None:
                    counts[i] += len(data)
                    sink.sendto(data[:CHUNK])
                    if sum(counts) >= opt.stop_octets:
                        await at('flow', t)

            await asyncio.wait([spawn(one(mail, near, 0), self.group),
                                spawn(one(back, t.transport, 1), self.group)])
            say('target closed', n, *counts)
        finally:
            self.idle.discard(t)
            t.close()
            if near is not None:
                near.close()
            say('tunnel closed', n)


class ClientDatagrams(Port):
    def __init__(self, transport):
        self.transport = transport

    async def write_raw(self, data):
        self.transport.sendto(data)

    write = write_raw

    def close(self):
        self.transport.close()

    reset = close


def arguments():
    p = argparse.ArgumentParser(description='a peer for Backhaul v0.7.2')
    p.add_argument('role', choices=['server', 'client'])
    p.add_argument('--json', help='an object with more of these options, or '
                   'the name of its file; what is given here is preferred')
    p.add_argument('--transport', choices=TRANSPORTS, default='tcp')
    p.add_argument('--token', default='musix')
    p.add_argument('--verbose', action='store_true', help='tell heartbeats')

    def flag(group, *words, **more):
        group.add_argument(*words, **more)
    g = p.add_argument_group('of a server')
    flag(g, '--bind-addr', default='127.0.0.1:0')
    flag(g, '--ports', action='append', default=[], metavar='MAPPING')
    flag(g, '--accept-udp', action='store_true')
    flag(g, '--proxy-protocol', action='store_true')
    flag(g, '--heartbeat', type=float, default=40)
    flag(g, '--channel-size', type=int, default=2048)
    flag(g, '--mux-con', type=int, default=8)
    flag(g, '--tls-cert')
    flag(g, '--tls-key')
    flag(g, '--user-wait', type=float, default=10)
    flag(g, '--rechan', type=float, default=1,
         help='seconds until CHAN is sent again, 0: never')
    flag(g, '--mux-delay', type=float, default=0.1,
         help='from the 101 to the first stream')
    g = p.add_argument_group('of a client')
    flag(g, '--remote-addr')
    flag(g, '--edge-ip')
    flag(g, '--connection-pool', type=int, default=8)
    flag(g, '--aggressive-pool', action='store_true')
    flag(g, '--fixed-pool', action='store_true', help='it never grows')
    flag(g, '--retry-interval', type=float, default=3)
    flag(g, '--dial-timeout', type=float, default=10)
    flag(g, '--control-deadline', type=float, help='seconds of silence')
    g = p.add_argument_group('of both')
    flag(g, '--mux-version', type=int, choices=[1, 2], default=1)
    flag(g, '--mux-framesize', type=int, default=32768)
    flag(g, '--mux-recievebuffer', type=int, default=4194304)
    flag(g, '--mux-streambuffer', type=int, default=65536)
    flag(g, '--mux-interval', type=float, default=20)
    flag(g, '--mux-timeout', type=float, default=40, help='0: none')
    flag(g, '--udp-idle', type=float, default=60)
    flag(g, '--udp-up', type=int, default=16382,
         help='largest datagram of a user')
    flag(g, '--udp-down', type=int, default=16378,
         help='largest datagram of a target (accept_udp)')
    flag(g, '--restart-pause', type=float, default=2)
    g = p.add_argument_group('misbehaviour')
    flag(g, '--stop-at', metavar='STATE', help='see the head of the file')
    flag(g, '--stop-how', default='hang',
         choices=['hang', 'close', 'reset', 'exit', 'freeze'])
    flag(g, '--stop-times', type=int, default=-1, help='-1: each time')
    flag(g, '--stop-skip', type=int, default=0, help='but not the first ones')
    flag(g, '--stop-octets', type=int, default=1)
    flag(g, '--split', action='store_true',
         help='tokens, targets and frames octet by octet')
    flag(g, '--token-type', type=int, default=CHAN)
    flag(g, '--reply-token', help='what the server answers')
    flag(g, '--silent', action='store_true',
         help='a control channel that neither speaks nor listens')
    flag(g, '--control-send', metavar='HEX,...',
         help='octets, or messages, for the control channel')
    flag(g, '--control-after', type=float, default=0)
    flag(g, '--no-heartbeat', action='store_true', help='nor its echo')
    flag(g, '--no-rtt', action='store_true', help='nor its echo')
    flag(g, '--no-chan', action='store_true', help='sent, or acted on')
    flag(g, '--no-closed', action='store_true', help='at the end')
    flag(g, '--no-target', action='store_true', help='is sent to the client')
    flag(g, '--swallow', type=int, default=0, metavar='N',
         help='the client ignores that many CHAN')
    flag(g, '--early', type=int, default=0, metavar='N',
         help='tunnels before the reply to the token')
    flag(g, '--first', metavar='HEX', help='first octets on each tunnel')
    flag(g, '--control-from', metavar='ADDRESS', help='our own address')
    flag(g, '--tunnel-from', metavar='ADDRESS')
    flag(g, '--any-address', action='store_true',
         help='tunnels are taken from all addresses')
    flag(g, '--idle-life', type=float, help='seconds until an idle tunnel '
         'is closed by the client')
    flag(g, '--blind', action='store_true',
         help='the server gives users also dead tunnels')
    flag(g, '--refuse', action='store_true', help='no target is dialled')
    flag(g, '--fin-at-once', action='store_true',
         help='the client ends each stream before its target came')
    flag(g, '--no-nop', action='store_true')
    flag(g, '--no-upd', action='store_true')
    flag(g, '--smux-byte', type=int, help='the version in smux frames')
    flag(g, '--glue', action='store_true',
         help='first smux frames together with the 101')
    flag(g, '--fragment', type=int, help='octets, 0: none (client 4096)')
    flag(g, '--ws-bits', type=lambda s: int(s, 16), default=0, metavar='HEX',
         help='to flip in the first octet of WebSocket frames')
    flag(g, '--wrong-mask', action='store_true')
    flag(g, '--ws-ping-between', action='store_true', help='fragments')
    flag(g, '--ws-close-frame', action='store_true', help='at the end')
    flag(g, '--timestamp', type=int, help='of accept_udp')
    # argparse adds to the default of "append": give it none of the JSON's
    o = p.parse_args()
    if o.json:
        text = o.json if o.json.lstrip().startswith('{') else \
            open(o.json).read()
        more = {k.replace('-', '_'): v for k, v in json.loads(text).items()}
        unknown = set(more) - set(vars(o))
        if unknown:
            p.error('unknown in --json: ' + ' '.join(sorted(unknown)))
        p.set_defaults(**{k: v for k, v in more.items() if k != 'ports'})
        o = p.parse_args()
        o.ports = list(more.get('ports', [])) + o.ports
    if o.role == 'client' and not o.remote_addr:
        p.error('--remote-addr is needed')
    if o.transport.startswith('wss') and o.role == 'server' and \
            not (o.tls_cert and o.tls_key):
        p.error('--tls-cert and --tls-key are needed')
    return o


def quiet(loop, context):
    error = context.get('exception')
    # asyncio's own, of an accept that was cancelled as it happened
    if isinstance(error, asyncio.InvalidStateError):
        return
    if error is not None and not isinstance(error, EXPECTED):
        say('bug', context.get('message'), repr(error))


async def main():
    asyncio.get_running_loop().set_exception_handler(quiet)
    try:
        role = Server() if opt.role == 'server' else Client()
    except ValueError as e:
        sys.exit('ports: %s' % e)
    await role.run()


if __name__ == '__main__':
    opt = arguments()
    stops, skips = opt.stop_times, opt.stop_skip
    try:
        import resource
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ImportError, ValueError, OSError):
        pass
    asyncio.run(main())
