#!/bin/sh
#
# Everything that `make coverage' does: builds a copy of the tree with gcov,
# runs the suites in it (SUITES="unit conf setup live interop" or some of these)
# and prints how many lines of each folder of worker/, shared/ and rocketd/ they
# ran.  With KEEP=1 the copy stays, and gcov(1) shows the lines there.
#
# A process that is killed writes no counts, and these suites kill many: the
# figures are a lower bound.

set -u
cd "$(dirname "$0")/.." || exit 1
JOBS=${JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
MAKE=${MAKE:-make}
SUITES=${SUITES:-unit conf setup live interop}
LIMIT=${LIMIT:-5400}	# seconds of a suite
DIR=$(mktemp -d "${TMPDIR:-/tmp}/rocketd-coverage.XXXXXX") || exit 1
if [ -n "${KEEP:-}" ]; then
	echo "the build is in $DIR"
else
	trap 'rm -rf "$DIR"' EXIT
	trap 'exit 1' HUP INT TERM
fi
unset MAKEFLAGS MFLAGS

sh regress/setup.sh check
tar cf - --exclude=./.git --exclude=./regress/tmp --exclude='*.o' \
    --exclude='*.a' --exclude='*_test' --exclude=./config.mk . |
    tar xf - -C "$DIR" || exit 1
cd "$DIR" || exit 1
chmod 755 .
mkdir -p regress/tmp
$MAKE distclean >/dev/null 2>&1
CC=gcc ./configure --coverage >/dev/null || exit 1
$MAKE -j"$JOBS" all unit helpers >build.log 2>&1 ||
    { tail -n 20 build.log; exit 1; }
# Processes with user ids of their own add to these.
find . -name '*.gcno' | while read -r f; do
	: >"${f%gcno}gcda" && chmod 666 "${f%gcno}gcda"
done

bad=0
# suite NAME COMMAND...: a failure is told, and the figures come all the same
suite() {
	name=$1; shift
	case " $SUITES " in *" $name "*) ;; *) return ;; esac
	echo "== $name"
	timeout "$LIMIT" prove --directives --failures "$@" || bad=1
}
suite unit -j"$JOBS" --exec 'perl regress/unit/run.t' \
    $(ls regress/unit/*_test.c | sed 's/[.]c$//')
suite conf --exec sh regress/conf/run.sh
suite setup regress/setup/orders.t
suite live regress/live/*.t regress/fault/*.t
suite interop regress/interop/*.t

# gcov says "File 'x.c'" and then "Lines executed:90.00% of 200"
figures() {
	find worker shared rocketd -name '*.gcno' | while read -r f; do
		gcov -n -o "${f%/*}" "$f" 2>/dev/null
	done | awk -v top="$DIR/" '
	    /^File / { f = substr($2, 2, length($2) - 2); sub("^" top, "", f) }
	    /^Lines executed:/ && f ~ /[.][cy]$/ && f !~ /^\// {
		split($0, a, /[:% ]+/)
		print f, int(a[3] * a[5] / 100 + .5), a[5]
	    }
	    /^$/ { f = "" }'
}
figures | sort -u >figures
echo "== line coverage"
awk '{ d = $1; sub("/[^/]*$", "", d); ran[d] += $2; all[d] += $3
	split(d, part, "/"); ran[part[1] "/"] += $2; all[part[1] "/"] += $3
	ran["in all"] += $2; all["in all"] += $3
    }
    END { for (d in all)
	printf "%-28s %5.1f %%  %6d of %6d\n", d, 100 * ran[d] / all[d],
	    ran[d], all[d] }' figures | sort
echo "== files below 85 %"
awk '$2 * 100 < $3 * 85 {
	printf "%-36s %5.1f %%  %4d lines not run\n", $1, 100 * $2 / $3,
	    $3 - $2 }' figures | sort -k 4,4nr
exit $bad
