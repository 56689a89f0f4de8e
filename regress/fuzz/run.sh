#!/bin/sh
# Runs fuzzers, as many at once as there are processors: all, or those that are
# named; FUZZ_SECONDS each.  Each starts from its seeds and from what was found
# earlier (corpus/NAME, an input a line).  What it finds is left in
# regress/tmp/NAME.*; with FUZZ_KEEP=DIRECTORY all inputs are kept in DIRECTORY,
# and a later run goes on from there.

set -u
cd "$(dirname "$0")/../.." || exit 1
JOBS=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
FUZZ_SECONDS=${FUZZ_SECONDS:-30}
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1}"
# else it says so and goes on, and the run counts as good
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}"
[ $# -gt 0 ] || set -- $(ls regress/fuzz/*_fuzz.c |
    sed 's,.*/,,; s/_fuzz[.]c$//')
WORK=$(mktemp -d "${TMPDIR:-/tmp}/rocketd-fuzz.XXXXXX") || exit 1
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p regress/tmp

# words FILE...: the strings of tables, as libFuzzer's dictionary has them
words() {
	grep -oh '"[a-z0-9_. -]\{2,\}"' "$@" | sort -u
}

# one NAME
one() {
	found=${FUZZ_KEEP:-$WORK}/$1
	mkdir -p "$found" || return 1
	set -- "$1"
	case $1 in
	conf|toml)
		words rocketd/conf/options.c rocketd/conf/lex.c \
		    rocketd/conf/stmt.c rocketd/conf/parse.y \
		    rocketd/conf/tomlrocket.c rocketd/conf/tomlbackhaul.c \
		    rocketd/conf/optval.c >"$WORK/$1.dict"
		set -- "$1" -dict="$WORK/$1.dict"
		;;
	# a handshake of each input: what libFuzzer does besides would be most
	accepts|bhaccepts|bhdials|dials|tls)
		set -- "$1" -entropic=0 -detect_leaks=0
		;;
	esac
	name=$1; shift
	kept=regress/fuzz/corpus/$name
	[ ! -f "$kept" ] || FOUND=$found perl -MMIME::Base64 -ne '
		open(my $h, ">", "$ENV{FOUND}/kept$.") or die;
		print $h decode_base64($_)' "$kept" || return 1
	seeds=
	case $name in conf|toml) seeds=regress/conf ;; esac
	# new inputs go to the first, the others are only read
	"regress/fuzz/${name}_fuzz" "$@" -max_total_time="$FUZZ_SECONDS" \
	    -timeout=60 -verbosity=0 -print_final_stats=1 \
	    -artifact_prefix="regress/tmp/$name." "$found" $seeds
}

bad=0
grep -q '^#define HAVE_QUIC' config.h || {	# those are not built then
	for f; do
		shift
		case $f in
		quic*)	echo "skipped: ${f}_fuzz: this build is without QUIC" ;;
		*)	set -- "$@" "$f" ;;
		esac
	done
}
while [ $# -gt 0 ]; do
	now=
	for f; do
		[ "$(echo $now | wc -w)" -lt "$JOBS" ] || break
		{ one "$f"; echo $? >"$WORK/$f.status"; } >"$WORK/$f.out" 2>&1 &
		now="$now $f"; shift
	done
	wait
	for f in $now; do
		runs=$(sed -n 's/^stat::number_of_executed_units: //p' \
		    "$WORK/$f.out")
		if [ "$(cat "$WORK/$f.status")" -eq 0 ]; then
			echo "${f}_fuzz: $runs runs"
		else
			cat "$WORK/$f.out"
			echo "# failed: ${f}_fuzz"
			bad=1
		fi
	done
done
exit $bad
