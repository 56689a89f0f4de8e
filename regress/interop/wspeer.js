// node's ws as the other end of wspeer.c: "serve", which echoes in fragments
// with pings between, or "ask PORT", which does the same and closes.

'use strict';

const WebSocket = require('ws');

const lengths = [];
for (let n = 0; n <= 300; n++)
	lengths.push(n);
lengths.push(65534, 65535, 65536, 65537, 300000);

setTimeout(() => {
	console.error('too slow');
	process.exit(1);
}, 60000).unref();

function say(ws, data, n) {
	const third = Math.floor(data.length / 3);

	if (n % 10 === 0)
		ws.ping(Buffer.alloc(n % 126, 'p'));
	if (n % 2 === 0) {
		ws.send(data, { binary: true });
		return;
	}
	ws.send(data.subarray(0, third), { binary: true, fin: false });
	ws.ping('between');
	ws.send(data.subarray(third, 2 * third), { fin: false });
	ws.send(data.subarray(2 * third), { fin: true });
}

function octets(n) {
	const data = Buffer.alloc(n);

	for (let i = 0; i < n; i++)
		data[i] = i * 5 + n;
	return data;
}

function ask(port) {
	const ws = new WebSocket('ws://127.0.0.1:' + port + '/');
	let at = -1, want = Buffer.alloc(0), got = [], have = 0;
	let pongs = 0;

	function next() {
		do {
			if (++at === lengths.length) {
				ws.close(1000, 'bye');
				return;
			}
			want = octets(lengths[at]);
			got = [];
			have = 0;
			say(ws, want, lengths[at]);
		} while (want.length === 0);
	}
	ws.on('open', next);
	ws.on('pong', () => pongs++);
	ws.on('message', (data) => {
		got.push(data);
		have += data.length;
		if (have < want.length)
			return;
		if (!Buffer.concat(got).equals(want)) {
			console.error('another echo at length ' + want.length);
			process.exit(1);
		}
		next();
	});
	ws.on('close', (code) => {
		if (pongs === 0) {
			console.error('no pong');
			process.exit(1);
		}
		console.log('closed ' + code);
	});
}

function serve() {
	const server = new WebSocket.Server({ host: '127.0.0.1', port: 0 });

	server.on('listening', () =>
	    console.log('port ' + server.address().port));
	server.on('connection', (ws) => {
		let n = 0, pongs = 0;

		ws.on('message', (data) => say(ws, data, n++));
		ws.on('pong', () => pongs++);
		ws.on('close', (code) => {
			console.log('closed ' + code + (pongs > 0 ? '' :
			    ' without a pong'));
			server.close();
		});
	});
}

if (process.argv[2] === 'probe')
	process.exit(0);
if (process.argv[2] === 'serve')
	serve();
else
	ask(parseInt(process.argv[3], 10));
