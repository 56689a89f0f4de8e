#!/bin/sh
# Outer TLS: certificates of each kind, by name, replaced under users; what is
# verified and how a refusal is told; versions and ciphers; where the private
# keys are; a tls process that dies.

. regress/live/lib.sh
. regress/live/certs.sh
command -v openssl >/dev/null || skip_all "no openssl"

TOKEN="a token of more than sixteen"
umask 077

# ---- certificates ----
authority ca
authority stranger
key middle ecdsa
cert middle ca 30 "basicConstraints=critical,CA:TRUE"
for kind in rsa ecdsa ed25519; do
	key $kind $kind
	cert $kind middle 30 "subjectAltName=DNS:$kind.test"
	cat "$T/middle.crt" >>"$T/$kind.crt"
done
key old rsa
cert old ca -1 "subjectAltName=DNS:old.test"
key alien ecdsa
cert alien stranger 30 "subjectAltName=DNS:alien.test"
key user ed25519
cert user ca 30 "extendedKeyUsage=clientAuth"

# ---- a server with all of them, and a service beside without ----
set -- $(ports 8)
tport=$1 uport=$2 mport=$3 vport=$4 yport=$5 zport=$6 aport=$7 sport=$8
target target
certs() {
	for n in rsa ecdsa ed25519 old alien; do
		echo "tls certificate \"$T/$n.crt\" key \"$T/$n.key\""
	done
}
service() {	# service NAME PORT
	cat <<-END
		service "$1" {
			listen on 127.0.0.1 port $2
			user timeout 30
			token "$TOKEN $1"
		}
	END
}
cat >"$T/server.conf" <<-END
	log debug
	handshake timeout 2
	server {
		listen on 127.0.0.1 port $tport transport tlsmux
		$(certs)
		$(service x "$uport")
	}
	server {
		listen on 127.0.0.1 port $mport transport tlsmux
		tls certificate "$T/rsa.crt" key "$T/rsa.key"
		tls client ca "$T/ca.crt"
		$(service m "$vport")
	}
	server {
		listen on 127.0.0.1 port $aport transport tls
		tls certificate "$T/ecdsa.crt" key "$T/ecdsa.key"
		$(service t "$sport")
	}
	server {
		listen on 127.0.0.1 port $yport transport tcpmux
		$(service y "$zport")
	}
END
client() {	# client SERVICE PORT LINES...: writes a client's block
	_s=$1; _p=$2; shift 2
	cat <<-END
		client {
			connect to 127.0.0.1 port $_p $TRANSPORT
			$(printf '%s\n' "$@")
			service "$_s" {
				forward to 127.0.0.1 port $port
				token "$TOKEN $_s"
				pool 2
				retry interval 1
			}
		}
	END
}
TRANSPORT="transport tlsmux"
configure() {	# configure LINES...: of x's client
	{
		echo "log debug"
		client x "$tport" "$@"
		TRANSPORT="transport tcpmux" client y "$yport"
		TRANSPORT="transport tls" client t "$aport" \
		    "tls ca \"$T/ca.crt\"" "tls name ecdsa.test"
	} >"$T/client.conf"
	chmod 600 "$T/client.conf"
}
reconfigure() {
	configure "$@"
	lines=$(wc -l <"$T/client.log")
	ctl client reload
}
# since REGEXP: waits for a line that the client logs after reconfigure
since() {
	_re=$1
	until_true 'tail -n +$((lines + 1)) "$T/client.log" |
	    grep -Eq -- "$_re"' && return 0
	tail -n +$((lines + 1)) "$T/client.log" | sed 's/^/# got: /' >&2
	return 1
}
opened='remote 127.0.0.1:[0-9]+: tunnel open|tunnel [0-9]+: open'

configure "tls ca \"$T/ca.crt\"" "tls name rsa.test"
daemon server; server_pid=$pid
daemon client; client_pid=$pid
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "a user is served through TLS"
out=$("$TRAFFIC" users "$uport" 20 300000)
ok $? "twenty at once, both ways, every octet right"
is "$(unknown server)" "" "the manual has all counters of tls"
out=$(ctl server show processes)
like "$out" 'tls \(server\)' "the server's tls process is shown"
like "$out" 'tls\.1 \(server\)' "and the second block's"
like "$(cat "$T/server.log")" 'client .* is here, from 127.0.0.1:[0-9]+' \
    "the worker knows the client's own address"

