# Two network namespaces, $A and $B, for tests over a line of their own: sourced
# after lib.sh, with a short NAME of the test in $NETNS.  Tests are skipped where
# they cannot be made; they are gone at the end, however it comes.

is_root || skip_all "only root can make network namespaces"
[ -e /dev/net/tun ] || skip_all "no /dev/net/tun"
A=rd$NETNS$$-a B=rd$NETNS$$-b
end_line() {
	kill -CONT "${wan:-$$}"		# or it would take no other signal
	cleanup
	ip netns del $A
	ip netns del $B
} 2>/dev/null
trap end_line EXIT
for ns in $A $B; do
	ip netns add $ns && ip -n $ns link set lo up ||
	    skip_all "network namespaces cannot be made"
done

# in_ns NS PROGRAM NAME: a file that starts it there
in_ns() {
	printf '#!/bin/sh\nexec ip netns exec %s %s "$@"\n' "$1" "$2" >"$T/$3"
	chmod 755 "$T/$3"
}
in_ns $A "$ROCKETD" rocketd-a
in_ns $B "$ROCKETD" rocketd-b
