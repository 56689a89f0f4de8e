#!/bin/sh
# SPDX-License-Identifier: ISC
#
# rocketd in each role of dialect muxpro.  Its other end is muxpro_peer.py,
# which was written from the protocol alone, and with MUXPRO a program of that
# name around the published code, MuxPro/Mux v0.2.0 with its transposed split
# repaired: muxpro_peer_test.py says what options it must take.

cd "$(dirname "$0")/../.." || exit 1
python=/usr/bin/python3
[ -x $python ] || python=$(command -v python3) || {
	echo "1..0 # SKIP there is no python3"
	exit 0
}
MINE="$(pwd)/rocketd/rocketd -d -W $(pwd)/worker/rocketd-worker -f {} -s {}.sock"
CTL=$(pwd)/rocketctl/rocketctl
export MINE CTL
exec $python -B regress/interop/muxpro_peer_test.py "$@"
