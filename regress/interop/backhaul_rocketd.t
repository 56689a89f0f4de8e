#!/bin/sh
# SPDX-License-Identifier: ISC
#
# rocketd in each role of dialect backhaul, over each transport, by Backhaul's
# own files.  Its other end is backhaul_peer.py, which was written from the
# protocol alone; with BACKHAUL it is the real Backhaul v0.7.2 of that name
# instead.  LONG=1: 50 users of 4 MiB each way, and all states to stop in.

cd "$(dirname "$0")/../.." || exit 1
python=/usr/bin/python3
[ -x $python ] || python=$(command -v python3) || {
	echo "1..0 # SKIP there is no python3"
	exit 0
}
rocketd="$(pwd)/rocketd/rocketd -d -W $(pwd)/worker/rocketd-worker"
[ -n "${LONG:-}" ] || export SHORT=1
if [ -n "${BACKHAUL:-}" ]; then
	export MINE="$rocketd -f {} -s {}.sock"
	[ $# -gt 0 ] || set -- all
else
	export OTHER="$rocketd -f {} -s {}.sock"
fi
exec $python -B regress/interop/backhaul_peer_test.py "$@"
