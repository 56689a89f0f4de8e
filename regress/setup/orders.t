#!/bin/sh
#
# Orders in which a tree is set up, built, changed and tried, each from the state
# that the last one left, and none with `make clean'.  Each has to end well, to
# have compiled what it should and nothing else, and to leave nothing to do.
# A compiler that remembers stands in for the real one, so that this is quick,
# and others for pkg-config, apt-get and what `make check' would run.

set -u
cd "$(dirname "$0")/../.." || exit 1
TOP=$(pwd)
unset MAKEFLAGS MFLAGS MAKELEVEL CC YACC
REAL_CC=$(command -v cc || command -v gcc || command -v clang) ||
    { echo "1..0 # SKIP no compiler"; exit 0; }
REAL_PKG=$(command -v pkg-config || command -v pkgconf) ||
    { echo "1..0 # SKIP no pkg-config"; exit 0; }
"$REAL_PKG" --exists cmocka || { echo "1..0 # SKIP no cmocka"; exit 0; }
T=$(mktemp -d "${TMPDIR:-/tmp}/rocketd-orders.XXXXXX") || exit 1
ORDERS=$T
trap 'rm -rf "$T"' EXIT
trap 'exit 1' HUP INT TERM
CFLAGS="-O0 -g0 -U_FORTIFY_SOURCE" PATH=$T/bin:$PATH
export ORDERS REAL_CC REAL_PKG CFLAGS PATH
mkdir "$T/bin" "$T/missing" "$T/memory" "$T/home"

stub() { cat >"$T/bin/$1"; chmod 755 "$T/bin/$1"; }

# Notes what it compiles.  With a victim it stops in the middle and kills it.  It
# is run some thousand times: few processes, so that this is quick.
stub cc <<'END'
#!/bin/sh
out= c= i=$#
while [ $i -gt 0 ]; do
	a=$1 i=$((i - 1)); shift
	case $a in
	--version) echo "${0##*/}" ;;
	-c)	c=yes; continue ;;
	-DX)	continue ;;
	-o)	out=$1 i=$((i - 1)); shift; continue ;;
	esac
	set -- "$@" "$a"
done
[ -n "$c" ] || exec "$REAL_CC" ${out:+-o "$out"} "$@"
echo "$out" >>"$ORDERS/made"
if [ -e "$ORDERS/victim" ] && [ "$(wc -l <"$ORDERS/made")" -gt 5 ]; then
	echo half >"$out"
	pid=$(cat "$ORDERS/victim"); rm -f "$ORDERS/victim"; kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do :; done
	exit 1