# ---- without a mux: each user has a TLS of its own ----
"$TRAFFIC" wait "$sport" 10000 >/dev/null
ok $? "transport tls: a user is served"
out=$("$TRAFFIC" users "$sport" 20 300000)
ok $? "transport tls: twenty at once"
for p in "$uport" "$sport"; do
	like "$("$TRAFFIC" late "$p" 200000)" '^late 200000 ' \
	    "a half that is closed leaves the other open"
	like "$("$TRAFFIC" ask "$p" 'reset 1000')" 'reset' \
	    "the target's reset is a reset"
done

# ---- strangers, before there are too many lines about this source ----
try() {		# try PORT OPTIONS...: "version cipher", or nothing
	_p=$1; shift
	openssl s_client -connect "127.0.0.1:$_p" "$@" </dev/null 2>/dev/null |
	    sed -n 's/^New, \(TLS[^,]*\), Cipher is \([^(].*\)/\1 \2/p'
}
is "$(try "$tport" -tls1_1 -cipher 'ALL:@SECLEVEL=0')" "" "no TLS 1.1"
logged server 'no handshake: only versions before TLS 1.2'
ok $? "and the log says why"
"$TRAFFIC" ask "$tport" "GET / HTTP/1.0" >/dev/null 2>&1
logged server 'tls from .*no handshake: HTTP without TLS'
ok $? "HTTP is told apart"

# ---- kinds of keys, chosen by name ----
for kind in ecdsa ed25519 rsa; do
	reconfigure "tls ca \"$T/ca.crt\"" "tls name $kind.test"
	since "$opened"
	ok $? "$kind: a tunnel, verified by a chain of three"
	out=$("$TRAFFIC" users "$uport" 4 100000)
	ok $? "$kind: and users in it"
done

# ---- what is not verified ----
refused() {	# refused NAME REGEXP LINES...
	_n=$1 _re=$2; shift 2
	reconfigure "$@"
	since "no handshake with 127.0.0.1:$tport: $_re"
	ok $? "$_n: refused, and the log says so"
}
CA="tls ca \"$T/ca.crt\""
refused "expired" "the server's certificate has expired" "$CA" \
    "tls name old.test"
refused "other name" \
    "the server's certificate is for other names: rsa.test" "$CA" \
    "tls name nobody.test"
refused "unknown authority" \
    "the server's certificate is of an unknown authority" "$CA" \
    "tls name alien.test"
refused "the system's authorities" ".* unknown authority" "tls name rsa.test"
refused "wrong pin" "the server's key does not match the pin" \
    "tls pin \"sha256:$(pin alien)\"" "tls name rsa.test"
refused "right authority, wrong pin" ".* does not match the pin" "$CA" \
    "tls pin \"sha256:$(pin alien)\"" "tls name rsa.test"
refused "right pin, wrong authority" ".* unknown authority" "$CA" \
    "tls pin \"sha256:$(pin alien)\"" "tls name alien.test"
reconfigure "tls pin \"sha256:$(pin alien)\"" "tls name alien.test"
since "$opened"
ok $? "a pin alone names a server that no authority knows"
reconfigure "tls verify no-i-accept-any-server"
since "$opened"
ok $? "without verification any will do"
like "$("$ROCKETD" -n -W "$WORKER" -f "$T/client.conf" 2>&1)" \
    'warning: any server.s certificate is accepted' "and a warning says so"
reconfigure "$CA" "tls name rsa.test"
since "$opened"
ok $? "back to one that is verified"
logged server "certificate $T/alien.crt: for alien.test, pin sha256:$(pin alien)"
ok $? "the server tells what to pin"

# ---- certificates of clients ----
mconf() {
	{
		echo "log debug"
		client m "$mport" "$CA" "tls name rsa.test" "$@"
	} >"$T/other.conf"
}
mconf
daemon other; other_pid=$pid
logged server 'tls from .*no handshake: no certificate of the client'
ok $? "a client without certificate: refused by the server, and told"
logged other 'the server demands a client certificate'
ok $? "and the client knows why"
mconf "tls client certificate \"$T/alien.crt\" key \"$T/alien.key\""
ctl other reload
logged server "no handshake: the client's certificate is of an unknown"
ok $? "one of a strange authority: refused"
mconf "tls client certificate \"$T/user.crt\" key \"$T/user.key\""
ctl other reload
"$TRAFFIC" wait "$vport" 10000 >/dev/null
ok $? "with the right one it is served"

