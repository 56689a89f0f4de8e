#!/bin/sh
#
# Everything that `make check' does: installs what is missing, builds the tree
# and runs all tests; if we are root, the live ones again as an ordinary user.
# LONG=1 (make check-long) adds the large sizes, both makes, gcc and clang, the
# sanitizers, and half a minute of each fuzzer.  The end says what ran, how long
# it took and what was skipped.

set -u
cd "$(dirname "$0")/.." || exit 1
LONG=${LONG:-}
JOBS=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
MAKE=${MAKE:-make}
# seconds until a set of tests counts as hung; sanitizers are slow
if [ -n "$LONG" ]; then LIMIT=5400; else LIMIT=1800; fi
export LONG JOBS
unset MAKEFLAGS MFLAGS
mkdir -p regress/tmp
LOG=$(pwd)/regress/tmp/check.log
WORK=$(mktemp -d "${TMPDIR:-/tmp}/rocketd-check.XXXXXX") || exit 1
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' HUP INT TERM
: >"$LOG"
failed=

# step NAME COMMAND...: runs it, shows and logs what it prints
step() {
	name=$1; shift
	began=$(date +%s)
	echo "== $name" | tee -a "$LOG"
	{ "$@" 2>&1; echo $? >"$WORK/status"; } | tee -a "$LOG"
	how=ok
	[ "$(cat "$WORK/status")" -eq 0 ] || { how=FAILED; failed="$failed
	$name"; }
	echo "== end $how $(($(date +%s) - began))" >>"$LOG"
}

# skipped NAME REASON
skipped() {
	printf '== %s\nskipped: %s\n== end skipped 0\n' "$1" "$2" >>"$LOG"
}

# build DIR MAKE CONFIGURE-ARGUMENTS...: prints only warnings, which fail
build() {
	dir=$1 make=$2; shift 2
	(
	cd "$dir" || exit 1
	[ $# -eq 0 ] || ./configure "$@" || exit 1
	$make -j"$JOBS" all unit helpers >"$WORK/build" 2>&1
	status=$?
	[ $status -eq 0 ] || cat "$WORK/build"
	! grep -n 'warning:' "$WORK/build" || exit 1
	exit $status
	)
}

# copy DIR: the sources, for another way to build them
copy() {
	mkdir "$1" && tar cf - --exclude=./.git --exclude='*.o' \
	    --exclude=./regress/tmp --exclude=./config.mk --exclude='*_test' \
	    --exclude='*_fuzz' . | tar xf - -C "$1" || return 1
	(cd "$1" && $MAKE distclean >/dev/null 2>&1; :)
}

# tap NAME FILES...: runs them by prove; no files are a failure
tap() {
	name=$1; shift
	for t; do :; done
	[ -e "$t" ] || { echo "no $name tests"; return 1; }
	timeout "$LIMIT" prove $PROVE "$@"
	status=$?
	[ $status -ne 124 ] || echo "# failed: $name tests: $LIMIT seconds"
	return $status
}

PROVE='--timer --directives --failures'
# What takes longest begins first, or it would end long after all others.
SLOWEST="orders backhaul_rocketd smux 43-unread 19-solo 18-proxies 38-retry
    01-basic 09-chaos 33-limits 14-options 22-matrix 60-backhaul-asked
    tiny_test service_test resolve_test relay_test gate_test tlsconn_test"

# slowest FILES: the same, those of SLOWEST first and in its order
slowest() {
	for s in $SLOWEST; do
		for f; do
			case $f in
			*/$s|*/$s.t) echo "$f" ;;
			esac
		done
	done
	for f; do
		case $(echo " " $SLOWEST " ") in
		*" $(basename "$f" .t) "*) ;;
		*)	echo "$f" ;;
		esac
	done
}

