#!/bin/sh
#
# worker/'s smux against Go's, which Debian has as golang-go and
# golang-github-xtaci-smux-dev.  LONG=1: larger sizes.

cd "$(dirname "$0")/../.." || exit 1

skip() {
	echo "1..0 # SKIP $1"
	exit 0
}

# Debian's own first: the library is of its age.
go=/usr/bin/go
[ -x $go ] || go=$(command -v go) || skip "there is no go (golang-go)"
[ -d /usr/share/gocode/src/github.com/xtaci/smux ] ||
    skip "there is no smux for Go (golang-github-xtaci-smux-dev)"

mkdir -p regress/tmp || exit 1
work=$(mktemp -d regress/tmp/smux.XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

GOCACHE=$(pwd)/regress/tmp/gocache
GOPATH=/usr/share/gocode GO111MODULE=off GOFLAGS='' GOCACHE=$GOCACHE \
    $go build -o "$work/gopeer" regress/interop/gopeer.go || {
	echo "1..1"
	echo "not ok 1 - gopeer.go builds"
	exit 1
}
${MAKE:-make} -s regress/interop/smuxpeer >"$work/log" 2>&1 || {
	sed 's/^/# /' "$work/log"
	echo "1..1"
	echo "not ok 1 - smuxpeer.c builds"
	exit 1
}
regress/interop/smuxpeer "$work/gopeer"
