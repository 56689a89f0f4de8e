#!/bin/sh
# Where tokens and keys are, and where not: what is seen in /proc, shown,
# logged and dumped; and every process's memory is read and searched.  Also:
# what the programs link.

. regress/live/lib.sh

like "$(ldd "$ROCKETD" | grep -cE 'libssl|libcrypto|liblz4|gnutls|ngtcp2')" \
    '^0$' "the parent links neither OpenSSL nor lz4, nor what QUIC needs"
like "$(ldd "$WORKER" | grep -cE 'gnutls|ngtcp2')" '^0$' \
    "the worker links nothing of QUIC"
QUIC=$(dirname "$WORKER")/rocketd-quic
if [ -x "$QUIC" ]; then
	like "$(ldd "$QUIC" | grep -cE 'libssl|libcrypto|liblz4')" '^0$' \
	    "the program for QUIC links neither OpenSSL nor lz4"
else
	skip "the program for QUIC links neither OpenSSL nor lz4" "no QUIC"
fi

TX="the-token-of-x-4711-0815"
TY=$("$CTL" token)
TZ0="the-token-of-z-9182-7364"
set -- $(ports 4)
tport=$1 uport=$2 vport=$3 zport=$4
target target
(umask 077; echo "$TY" >"$T/y.token")
cat >"$T/server.conf" <<-END
	log trace
	server {
		listen on 127.0.0.1 port $tport transport tcpmux
		service "x" {
			listen on 127.0.0.1 port $uport
			token "$TX"
		}
		service "y" {
			listen on 127.0.0.1 port $vport
			token file "$T/y.token"
		}
		service "z" {
			listen on 127.0.0.1 port $zport
			token { env TOKEN_OF_Z "another-token-of-z-1" }
		}
	}
END
cat >"$T/client.conf" <<-END
	log trace
	client {
		connect to localhost port $tport transport tcpmux
		service "x" {
			forward to 127.0.0.1 port $port
			token "$TX"
		}
		service "y" {
			forward to 127.0.0.1 port $port
			token file "$T/y.token"
		}
		service "z" {
			forward to 127.0.0.1 port $port
			token env TOKEN_OF_Z
		}
	}
END
export TOKEN_OF_Z="$TZ0"
daemon server
daemon client
background bystander "$TRAFFIC" gone 120000 $$
bystander=$pid
unset TOKEN_OF_Z
up() {
	"$TRAFFIC" wait "$uport" 10000 >/dev/null &&
	    "$TRAFFIC" wait "$vport" 10000 >/dev/null &&
	    "$TRAFFIC" wait "$zport" 10000 >/dev/null
}
up
ok $? "tokens by value, by file and by environment serve"

# ---- without reading memory ----
found() { grep -caF -e "$TX" -e "$TY" -e "$TZ0"; }
children() { ctl "$1" -j show processes | grep -o '"pid": *[0-9]*' |
    grep -o '[0-9]*$'; }
proc() { for p; do cat "/proc/$p/cmdline" "/proc/$p/environ"; done; }
is "$(proc "$bystander" | found)" 1 "one in an environment would be found"

for side in server client; do
	eval "parent=\$${side}_pid"
	if is_root; then
		all="$parent $(children $side)"
	else
		all=$parent	# the others' are not ours to see
	fi
	proc $all >"$T/seen" 2>/dev/null || is_root || : >"$T/seen"
	is "$(found <"$T/seen")" 0 \
	    "$side: none in a command line or environment"
	is "$(ctl $side show config | found)" 0 "$side: none in show config"
	is "$("$ROCKETD" -nv -f "$T/$side.conf" 2>&1 | found)" 0 \
	    "$side: none in -nv"
	ctl $side reload && up
	ok $? "$side: a reload remembers the one of the environment"

	for p in $parent $(children $side); do
		grep -Eq '^Max core file size +0 +0 ' "/proc/$p/limits" || break
		# To root's own it makes no difference whose they are.
		{ is_root && [ "$p" = "$parent" ]; } || sanitized ||
		    [ "$(stat -c %u "/proc/$p/auxv")" = 0 ] || break
	done && true
	ok $? "$side: no process leaves a core file"

	cp "$T/$side.conf" "$T/good"
	sed 's/token "/token nonsense "/' "$T/good" >"$T/$side.conf"
	out=$(ctl $side reload 2>&1)
	is $? 1 "$side: a faulty token is refused"
	is "$(echo "$out" | found)" 0 "$side: and not shown"
	cp "$T/good" "$T/$side.conf"
	is "$(found <"$T/$side.log")" 0 "$side: none in the log at its most"
done

# Who else may read a token makes it none.
for f in server.conf y.token; do
	chmod 644 "$T/$f"
	out=$(ctl server reload 2>&1)
	is $? 1 "$f: refused when others can read it"
	like "$out" 'others may read' "$f: and told why"
	chmod 600 "$T/$f"
done
ctl server reload
ok $? "and taken when they cannot"

# ---- memory ----
is_root || { skip "memory" "needs root to read it"; done_testing; }
sanitized && { skip "memory" "a sanitizer keeps what was freed"; done_testing; }

# has PID STRING|hex:...: how often it stands in the process's memory
has() { perl regress/live/memory.pl "$1" "$2"; }
# scrypt(token, "rocket1 " + name), as rocket-protocol(7) has it
key() {
	openssl kdf -keylen 32 -kdfopt "pass:$2" -kdfopt "salt:rocket1 $1" \
	    -kdfopt n:32768 -kdfopt r:8 -kdfopt p:1 -kdfopt maxmem_bytes:67108864 \
	    SCRYPT 2>/dev/null | tr -d ':\n' | tr A-F a-f
}
# the 32 octets that a strong token was made with, and its key
secret() {
	perl -MMIME::Base64 -e '$_ = $ARGV[0]; s/^rk1-//; tr|-_|+/|;
	    print unpack("H64", decode_base64($_))' -- "$1"
}
strong_key() {
	openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt "hexkey:$2" \
	    -kdfopt "salt:rocket1 $1" -kdfopt "info:rocket key" HKDF \
	    2>/dev/null | tr -d ':\n' | tr A-F a-f
}
SY=$(secret "$TY")
KX=hex:$(key x "$TX") KY=hex:$(strong_key y "$SY") SY=hex:$SY

for side in server client; do
	roles="control keys"
	[ $side = server ] && roles="$roles gate" ||
	    roles="$roles resolve dial"
	for role in $roles; do
		p=$(child $side $role)
		# The test is able to find one: keys has them.
		want="0 0 0 0 0 0"
		got="$(has $p "$TX") $(has $p "$TY") $(has $p "$TZ0")"
		got="$got $(has $p $SY) $(has $p $KX) $(has $p $KY)"
		if [ $role = keys ]; then
			like "$got" '[1-9][0-9]* [1-9][0-9]*$' \
			    "$side keys: has the keys"
			like "$got" '^0 0 0 0 ' \
			    "$side keys: keeps no token once its key is made"
		else
			is "$got" "$want" "$side $role: no token, no key"
		fi
	done
	px=$(child $side service x) py=$(child $side service y)
	is "$(has $px "$TX") $(has $px "$TY") $(has $px $KY)" "0 0 0" \
	    "$side worker of x: no token, and not y's key"
	is "$(has $py "$TX") $(has $py "$TY") $(has $py $SY) $(has $py $KX)" \
	    "0 0 0 0" "$side worker of y: no token, and not x's key"
	like "$(has $px $KX) $(has $py $KY)" '^[1-9][0-9]* [1-9][0-9]*$' \
	    "$side workers: each has its own key"
done
done_testing