fi
# No order changes what a header says but for config.h, and -DX says nothing.
key() {
	for source; do :; done
	also=
	[ "$source" != rocketd/rocketd.c ] || also=config.h
	set -- $(echo "$*" | cksum - "$source" $also)
	key=$ORDERS/memory/$1-$2-$4-$5-${7:-}
}
key "$@"
[ -e "$key" ] || {
	mkdir "$key.$$" && "$REAL_CC" -c -o "$key.$$/${out##*/}" "$@" &&
	    cp "$out.dep" "$key.$$/" && mv "$key.$$" "$key"
} || exit 1
case $out in
*/*)	cp "$key"/* "${out%/*}" ;;
*)	cp "$key"/* . ;;
esac
END
ln -s cc "$T/bin/acc"

# Knows no library whose package is missing, and has a newer LZ4 if told so.
stub pkg-config <<'END'
#!/bin/sh
for a; do
	case $a in
	cmocka)	package=libcmocka-dev ;;
	libngtcp2) package=libngtcp2-dev ;;
	liblz4)	package=liblz4-dev
		[ "$1" = --modversion ] && [ -e "$ORDERS/newer" ] && echo 99 && exit ;;
	*)	package=none ;;
	esac
	[ ! -e "$ORDERS/missing/$package" ] || { echo "no $a" >&2; exit 1; }
done
exec "$REAL_PKG" "$@"
END
stub dpkg-query <<'END'
#!/bin/sh
for p; do :; done
[ -e "$ORDERS/missing/$p" ] || echo installed
END
stub apt-get <<'END'
#!/bin/sh
[ "$1" = install ] || exit 0
cd "$ORDERS/missing" && rm -f -- "$@"
END
echo 'echo 0' | stub id
for p in chown mandoc setpriv; do echo ':' | stub $p; done
# Runs the unit tests that it is given.
stub prove <<'END'
#!/bin/sh
for a; do
	case $a in
	*/unit/*_test)	"./$a" >/dev/null 2>&1 || exit 1; echo "ran $a" ;;
	esac
done
END

# ---- the tree: two unit tests are enough ----
mkdir "$T/tree" && tar cf - Makefile configure etc man regress rocketctl rocketd \
    shared worker | tar xf - -C "$T/tree" && cd "$T/tree" || exit 1
ls regress/unit/*_test.c | grep -v -e /addr_ -e /hist_ | xargs rm -f
rm -rf regress/tmp
echo : >regress/style.sh
printf '#!/bin/sh\nregress/bench/load; [ $? -eq 1 ]\n' >regress/bench/bench
make distclean >/dev/null 2>&1
cat >"$T/conf" <<END
client {
	connect to 127.0.0.1 port 4040 transport tcpmux
	service "x" {
		forward to 127.0.0.1 port 22
		token "0123456789abcdef0123456789"
	}
}
END
chmod 600 "$T/conf"

# objects FILE...: the sorted objects of these sources
objects() { printf '%s\n' "$@" | sed 's/[cy]$/o/' | sort -u; }
# Where QUIC's libraries are not, tests need a part of it, programs none.
quic() { grep -q "^#define HAVE_QUIC" config.h; }
programs() {
	objects shared/*.c worker/*.c worker/*/*.c worker/*/*/*.c rocketctl/*.c \
	    rocketd/*.c rocketd/conf/*.[cy] |
	    { quic && cat || grep -v ^worker/quic/; }
}
# users HEADER: the objects of programs that say they include it
users() {
	grep -lE "[ /]$1( |\$)" $(find . -name '*.o.dep') |
	    sed 's/[.]dep$//; s/^[.].//' | grep -v ^regress/ |
	    { quic && cat || grep -v ^worker/quic/; } | sort
}
works() {
	rocketd/rocketd -n -f "$T/conf" -W worker/rocketd-worker &&
	    rocketctl/rocketctl token >/dev/null &&
	    [ -x worker/rocketd-worker ] && ! $MAKE -n all | grep '[.][oa] '
}
n=0
# order NAME OBJECTS COMMAND: what COMMAND should compile of the programs, by
# name, or "none" or "all"; regress/ is only looked at when it has a name
order() {
	: >"$T/made"
	why=
	(eval "$3") >"$T/out" 2>&1 || why="status $?"
	works >>"$T/out" 2>&1 || why="$why, something does not work"
	sort -u "$T/made" | grep -v ^regress/ |
	    { quic && cat || grep -v ^worker/quic/; } >"$T/got"
	case $2 in
	none)	: ;;
	all)	programs ;;
	*)	objects $2 ;;
	esac >"$T/wanted"
	diff "$T/wanted" "$T/got" >>"$T/out" || why="$why, compiled other things"
	n=$((n + 1))
	if [ -z "$why" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		{ echo "# failed: $1: ${why#, }"; tail -n 20 "$T/out" |
		    cut -c 1-100 | sed 's/^/# /'; } >&2
	fi
}
tests_made() { grep ^regress/unit/ "$T/made"; }
MAKE=make
export MAKE

touch "$T/missing/libcmocka-dev" "$T/missing/liblz4-dev"
order "a clone, clean and all of make demo's set-up" all '
	make clean && [ ! -e config.mk ] && ! make all &&
	    sh regress/setup.sh demo && make -j2 all && ! make unit'
order "make demo" none '
	for p in busybox socat curl; do
		command -v $p || exit 0
	done
	SIZE=1 make demo'
order "make check, which installs cmocka" none '
	JOBS=2 make check && tests_made && grep "ran regress/unit/addr_test" \
	    regress/tmp/check.log'
order "make again, of everything" none '
	make all unit helpers && [ ! -s "$T/made" ]'
order "configure as before" none '
	./configure && make all unit helpers && [ ! -s "$T/made" ]'
order "usage of configure, asked for and as an error" none '
	./configure --help 2>"$T/err" | grep "^usage: " && [ ! -s "$T/err" ] &&
	    ! ./configure --nosuch >"$T/usage" 2>"$T/err" &&
	    [ ! -s "$T/usage" ] && grep "unknown option --nosuch" "$T/err"'
order "configure with a prefix, and make install" "$(users config.h)" '
	./configure --prefix=/opt && make install DESTDIR="$T/dest" &&
	    "$T/dest/opt/sbin/rocketctl" token &&
	    grep -q /opt/libexec "$T/dest/opt/sbin/rocketd"'
order "make install, first of all" all '
	make distclean && rm -rf "$T/dest" &&
	    HOME=/nowhere make -j2 install DESTDIR="$T/dest" &&
	    "$T/dest/usr/local/sbin/rocketctl" token'
order "make bench" none 'make bench && [ -x regress/bench/load ]'
order "all at once, from nothing" all '
	make clean && make -j2 all unit helpers && regress/unit/addr_test'
order "a touched header" "$(users log.h)" '
	touch shared/log.h && make -j2 all unit'
order "a touched unit test" none '
	touch regress/unit/addr_test.c && make unit &&
	    [ "$(cat "$T/made")" = regress/unit/addr_test.o ]'
order "a pull with a new source and a new header" \
    "worker/net/new.c worker/net/source.c" '
	echo "int new(void);" >worker/net/new.h
	printf "#include \"new.h\"\nint new(void) { return (1); }\n" \
	    >worker/net/new.c
	cp -p worker/net/source.c "$T/source.c"
	sed "1a\\
#include \"new.h\"" "$T/source.c" >worker/net/source.c
	make -j2 && ar t worker/worker.a | grep -x new.o'
order "a pull that moves the source and makes two headers of one" \
    "worker/relay/newer.c worker/net/source.c" '
	mv worker/net/new.c worker/relay/newer.c
	rm worker/net/new.h
	echo "int new(void);" >worker/relay/new.h
	sed "1a\\
#include \"worker/relay/new.h\"" "$T/source.c" >worker/net/source.c
	make -j2 && ! ar t worker/worker.a | grep -x new.o'
order "a pull that takes all of it away, and a unit test" worker/net/source.c '
	rm worker/relay/new*.[ch] regress/unit/hist_test.c
	cp "$T/source.c" worker/net/source.c
	make -j2 all unit && ! ar t worker/worker.a | grep new &&
	    JOBS=2 make check && ! grep "ran regress/unit/hist_test" \
	    regress/tmp/check.log'
order "a pull with a newer configure" none '
	echo "# newer" >>configure && make && grep configured config.log &&
	    make unit && tests_made'
order "a pull that moves what yacc reads" \
    "rocketd/conf/parse.y" '
	cp rocketd/conf/parse.c rocketd/parse.c && touch rocketd/conf/parse.y &&
	    make && ! ar t rocketd/rocketd.a | grep parse && rm rocketd/parse.c'
order "a library goes and comes back" none '
	touch "$T/missing/liblz4-dev"; ! make && ! make unit &&
	    grep -q "missing" "$T/out" && grep -q liblz4-dev "$T/out" &&
	    rm "$T/missing/liblz4-dev" && make && make unit'
if quic; then
	order "a library of QUIC goes" all '
		touch "$T/missing/libngtcp2-dev"; make -j2 && ! quic &&
		    [ "$(grep -c "no QUIC: .*Debian: libngtcp2-dev" "$T/out")" = 1 ] &&
		    rocketd/rocketd -V | grep ", without QUIC$" && make unit'
	order "and comes back" all '
		rm "$T/missing/libngtcp2-dev"; make -j2 && quic &&
		    rocketd/rocketd -V | grep "ngtcp2 .*GnuTLS" &&
		    worker/rocketd-quic -V | grep "ngtcp2 .*GnuTLS" && make unit'
else
	n=$((n + 1)); echo "ok $n - QUIC # SKIP its libraries are not here"
fi
order "another version of a library" all 'touch "$T/newer" && make -j2'
order "cmocka goes and comes back" none '
	touch "$T/missing/libcmocka-dev" regress/unit/addr_test.c
	make && ! make unit && grep -q "Debian: libcmocka-dev" "$T/out" &&
	    rm "$T/missing/libcmocka-dev" && make unit && tests_made'
order "another compiler, and what it was told to keep" all '
	./configure --cc=acc && make -j2 && grep "^CC.*acc" config.mk &&
	    rm config.h && CFLAGS=-O3 make && ! grep -e -O3 config.mk'
order "that compiler is gone" all '
	rm "$T/bin/acc" && ! make && grep -q "compiler (acc)" "$T/out" &&
	    ./configure && make -j2 all unit'
order "a make that is killed" "$(ls shared/*.c)" '
	touch shared/*.c
	: >"$T/made"; make >"$T/killed" 2>&1 &
	echo $! >"$T/victim"; wait
	[ ! -e "$T/victim" ] && make -j2 all unit helpers'
order "flags on the command line" all '
	make -j2 CFLAGS="$CFLAGS -DX" && : >"$T/made" && make -j2'
order "config.mk and config.h are lost" "$(users config.h)" '
	rm config.mk && make && [ ! -s "$T/made" ] && rm config.h && make'
order "the tree is moved" none 'cd "$T" && mv tree moved && ln -s moved tree &&
	cd moved && make all unit helpers'
cd "$T/moved" || exit 1
if command -v bmake >/dev/null 2>&1; then
	MAKE=bmake
	order "bmake after make" none 'bmake all unit helpers && [ ! -s "$T/made" ]'
	order "bmake, all at once, from nothing" all '
		bmake distclean && bmake -j2 all unit helpers &&
		    regress/unit/addr_test'
	order "make after bmake" none 'make all unit helpers && [ ! -s "$T/made" ]'
else
	n=$((n + 1)); echo "ok $n - bmake # SKIP no bmake"
fi
echo "1..$n"