# Those that have a source.  They wait more than they compute.
unit() { (cd "$1" && prove -j$((JOBS * 3)) --directives --failures \
    --exec 'perl regress/unit/run.t' \
    $(slowest $(ls regress/unit/*_test.c | sed 's/[.]c$//'))); }
conf() { (cd "$1" && prove --directives --failures \
    --exec sh regress/conf/run.sh); }
# These measure, or need the whole machine: one at a time.  All others run side
# by side, twice as many as there are processors, since most of them wait.
ALONE="02-scale 03-kill 13-load 15-pipe 30-crowd 31-tls-crowd 32-many
    34-memory 41-bad-line"

live() {
	(
	cd "$1" || exit 1
	beside= alone= bad=0
	for t in ${2:-} regress/live/*.t regress/fault/*.t regress/interop/*.t
	do
		case $(echo " " $ALONE " ") in
		*" $(basename "$t" .t) "*) alone="$alone $t" ;;
		*)	beside="$beside $t" ;;
		esac
	done
	tap live -j$((JOBS * 2)) $(slowest $beside) || bad=1
	tap live $alone || bad=1
	exit $bad
	)
}

# What differs without root: ids, namespace, socket paths, who may command.
USER_TESTS="regress/live/01-basic.t regress/live/03-kill.t
    regress/live/04-secrets.t regress/live/06-reload.t
    regress/live/07-control.t"

# As nobody, in a copy of the built tree.
live_user() {
	mkdir "$WORK/user" && tar cf - --exclude=./.git --exclude=./regress/tmp \
	    . | tar xf - -C "$WORK/user" && chmod 755 "$WORK" &&
	    chown -R 65534:65534 "$WORK/user" || return 1
	(cd "$WORK/user" && mkdir -p regress/tmp home &&
	    chown 65534:65534 regress/tmp home &&
	    exec setpriv --reuid=65534 --regid=65534 --clear-groups \
	    env -u XDG_RUNTIME_DIR HOME="$WORK/user/home" USER=nobody \
	    LOGNAME=nobody timeout "$LIMIT" prove -j2 $PROVE $USER_TESTS)
}

fuzzers() {
	(
	cd "$1" && $MAKE -j"$JOBS" fuzzers >"$WORK/fuzz" 2>&1 || {
		cat "$WORK/fuzz"
		exit 1
	}
	sh regress/fuzz/run.sh
	)
}

# The usual sizes: larger ones find no more with sanitizers.
sanitized() {
	(
	LONG=
	"$@"
	)
}

if [ -n "$LONG" ]; then need=long; else need=check; fi
step "what is missing" sh regress/setup.sh $need
step build build . "$MAKE"
[ -z "$failed" ] || exit 1	# nothing else would say more
step "style" sh regress/style.sh
step "manuals" mandoc -T lint -W warning man/*.[1-9]
step "unit tests" unit .
step "configuration" conf .
step "set-up, rooms, live tests and interop" live . \
    "$(echo regress/setup/*.t)"
if [ "$(id -u)" -eq 0 ]; then
	step "live tests as an ordinary user" live_user
else
	skipped "live tests as root" "we are not root"
fi

if [ -n "$LONG" ]; then
	step "bmake and gcc" eval 'copy "$WORK/bmake" &&
	    build "$WORK/bmake" bmake --cc=gcc'
	step "clang and bison" eval 'copy "$WORK/clang" &&
	    YACC="bison -y" build "$WORK/clang" "$MAKE" --cc=clang'
	step "sanitizers" eval 'copy "$WORK/san" &&
	    build "$WORK/san" "$MAKE" --sanitize'
	step "unit tests, sanitized" sanitized unit "$WORK/san"
	step "configuration, sanitized" sanitized conf "$WORK/san"
	step "live tests and interop, sanitized" sanitized live "$WORK/san"
	step "fuzzers" fuzzers "$WORK/clang"
fi

echo "== total"
awk '/^== end / {
	tests = n == "" ? "" : sprintf("%3d files %6d tests", nfiles, n)
	printf "%-34s %-7s %5d s %s\n", name, $3, $4, tests
	files += nfiles; all += n; s += $4
	next
    }
    /^== / { name = substr($0, 4); n = nfiles = "" }
    /^Files=[0-9]+, Tests=[0-9]+/ {
	split($0, a, /[=,]/); nfiles += a[2]; n += a[4]
    }
    END { printf "%-34s %-7s %5d s %3d files %6d tests\n", "in all", "", s,
	files, all }' "$LOG"
# Once each, with its set of tests.
awk '/^== / { name = substr($0, 4) }
    / # SKIP / && sub(/^ok [0-9]+ -? */, "") { print name ": " $0 }
    /\.\. skipped: / {
	sub(/^\[[0-9:]+\] /, ""); sub(/ *\.\.+ skipped:/, " # SKIP")
	print name ": " $0
    }
    /^skipped: / { print name " # SKIP " substr($0, 10) }' "$LOG" |
    sort -u | sed 's/^/skipped: /; s/ *# SKIP / - /'

# The failures once more at the end, where one looks: the daemons' output, how
# each failed step ended, what was got and wanted.
why() {
	grep '^#| ' "$LOG" | cut -c 1-300 | head -n 200
	echo "$failed" | while read -r name; do
		[ -z "$name" ] || awk -v want="$name" \
		    '/^== / { on = substr($0, 4) == want } on' "$LOG" |
		    grep -v '^#' | tail -n 10
	done
	grep '^# ' "$LOG" | cut -c 1-300 | head -n 30
}

if [ -n "$failed" ]; then
	why
	echo "FAILED:$failed"
	echo "log: $LOG"
	exit 1
fi
echo "all passed"
