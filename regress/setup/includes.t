#!/bin/sh
#
# The tables of includes in regress/style.sh: for each of their rows a file that
# keeps it, and one that breaks it and is named for that, in a tree of the test's.

set -u
cd "$(dirname "$0")/../.." || exit 1
T=$(mktemp -d "${TMPDIR:-/tmp}/rocketd-includes.XXXXXX") || exit 1
trap 'rm -rf "$T"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$T/regress" && cp regress/style.sh "$T/regress" || exit 1
n=0

ok() {		# ok STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		echo "# failed: $2" >&2
	fi
}

# plant FILE HEADER: what style.sh says of it
plant() {
	mkdir -p "$T/${1%/*}"
	printf '%s\n\n#include %s\n' '/* SPDX-License-Identifier: ISC */' "$2" \
	    >"$T/$1"
	sh "$T/regress/style.sh" "$1" 2>&1
}

tried=
while read -r row file good bad; do
	tried="$tried$row
"
	said=$(plant "$file" "$good")
	ok $? "$file may include $good"
	said=$(plant "$file" "$bad")
	[ $? -eq 1 ] && case $said in "$file:3: "*) ;; *) false ;; esac
	ok $? "$file may not include $bad"
done <<'END'
shared shared/x.c "config.h" "rocketd/conf/conf.h"
rocketctl rocketctl/x.c "shared/ctl.h" "shared/msg.h"
rocketd/conf rocketd/conf/x.c "shared/log.h" "shared/msg.h"
rocketd rocketd/x.h "rocketd/conf/conf.h" "worker/keys/look.h"
worker/frame worker/frame/x.c "shared/msg.h" "worker/gate/site.h"
worker/roles.h worker/roles.h "worker/frame/worker.h" "worker/keys/look.h"
worker/main.c worker/main.c "worker/keys/look.h" "worker/keys/psk.h"
worker/crypto worker/crypto/x.c "shared/log.h" "worker/keys/psk.h"
worker/net worker/net/x.c "worker/frame/worker.h" "worker/session/smux.h"
worker/session worker/session/x.c "shared/log.h" "shared/msg.h"
worker/tunnel worker/tunnel/x.h "worker/session/session.h" "worker/relay/relay.h"
worker/relay worker/relay/x.c "worker/tunnel/tunnel.h" "worker/service/pool.h"
worker/dialect/dialect.c worker/dialect/dialect.c "worker/dialect/new/table.h" "worker/dialect/new/x.h"
worker/dialect worker/dialect/x.h "worker/session/session.h" "worker/tunnel/tunnel.h"
worker/dialect/*/ worker/dialect/new/x.c "worker/tunnel/tunnel.h" "worker/dialect/rocket/rocket.h"
worker/control worker/control/x.c "worker/frame/worker.h" "worker/net/http.h"
worker/dial worker/dial/x.c "worker/roles.h" "worker/net/http.h"
worker/gate worker/gate/x.c "worker/net/http.h" "worker/keys/psk.h"
worker/keys worker/keys/x.c "worker/crypto/tlskey.h" "worker/tls/tlsconn.h"
worker/tls worker/tls/x.c "worker/net/charge.h" "worker/gate/hello.h"
worker/udp worker/udp/x.c "worker/net/flowpair.h" "worker/relay/flow.h"
worker/quic worker/quic/x.c "worker/session/smux.h" "worker/crypto/tlsctx.h"
worker/web worker/web/x.c "worker/net/http.h" "worker/relay/relay.h"
worker/service worker/service/x.c "worker/relay/relay.h" "worker/dialect/rocket/rocket.h"
openssl/ worker/tunnel/sealx.c <openssl/ssl.h> <lz4.h>
openssl/ worker/keys/x.c <openssl/ssl.h> "worker/nowhere/x.h"
openssl/ worker/gate/x.c <stdlib.h> <openssl/evp.h>
openssl/ rocketd/x.c <stdlib.h> <openssl/ssl.h>
lz4.h worker/relay/lz.c <lz4.h> <openssl/ssl.h>
gnutls/ worker/quic/x.c <gnutls/gnutls.h> <openssl/ssl.h>
ngtcp2/ worker/tls/x.c <stdlib.h> <ngtcp2/ngtcp2.h>
seccomp.h worker/frame/sandbox.c <seccomp.h> <openssl/ssl.h>
linux/ worker/frame/worker.c <stdlib.h> <linux/landlock.h>
sys/syscall.h worker/dial/x.c <stdlib.h> <sys/syscall.h>
sys/prctl.h shared/compat.h <sys/prctl.h> <sys/syscall.h>
sched.h rocketd/x.c <stdlib.h> <sched.h>
event2/ rocketctl/x.c <poll.h> <event2/event.h>
event2/ worker/session/x.h <stdint.h> <event2/event.h>
sys/wait.h rocketd/conf/x.c <stdlib.h> <sys/wait.h>
signal.h rocketd/conf/x.c <stdlib.h> <signal.h>
sys/socket.h worker/session/x.c <sys/queue.h> <sys/socket.h>
sys/uio.h worker/session/x.c <string.h> <sys/uio.h>
fcntl.h worker/session/x.c <string.h> <fcntl.h>
poll.h worker/session/x.c <string.h> <poll.h>
unistd.h worker/session/x.c <string.h> <unistd.h>
stdio.h worker/session/x.c <string.h> <stdio.h>
shared nowhere/x.c "x.h" "shared/log.h"
END

# A row that nobody tried is one that nobody knows to work.
rows() { sed -n "/^$1='/,/^'/p" regress/style.sh | sed '1d;$d' | cut -f 1; }
[ -n "$(rows ROOMS)" ] && [ "$({ rows ROOMS; rows SYSTEM; } | cut -d ' ' -f 1 |
    grep . | sort)" = "$(printf %s "$tried" | sort -u)" ]
ok $? "each row is tried"
echo "1..$n"
