#!/bin/sh
#
# A server and a client on this machine, with a web server and an echo service
# behind them: fetches 200 MB through the tunnel, compares them, and shows what
# rocketctl shows.  Uses free ports of 127.0.0.1 and a temporary directory, and
# cleans up however it ends.

set -u
umask 077
cd "$(dirname "$0")/.." || exit 1
MAKE=${MAKE:-make}
SIZE=${SIZE:-200}		# MB
T=$(mktemp -d "${TMPDIR:-/tmp}/rocketd-demo.XXXXXX") || exit 1
pids= server= client=

finish() {
	status=$?
	trap - EXIT HUP INT TERM
	[ -z "$pids" ] || kill $pids 2>/dev/null
	wait 2>/dev/null
	[ $status -eq 0 ] || for f in "$T"/*.log; do
		[ -s "$f" ] && { echo "== $(basename "$f")"; tail -n 30 "$f"; }
	done
	rm -rf "$T"
	exit $status
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

say() { printf '\n== %s\n' "$*"; }
die() { echo "demo: $*" >&2; exit 1; }

say "what is missing"
sh regress/setup.sh demo || die "packages could not be installed"
unset MAKEFLAGS MFLAGS
$MAKE -j2 all >"$T/build.log" 2>&1 || die "it does not build"
start=$(date +%s)
R=rocketd/rocketd W=worker/rocketd-worker C=rocketctl/rocketctl

# All at once, so that they differ.
set -- $(perl -MIO::Socket::INET -e 'my @s = map { IO::Socket::INET->new(
    LocalAddr => "127.0.0.1", Listen => 1) or die $! } 1 .. 5;
    print join(" ", map { $_->sockport } @s)') || die "no free ports"
tunnel=$1 web_user=$2 web=$3 echo_user=$4 echo=$5

say "a token for each service, a configuration for each side"
$C token >"$T/web.token" || die "no token"
$C token >"$T/echo.token" || die "no token"
cat >"$T/server.conf" <<END
log info
control socket "$T/server.sock"
server {
	listen on 127.0.0.1 port $tunnel transport tcpmux
	service "web" {
		listen on 127.0.0.1 port $web_user
		token file "$T/web.token"
	}
	service "echo" {
		listen on 127.0.0.1 port $echo_user
		token file "$T/echo.token"
	}
}
END
cat >"$T/client.conf" <<END
log info
control socket "$T/client.sock"
client {
	connect to 127.0.0.1 port $tunnel transport tcpmux
	service "web" {
		forward to 127.0.0.1 port $web
		token file "$T/web.token"
		pool 2
	}
	service "echo" {
		forward to 127.0.0.1 port $echo
		token file "$T/echo.token"
		pool 1
	}
}
END
cat "$T/server.conf" "$T/client.conf"

say "a web server with a file of $SIZE MB, an echo service"
mkdir "$T/www"
dd if=/dev/urandom of="$T/www/file" bs=1000000 count="$SIZE" 2>/dev/null ||
    die "no room for the file"
echo "hello through the tunnel" >"$T/www/hello"
busybox httpd -f -p "127.0.0.1:$web" -h "$T/www" >"$T/httpd.log" 2>&1 &
pids="$pids $!"
socat "TCP-LISTEN:$echo,bind=127.0.0.1,reuseaddr,fork" EXEC:cat \
    >"$T/echo.log" 2>&1 &
pids="$pids $!"

say "the two daemons"
for side in server client; do
	$R -n -f "$T/$side.conf" -s "$T/$side.sock" || die "$side.conf"
	$R -d -f "$T/$side.conf" -W "$W" -s "$T/$side.sock" \
	    >"$T/$side.log" 2>&1 &
	eval "$side=$!"
	pids="$pids $!"
done
# curl tries again until the first tunnel is open.
curl -sS --max-time 5 --retry 20 --retry-delay 1 --retry-all-errors \
    --retry-max-time 30 "http://127.0.0.1:$web_user/hello" 2>"$T/curl.log" ||
    die "the web service is not reached"

say "an answer from the echo service"
said=$(echo "is there an echo?" |
    timeout 20 socat -t 10 - "TCP:127.0.0.1:$echo_user") ||
    die "the echo service is not reached"
echo "$said"
[ "$said" = "is there an echo?" ] || die "that is not what was said"

say "$SIZE MB through the tunnel"
curl -sS --fail --max-time 50 -o "$T/fetched" -w \
    '%{size_download} octets in %{time_total} s, %{speed_download} octets/s\n' \
    "http://127.0.0.1:$web_user/file" || die "the file did not come through"
want=$(sha256sum <"$T/www/file") got=$(sha256sum <"$T/fetched")
echo "sent    ${want%% *}"
echo "fetched ${got%% *}"
[ "$want" = "$got" ] || die "the checksums differ"

for side in server client; do
	for what in summary services sessions; do
		say "rocketctl show $what, on the $side"
		$C -s "$T/$side.sock" show $what || die "rocketctl failed"
	done
done

say "the end"
for side in client server; do
	$C -s "$T/$side.sock" stop || die "the $side does not stop"
	eval "wait \$$side" || die "the $side did not end well"
done
kill $pids 2>/dev/null
pids=
echo "all well, in $(($(date +%s) - start)) s"
