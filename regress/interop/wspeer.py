# python3-websockets as the other end of wspeer.c: "serve", which echoes in
# fragments with pings between, or "ask PORT", which does the same and closes.

import asyncio
import sys

import websockets

LENGTHS = list(range(301)) + [65534, 65535, 65536, 65537, 300000]


def octets(n):
    return bytes((i * 5 + n) % 256 for i in range(n))


def pieces(data):
    third = len(data) // 3
    return [data[:third], data[third:2 * third], data[2 * third:]]


async def ask(port):
    async with websockets.connect('ws://127.0.0.1:%d/' % port) as ws:
        for n in LENGTHS:
            data, got = octets(n), b''
            if n % 10 == 0:
                await (await ws.ping(b'p' * (n % 126)))
            await ws.send(data if n % 2 == 0 else pieces(data))
            while len(got) < n:
                got += await ws.recv()
            if got != data:
                sys.exit('another echo at length %d' % n)
        await ws.close(1000, 'bye')
        print('closed', ws.close_code)


async def serve():
    done = asyncio.Event()

    async def handle(ws, path=None):
        n = 0
        async for data in ws:
            if n % 10 == 0:
                await ws.ping(b'p' * (n % 126))
            await ws.send(data if n % 2 == 0 else pieces(data))
            n += 1
        print('closed', ws.close_code, flush=True)
        done.set()

    async with websockets.serve(handle, '127.0.0.1', 0) as server:
        print('port', server.sockets[0].getsockname()[1], flush=True)
        await done.wait()


if sys.argv[1] == 'probe':
    sys.exit(0)
if sys.argv[1] == 'serve':
    asyncio.run(asyncio.wait_for(serve(), 60))
else:
    asyncio.run(asyncio.wait_for(ask(int(sys.argv[2])), 60))
