#!/bin/sh
#
# worker/'s WebSocket against python3-websockets and node-ws: echoes of every
# length to 300 and around 65536, fragments, pings between them, and closing, in
# both roles.

cd "$(dirname "$0")/../.." || exit 1
mkdir -p regress/tmp || exit 1
work=$(mktemp -d regress/tmp/ws.XXXXXX) || exit 1
# AddressSanitizer looks for leaks also in what only helps.
ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}
export ASAN_OPTIONS
pids=
cleanup() {
	for p in $pids; do kill "$p" 2>/dev/null; done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

${MAKE:-make} -s regress/interop/wspeer regress/live/traffic >"$work/log" \
    2>&1 || {
	sed 's/^/# /' "$work/log"
	echo "1..1"
	echo "not ok 1 - wspeer.c builds"
	exit 1
}
peer=regress/interop/wspeer
tests=0 failed=0

# served NAME SERVER CLIENT: the client's command takes the server's port
served() {
	: >"$work/server"
	$2 </dev/null >"$work/server" 2>&1 &
	server=$!
	pids="$pids $server"
	regress/live/traffic grep 20000 "$work/server" '^port ' >/dev/null
	port=$(sed -n 's/^port //p' "$work/server")
	$3 "${port:-0}" >"$work/client" 2>&1
	wait "$server"
	for side in client server; do
		tests=$((tests + 1))
		if [ "$(tail -n 1 "$work/$side")" = "closed 1000" ]; then
			echo "ok $tests - $1, the $side"
		else
			echo "not ok $tests - $1, the $side"
			sed 's/^/# got: /' "$work/$side" >&2
			failed=1
		fi
	done
}

# with NAME PACKAGE COMMAND...: that peer in both roles, or why not
with() {
	name=$1 package=$2; shift 2
	if ! "$@" probe >/dev/null 2>&1; then
		for i in 1 2 3 4; do
			tests=$((tests + 1))
			echo "ok $tests - $name # SKIP there is no $package"
		done
		return
	fi
	served "$name as server" "$* serve" "$peer ask"
	served "$name as client" "$peer serve" "$* ask"
}

NODE_PATH=/usr/share/nodejs
export NODE_PATH
with python3-websockets python3-websockets /usr/bin/python3 \
    regress/interop/wspeer.py
with "node's ws" node-ws node regress/interop/wspeer.js

echo "1..$tests"
exit $failed