# ---- versions and ciphers ----
is "$(try "$tport" -tls1 -cipher 'ALL:@SECLEVEL=0')" "" "no TLS 1.0"
like "$(try "$tport" -tls1_3)" '^TLSv1.3 TLS_' "TLS 1.3"
bad= good=0
for c in $(openssl ciphers -s -tls1_2 'ALL:@SECLEVEL=0' | tr : ' '); do
	[ -n "$(try "$tport" -tls1_2 -cipher "$c:@SECLEVEL=0")" ] || continue
	case $c in
	ECDHE-*-GCM-*|ECDHE-*-CHACHA20-*) good=$((good + 1)) ;;
	*) bad="$bad $c" ;;
	esac
done
is "$bad" "" "TLS 1.2 with forward secrecy and AEAD only"
like "$good" '^[3-9]' "and with those it works, $good of them"
for kind in rsa ecdsa ed25519; do
	like "$(openssl s_client -connect "127.0.0.1:$tport" -servername \
	    "$kind.test" -tls1_2 </dev/null 2>/dev/null)" \
	    "subject=CN ?= ?$kind" "TLS 1.2 with $kind's certificate"
done
like "$(openssl s_client -connect "127.0.0.1:$tport" </dev/null 2>&1)" \
    'subject=CN ?= ?rsa' "the first is for who asks for no name"


# ---- replaced under users ----
"$TRAFFIC" wait "$uport" 10000 >/dev/null
held idle "$TRAFFIC" idle "$uport" 20
exec 5>"$T/idle.fifo"
logged idle ready 10000
was=$(openssl x509 -in "$T/rsa.crt" -noout -serial)
key next ecdsa
cert next ca 30 "subjectAltName=DNS:rsa.test"
mv "$T/next.key" "$T/rsa.key"
mv "$T/next.crt" "$T/rsa.crt"
ctl server reload
ok $? "a reload takes another certificate and key"
seen() {
	openssl s_client -connect "127.0.0.1:$tport" -servername rsa.test \
	    </dev/null 2>/dev/null | openssl x509 -noout -serial 2>/dev/null
}
now=$(openssl x509 -in "$T/rsa.crt" -noout -serial)
until_true '[ "$(seen)" = "$now" ]'
ok $? "who comes now sees the new one"
[ "$was" != "$now" ]
ok $? "which is another"
exec 5>&-
logged idle '^alive 20$' 10000
ok $? "and twenty users stay"

chmod 644 "$T/rsa.key"
out=$(ctl server reload 2>&1)
like "$out" 'others may read it' "a key that others may read is refused"
chmod 600 "$T/rsa.key"

# ---- where the keys are ----
if is_root && ! sanitized; then
	# A number lies in memory with its least octet first.
	number() {
		openssl pkey -in "$T/$1.key" -noout -text |
		    sed -n "/^$2:/,/^[^ ]/p" | grep '^ ' | tr -d ' :\n' |
		    sed 's/^00//'
	}
	backwards() { echo "$1" | sed 's/../& /g' | tr ' ' '\n' | tac |
	    tr -d '\n'; }
	has() { perl regress/live/memory.pl "$1" "$2"; }
	prime=hex:$(backwards "$(number old prime1)")
	point=hex:$(backwards "$(number ecdsa priv)")
	seed=hex:$(number ed25519 priv)
	pem=$(sed -n 2p "$T/old.key")
	ctl server reload		# once more: what it leaves behind
	"$TRAFFIC" wait "$uport" 10000 >/dev/null
	for role in parent control gate "tls" "service x" keys; do
		if [ "$role" = parent ]; then
			p=$server_pid
		else
			p=$(child server $role | head -n 1)
		fi
		got="$(has "$p" "$prime") $(has "$p" "$point")"
		got="$got $(has "$p" "$seed")"
		if [ "$role" = keys ]; then
			like "$got" '^[1-9][0-9]* [1-9][0-9]* [1-9]' \
			    "keys: has the private keys"
			like "$(grep VmLck "/proc/$p/status")" '[1-9]' \
			    "keys: locked in memory"
		else
			is "$got $(has "$p" "$pem")" "0 0 0 0" \
			    "$role: has none, neither parsed nor in PEM"
		fi
	done
