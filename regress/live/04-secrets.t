#!/bin/sh
# Where tokens and keys are, and where not: every process's memory is read and
# searched.  Also: what the parent links, and what is seen in /proc.

. regress/live/lib.sh

like "$(ldd "$ROCKETD" | grep -cE 'libssl|libcrypto|liblz4')" '^0$' \
    "the parent links neither OpenSSL nor lz4"
is_root || { skip "memory" "needs root to read it"; done_testing; }
sanitized && { skip "memory" "a sanitizer keeps what was freed"; done_testing; }

TX="the-token-of-x-4711-0815"
TY="the-token-of-y-2342-1337"
set -- $(ports 3)
tport=$1 uport=$2 vport=$3
target target
cat >"$T/server.conf" <<-END
	server {
		listen on 127.0.0.1 port $tport transport tcpmux
		service "x" {
			listen on 127.0.0.1 port $uport
			token "$TX"
		}
		service "y" {
			listen on 127.0.0.1 port $vport
			token "$TY"
		}
	}
END
cat >"$T/client.conf" <<-END
	client {
		connect to localhost port $tport transport tcpmux
		service "x" {
			forward to 127.0.0.1 port $port
			token "$TX"
		}
		service "y" {
			forward to 127.0.0.1 port $port
			token "$TY"
		}
	}
END
daemon server
daemon client
"$TRAFFIC" wait "$uport" 10000 >/dev/null && "$TRAFFIC" wait "$vport" 10000 \
    >/dev/null
ok $? "both services are up"

# has PID STRING|hex:...: how often it stands in the process's memory
has() { perl regress/live/memory.pl "$1" "$2"; }
# scrypt(token, "rocket1 " + name), as rocket-protocol(7) has it
key() {
	openssl kdf -keylen 32 -kdfopt "pass:$2" -kdfopt "salt:rocket1 $1" \
	    -kdfopt n:32768 -kdfopt r:8 -kdfopt p:1 -kdfopt maxmem_bytes:67108864 \
	    SCRYPT 2>/dev/null | tr -d ':\n' | tr A-F a-f
}
KX=hex:$(key x "$TX") KY=hex:$(key y "$TY")

for side in server client; do
	roles="control keys"
	[ $side = server ] && roles="$roles gate" ||
	    roles="$roles resolve dial"
	for role in $roles; do
		p=$(child $side $role)
		# The test is able to find one: keys has them.
		want="0 0 0 0"
		got="$(has $p "$TX") $(has $p "$TY") $(has $p $KX) $(has $p $KY)"
		if [ $role = keys ]; then
			like "$got" '[1-9][0-9]* [1-9][0-9]*$' \
			    "$side keys: has the keys"
			like "$got" '^0 0 ' \
			    "$side keys: keeps no token once its key is made"
		else
			is "$got" "$want" "$side $role: no token, no key"
		fi
	done
	px=$(child $side service x) py=$(child $side service y)
	is "$(has $px "$TX") $(has $px "$TY") $(has $px $KY)" "0 0 0" \
	    "$side worker of x: no token, and not y's key"
	is "$(has $py "$TX") $(has $py "$TY") $(has $py $KX)" "0 0 0" \
	    "$side worker of y: no token, and not x's key"
	like "$(has $px $KX) $(has $py $KY)" '^[1-9][0-9]* [1-9][0-9]*$' \
	    "$side workers: each has its own key"
	for p in $(ctl $side -j show processes | grep -o '"pid": *[0-9]*' |
	    grep -o '[0-9]*$'); do
		grep -qaF -e "$TX" -e "$TY" "/proc/$p/cmdline" \
		    "/proc/$p/environ" && break
	done && false
	[ $? -ne 0 ]
	ok $? "$side: no token in a command line or environment"
	is "$(ctl $side show config | grep -cF -e "$TX" -e "$TY")" 0 \
	    "$side: none in show config"
	is "$(grep -cF -e "$TX" -e "$TY" "$T/$side.log")" 0 \
	    "$side: none in the log"
done
done_testing
