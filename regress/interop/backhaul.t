#!/bin/sh
# SPDX-License-Identifier: ISC
#
# backhaul_peer.py against the real Backhaul v0.7.2, whose program BACKHAUL
# names.  LONG=1: 50 users of 4 MiB each way, each length of datagrams.

cd "$(dirname "$0")/../.." || exit 1
skip() {
	echo "1..0 # SKIP $1"
	exit 0
}
[ -n "${BACKHAUL:-}" ] || skip "BACKHAUL names no Backhaul v0.7.2"
[ -x "$BACKHAUL" ] || skip "there is no $BACKHAUL"
python=/usr/bin/python3
[ -x $python ] || python=$(command -v python3) || skip "there is no python3"
exec $python -B regress/interop/backhaul_peer_test.py "$@"
