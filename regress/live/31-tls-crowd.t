#!/bin/sh
# Strangers in numbers at listeners with outer TLS: who never reads what he
# asked for, who asks for costly groups, who has keys sign all the time; and
# honest work beside each.

. regress/live/lib.sh
. regress/live/certs.sh
command -v openssl >/dev/null || skip_all "no openssl"

CROWD=$TOP/regress/live/crowd
TOKEN="a token of more than sixteen"
umask 077

# ---- a server with few descriptors, a large file, and a costly key ----
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 \
    -out "$T/big.key" 2>/dev/null
openssl req -x509 -new -key "$T/big.key" -out "$T/big.crt" -days 30 \
    -subj "/CN=big" 2>/dev/null
authority small
mkdir "$T/site"
head -c 8000000 /dev/zero >"$T/site/large"
chmod 755 "$T" "$T/site"
chmod 644 "$T/site/large"
set -- $(ports 4)
tport=$1 uport=$2 rport=$3 vport=$4
target target
cat >"$T/server.conf" <<-END
	log debug
	handshake timeout 2
	server {
		listen on 127.0.0.1 port $tport transport wssmux
		tls certificate "$T/small.crt" key "$T/small.key"
		decoy directory "$T/site"
		service "x" {
			listen on 127.0.0.1 port $uport
			user timeout 20
			token "$TOKEN x"
		}
	}
	server {
		listen on 127.0.0.1 port $rport transport tlsmux
		tls certificate "$T/big.crt" key "$T/big.key"
		service "y" {
			listen on 127.0.0.1 port $vport
			user timeout 20
			token "$TOKEN y"
		}
	}
END
for s in "x $tport wssmux" "y $rport tlsmux"; do
	set -- $s
	cat <<-END
		client {
			connect to 127.0.0.1 port $2 transport $3
			tls verify no-i-accept-any-server
			service "$1" {
				forward to 127.0.0.1 port $port
				token "$TOKEN $1"
				pool 2
				retry interval 1
			}
		}
	END
done >"$T/client.conf"
like "$("$ROCKETD" -n -W "$WORKER" -f "$T/server.conf" 2>&1)" \
    'big.key: .*4096 bits' "a key that costs much is warned about"
# The limit of a daemon that was started by hand.
(ulimit -n 1024; exec "$ROCKETD" -d -f "$T/server.conf" -s "$T/server.sock" \
    -W "$WORKER") >"$T/server.log" 2>&1 &
server_pid=$!
PIDS="$PIDS $server_pid"
"$TRAFFIC" grep 20000 "$T/server.log" ' is up' >/dev/null
daemon client
"$TRAFFIC" wait "$uport" 10000 >/dev/null &&
    "$TRAFFIC" wait "$vport" 10000 >/dev/null
ok $? "users are served"

figure() {	# figure NAME: of all tls processes, the sum
	ctl server -j show summary | tr ',{' '\n\n' |
	    sed -n "s/^\"$1\":\([0-9]*\).*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}

# ---- who never reads: more than there are descriptors, from sixteen ----
held crowd "$CROWD" hold "$tport" 1000 16 /large
exec 5>"$T/crowd.fifo"
logged crowd '^held' 30000
out=$("$TRAFFIC" users "$uport" 10 100000)
ok $? "users of tunnels that are there are served beside it"
# The client's tls dies, and all its tunnels have to be opened anew.
for p in $(ctl client show processes | awk '$2 == "tls" { print $1 }'); do
	kill -9 "$p"
done
"$TRAFFIC" gone 5000 "$p"
"$TRAFFIC" wait "$uport" 10000 >/dev/null &&
    out=$("$TRAFFIC" users "$uport" 10 100000)
ok $? "and of tunnels that come while it is there"
# Each of them ends, whether its peer reads or not.
until_true 'echo >&5; [ "$(tail -n 1 "$T/crowd.log")" = "alive 0" ]'
ok $? "none of them is there after a while"
until_true '[ "$(figure strangers)" -eq 0 ]'
ok $? "nor in the server"
stalled=$(figure stalled) limited=$(figure limited)
[ "$stalled" -gt 0 ] && [ "$limited" -gt 0 ]
ok $? "the counters tell: $stalled did not read, $limited lost their place"
exec 5>&-
[ "$(ctl server -j show summary | grep -o '"limited_tunnels":[1-9]')" = "" ]
ok $? "and no tunnel lost its place"

# ---- groups that cost much ----
out=$("$CROWD" hello "$tport" 200)
like "$out" '^answered 200 ' "two hundred hellos of ffdhe8192 are answered"
ms=${out##* }
[ "$ms" -lt 10000 ]
ok $? "which took $ms ms: none was computed"

# ---- signatures: sixty handshakes at a time from one source ----
background shaker "$CROWD" shake "$rport" 60 1 4000
waiting=0
while kill -0 "$pid" 2>/dev/null; do
	n=$(ctl server -j show summary | grep -o '"signs_waiting":[0-9]*')
	n=${n##*:}
	[ "${n:-0}" -le "$waiting" ] || waiting=$n
	"$CROWD" once "$rport" >>"$T/once.log" || echo "failed 99999" \
	    >>"$T/once.log"
	"$TRAFFIC" ask "$uport" 'hello' >/dev/null 2>&1
done
[ "$waiting" -le 4 ]
ok $? "keys is asked for four signatures at a time ($waiting)"
worst=$(awk '$2 > n { n = $2 } END { print n }' "$T/once.log")
count=$(wc -l <"$T/once.log")
[ "$worst" -lt 3000 ] && ! grep -q failed "$T/once.log"
ok $? "$count others shook hands beside, in $worst ms at most"
like "$(cat "$T/shaker.log")" '^shaken [1-9]' "and so did the crowd"
is "$(unknown server)" "" "the manual has all counters of tls"

done_testing
