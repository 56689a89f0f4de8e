#!/bin/sh
#
# Installs the Debian packages that are missing if this is Debian and we are
# root, else names them.
# usage: setup.sh build|demo|bench|check|long

set -u
build="gcc libc6-dev make byacc pkg-config libevent-dev libbsd-dev libmd-dev \
    libssl-dev liblz4-dev libcrypt-dev libseccomp-dev"
# without them rocketd is built without QUIC
quic="libngtcp2-dev libngtcp2-crypto-gnutls-dev libgnutls28-dev"
# without it a peer of QUIC is not built; not every Debian has it
quicpeer=golang-github-lucas-clemente-quic-go-dev
demo="$build busybox socat curl perl-base"
bench="$build perl haproxy socat iperf3 openssl iproute2 \
    gnuplot-nox"
check="$demo perl libcmocka-dev mandoc python3-minimal util-linux openssl \
    iproute2 golang-go golang-github-xtaci-smux-dev \
    python3-websockets node-ws haproxy nginx-light"
long="$check clang libclang-rt-dev bmake bison"

case ${1:-check} in
build)	want=$build ;;
demo)	want=$demo ;;
bench)	want=$bench ;;
check)	want=$check quic="$quic $quicpeer" ;;
long)	want=$long quic="$quic $quicpeer" ;;
*)	echo "usage: setup.sh build|demo|bench|check|long" >&2; exit 1 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "setup: this is not Debian; these packages there have what is" \
	    "needed: $want; and for QUIC: $quic"
	exit 0
fi

# absent PACKAGE...: those that are not installed
absent() {
	for p; do
		s=$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)
		[ "$s" = installed ] || printf ' %s' "$p"
	done
}
# install PACKAGE...: the package lists of a fresh machine may be empty or old:
# once more after an update
install() {
	apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1 || {
		apt-get update -q >/dev/null &&
		    apt-get install -y -q --no-install-recommends "$@" \
		    >/dev/null
	}
}
missing=$(absent $want) optional=$(absent $quic)
[ -n "$missing$optional" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "setup: missing:$missing$optional" >&2
	echo "setup: as root: apt-get install -y$missing$optional" >&2
	exit 0
fi
echo "setup: installing$missing$optional"
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND
[ -z "$missing" ] || install $missing || exit 1
for p in $optional; do
	install "$p" ||
	    echo "setup: not to be had, so QUIC or tests of it are left out: $p"
done
