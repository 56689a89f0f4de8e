#!/bin/sh
# Files that a configuration names, broken in each way that there is: what a
# reload, a start and rocketd -n say of each, that a reload with one changes
# nothing and disturbs nobody, and what is only warned about.

. regress/live/lib.sh
. regress/live/certs.sh
command -v openssl >/dev/null || skip_all "no openssl"

umask 077
authority ca
authority stranger
for n in one two; do
	key $n ecdsa
	cert $n ca 30 "subjectAltName=DNS:$n.test"
done
key old ecdsa
cert old ca -1 "subjectAltName=DNS:old.test"
key me ecdsa
cert me ca 30 "extendedKeyUsage=clientAuth"

# ---- a pair, and a user who stays ----
set -- $(ports 4)
tport=$1 uport=$2 vport=$3 wport=$4
target target
server() {	# server LINES...: the configuration, with more in it
	{
		cat <<-END
			log debug
			server {
			listen on 127.0.0.1 port $tport transport tlsmux
			tls certificate "$T/crt" key "$T/key"
			tls client ca "$T/clients"
			token file "$T/token"
			service "x" {
			listen on 127.0.0.1 port $uport
			}
		END
		[ $# -eq 0 ] || printf '%s\n' "$@"
		echo "}"
	} >"$T/server.conf"
}
good() {	# all files as they are right
	rm -f "$T/crt" "$T/key" "$T/clients" "$T/token" "$T/ca"
	cp "$T/one.crt" "$T/crt"
	cp "$T/one.key" "$T/key"
	cp "$T/ca.crt" "$T/clients"
	cp "$T/ca.crt" "$T/ca"
	echo "a token of more than sixteen" >"$T/token"
	server
	chmod 600 "$T/server.conf"
}
cat >"$T/client.conf" <<-END
	log debug
	client {
	connect to 127.0.0.1 port $tport transport tlsmux
	tls ca "$T/ca"
	tls name one.test
	tls client certificate "$T/me.crt" key "$T/me.key"
	service "x" {
	forward to 127.0.0.1 port $port
	token "a token of more than sixteen"
	pool 1
	retry interval 1
	}
	}
END
good
daemon server; server_pid=$pid
daemon client; client_pid=$pid
"$TRAFFIC" wait "$uport" 10000 >/dev/null
ok $? "a user is served"
held idle "$TRAFFIC" idle "$uport" 5
exec 5>"$T/idle.fifo"
logged idle ready 10000

processes() { cat /proc/"$server_pid"/task/*/children; }
seen() {
	openssl s_client -connect "127.0.0.1:$tport" -servername one.test \
	    -cert "$T/me.crt" -key "$T/me.key" </dev/null 2>/dev/null |
	    openssl x509 -noout -serial 2>/dev/null
}
was=$(seen) pids=$(processes)
like "$was" '^serial=' "the certificate is seen"

# ---- each file, in each way ----
# What was changed beside it must not come either: a service, and a certificate.
more() {
	server "$@" 'service "y" {' "listen on 127.0.0.1 port $vport" "}"
}
# refused NAME LINE:COLUMN WORDS: by a reload, and nothing is changed
refused() {
	_text="server.conf:$2: $3"
	like "$(ctl server reload 2>&1)" "^rocketctl: .*/$_text" "$1: a reload"
	like "$(ctl server show summary)" "$_text" "$1: and the summary"
	is "$(seen) $(processes)" "$was $pids" "$1: nothing has changed"
	good
}
# everywhere ...: the same, after rocketd -n and a start have said so
everywhere() {
	_text="server.conf:$2: $3"
	out=$("$ROCKETD" -n -W "$WORKER" -f "$T/server.conf" 2>&1)
	is "$?" 1 "$1: -n fails"
	like "$out" "$_text" "$1: and says so"
	sed "s/port $tport/port $wport/" "$T/server.conf" >"$T/start.conf"
	out=$("$ROCKETD" -d -W "$WORKER" -f "$T/start.conf" -s "$T/start" 2>&1)
	is "$?" 1 "$1: a start fails"
	like "$out" "start.conf:$2: $3" "$1: and says so"
	refused "$@"
}
path=".*/"
more
echo nonsense >"$T/crt"
everywhere "nonsense" 4:17 "${path}crt: no certificate in PEM"
more
: >"$T/crt"
refused "an empty certificate" 4:17 "${path}crt: no certificate in PEM"
more
sed 5d "$T/two.crt" >>"$T/crt"
refused "a damaged chain" 4:17 "${path}crt: a certificate in it is damaged"
more
cat "$T/one.key" >>"$T/crt"
refused "a key beside it" 4:17 "${path}crt: it contains a private key"
more
rm "$T/crt"
refused "none" 4:17 "${path}crt: No such file or directory"
column=$((17 + $(printf '"%s" key ' "$T/crt" | wc -c)))
more
cp "$T/two.key" "$T/key"
everywhere "another one's key" "4:$column" \
    "${path}key: it is not the key of the certificate"
more
openssl pkey -aes128 -passout pass:x -in "$T/one.key" -out "$T/key"
refused "a passphrase" "4:$column" "${path}key: the private key has a pass"
more
cp "$T/one.crt" "$T/key"
refused "a certificate for a key" "4:$column" \
    "${path}key: no private key in PEM"
more
chmod 604 "$T/key"
refused "a key that others may read" "4:$column" \
    "${path}key: others may read it"
more
cp "$T/one.key" "$T/clients"
refused "a key for authorities" 5:15 "${path}clients: it contains a private key"
more
cp "$T/one.crt" "$T/clients"
everywhere "no authority" 5:15 \
    "${path}clients: no certificate in it is of an authority"
more
rm "$T/token"
everywhere "no token" 6:12 "token file ${path}token: No such file or directory"
more "decoy directory \"$T/none\""
everywhere "no decoy" 10:17 "decoy directory \"${path}none\": No such file"
more "tls self-signed \"$T/none/crt\" key \"$T/key\""
refused "no room for a self-signed one" 10:17 "${path}crt: cannot be made: No"
more "tls self-signed \"$T/made.crt\" key \"$T/made.key\""
echo nonsense >"$T/crt"
refused "one to be made beside a bad one" 4:17 "${path}crt: no certificate"
[ ! -e "$T/none" ] && [ ! -e "$T/made.crt" ] && [ ! -e "$T/made.key" ]
ok $? "nothing is made"

like "$(tail -n 20 "$T/server.log")" 'reload: refused, nothing has changed' \
    "the log says it"
lines=$(wc -l <"$T/client.log")
echo nonsense >"$T/ca"
like "$(ctl client reload 2>&1)" 'client.conf:4:8: .*/ca: no certificate in PEM' \
    "a client's authorities: a reload"
good
[ "$(grep -c 'tunnel [0-9]*: open' "$T/client.log")" -eq 1 ]
ok $? "its tunnel is the first one still"
exec 5>&-
logged idle '^alive 5$' 10000
ok $? "and those who were there have stayed"
out=$("$TRAFFIC" users "$uport" 5 100000)
ok $? "who comes is served"

# ---- what is warned about ----
for f in crt key; do cp "$T/old.$f" "$T/$f"; done
warning="server.conf:4:17: warning: .*/crt: it expired on 20[0-9]+-[0-9]+-[0-9]+"
out=$("$ROCKETD" -n -W "$WORKER" -f "$T/server.conf" 2>&1)
is "$?" 0 "an expired certificate: -n takes it"
like "$out" "$warning" "with a warning"
like "$out" 'configuration OK' "and the rest is right"
out=$(ctl server reload 2>&1)
is "$?" 0 "a reload takes it"
like "$out" "$warning" "with a warning"
logged server "$warning"
ok $? "in the log, too"
for i in 1 2 3 4 5 6 7 8 9 10; do
	[ "$(seen)" = "$was" ] || break
done
[ "$(seen)" != "$was" ]
ok $? "and who comes sees it"
stop "$server_pid"
daemon server; server_pid=$pid
like "$(cat "$T/server.log")" "$warning" "a start warns, too"
logged server ' is up'
ok $? "and takes it"

# ---- under strict ----
if is_root && ! sanitized; then
	{ echo "sandbox strict"; cat "$T/server.conf"; } >"$T/strict.conf"
	chmod 600 "$T/strict.conf"
	out=$("$ROCKETD" -n -W "$WORKER" -f "$T/strict.conf" 2>&1)
	like "$out" 'configuration OK' "its sandbox is whole"
else
	skip "its sandbox is whole" "needs root, and no sanitizer"
fi
stop "$client_pid"; is "$status" 0 "the client ends in order"
stop "$server_pid"; is "$status" 0 "and the server"
done_testing
