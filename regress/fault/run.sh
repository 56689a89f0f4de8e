#!/bin/sh
# make fault: the long form of the fault suite.  Each failure by number, each
# attack from within, all the octets after which a peer stops reading, and ten
# minutes (FAULT_SECONDS) of processes killed over a bad line.

cd "$(dirname "$0")/../.." || exit 1
bad=0
for t in regress/fault/*.t; do
	case $t in
	*/09-chaos.t) FAULT_SECONDS=${FAULT_SECONDS:-600} ;;
	*)	FAULT_ALL=1; export FAULT_ALL ;;
	esac
	[ -z "${FAULT_SECONDS:-}" ] || export FAULT_SECONDS
	prove --timer --directives --failures "$t" || bad=1
done
exit $bad
