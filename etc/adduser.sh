#!/bin/sh
#
# Makes the system user and group that own the control socket, unless they
# exist.  `make install' runs it, as root and without DESTDIR.

set -u
if [ "$(id -u)" -ne 0 ]; then
	echo "not root: the system user _rocketd is not made" >&2
	exit 0
fi
if command -v systemd-sysusers >/dev/null 2>&1 &&
    systemd-sysusers "$(dirname "$0")/rocketd.sysusers" 2>/dev/null &&
    id _rocketd >/dev/null 2>&1; then
	exit 0
fi
id _rocketd >/dev/null 2>&1 && exit 0
nologin=$(command -v nologin || echo /usr/sbin/nologin)
useradd --system --user-group --no-create-home --home-dir /nonexistent \
    --shell "$nologin" _rocketd