else
	skip "where private keys are" "needs root, and no sanitizer"
fi

# ---- a tls process that dies ----
held beside "$TRAFFIC" idle "$zport" 5
exec 6>"$T/beside.fifo"
logged beside ready 10000
kill -9 "$(child server tls | head -n 1)"
logged server 'tls \(server\): died: signal 9'
ok $? "it was killed"
"$TRAFFIC" wait "$uport" 15000 >/dev/null
ok $? "it is back, and so are the tunnels"
exec 6>&-
logged beside '^alive 5$' 10000
ok $? "users of another listener have not noticed"

# ---- one that signs itself ----
set -- $(ports 2)
fport=$1 gport=$2
cat >"$T/fresh.conf" <<-END
	log debug
	server {
		listen on 127.0.0.1 port $fport transport tlsmux
		tls self-signed "$T/own.crt" key "$T/own.key"
		$(service f "$gport")
	}
END
daemon fresh; fresh_pid=$pid
is "$(stat -c %a "$T/own.key")" 600 "a key and certificate of its own are made"
logged fresh "certificate $T/own.crt: for $(hostname), pin sha256:$(pin own)"
ok $? "and what to pin is told"
was=$(cksum "$T/own.crt" "$T/own.key")
ctl fresh reload
is "$(cksum "$T/own.crt" "$T/own.key")" "$was" "once, and not again"
was=$(pin own)
openssl req -x509 -key "$T/own.key" -out "$T/own.new" -days 20 \
    -subj "/CN=mine.test" 2>/dev/null && cat "$T/own.new" >"$T/own.crt"
chmod 640 "$T/own.crt"
ctl fresh reload
logged fresh "certificate $T/own.crt: renewed until 20[0-9-]*, with the same"
ok $? "one that ends within a month is renewed by a reload"
is "$(pin own) $(stat -c %a "$T/own.crt")" "$was 640" "its pin and mode stay"
like "$(openssl x509 -in "$T/own.crt" -noout -subject)" 'mine.test' \
    "its names, too"
like "$(openssl s_client -connect "127.0.0.1:$fport" </dev/null 2>/dev/null |
    openssl x509 -noout -checkend 300000000)" 'will not expire' \
    "and who comes sees one that lasts"
{
	echo "log debug"
	client f "$fport" "tls pin \"sha256:$(pin own)\""
} >"$T/pinned.conf"
daemon pinned; pinned_pid=$pid
"$TRAFFIC" wait "$gport" 10000 >/dev/null
ok $? "a client that has pinned it is served"
stop "$pinned_pid"
stop "$fresh_pid"

# ---- with WebSocket in it ----
for t in wss wssmux; do
	set -- $(ports 2)
	fport=$1 gport=$2
	cat >"$T/fresh.conf" <<-END
		log debug
		server {
			listen on 127.0.0.1 port $fport transport $t
			tls self-signed "$T/own.crt" key "$T/own.key"
			$(service f "$gport")
		}
	END
	daemon fresh; fresh_pid=$pid
	{
		echo "log debug"
		TRANSPORT="transport $t" client f "$fport" \
		    "tls pin \"sha256:$(pin own)\""
	} >"$T/pinned.conf"
	daemon pinned; pinned_pid=$pid
	"$TRAFFIC" wait "$gport" 10000 >/dev/null
	out=$("$TRAFFIC" users "$gport" 20 300000)
	ok $? "$t: twenty users at once"
	# s_client waits for the answer, and ends with the server.
	out=$(printf 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' |
	    openssl s_client -quiet -alpn h2,http/1.1 \
	    -connect "127.0.0.1:$fport" 2>/dev/null)
	like "$out" '^HTTP/1.1 404 ' "$t: a visitor finds a web server"
	like "$(openssl s_client -alpn h2,http/1.1 -connect \
	    "127.0.0.1:$fport" </dev/null 2>/dev/null)" \
	    'ALPN protocol: http/1.1' "$t: which says what it speaks"
	stop "$pinned_pid"
	stop "$fresh_pid"
done

stop "$client_pid"; is "$status" 0 "the client ends in order"
stop "$other_pid"; is "$status" 0 "the other one too"
stop "$server_pid"; is "$status" 0 "and the server"
done_testing
