#!/bin/sh
# Every transport there is, with every seal, with and without compression, and
# with both versions of the mux where there is one: users at once with a hash
# each way, half-close, reset.  With LONG=1 50 users of 4 MiB, else 8 of 256
# KiB.  What a build does not have is said once, and left out.

. regress/live/lib.sh

if [ -n "${LONG:-}" ]; then
	users=50 size=4194304
else
	users=8 size=262144
fi
TOKEN="a token of more than sixteen"

# known TRANSPORT [LINE]: does rocketd take it?
known() {
	cat >"$T/known.conf" <<-END
		client {
			connect to 127.0.0.1 port 1 transport $1
			service "x" {
				forward to 127.0.0.1 port 1
				token "$TOKEN"
				${2:-}
			}
		}
	END
	chmod 600 "$T/known.conf"
	"$ROCKETD" -n -f "$T/known.conf" >/dev/null 2>&1
}

# outer TRANSPORT: what outer TLS wants besides in $listen and $connect
outer() {
	listen= connect=
	case $1 in tls*|wss*) ;; *) return ;; esac
	[ -f "$T/outer.crt" ] || openssl req -x509 -newkey ec -pkeyopt \
	    ec_paramgen_curve:P-256 -nodes -keyout "$T/outer.key" \
	    -out "$T/outer.crt" -days 30 -subj /CN=outer.test \
	    -addext "subjectAltName=DNS:outer.test" 2>/dev/null
	chmod 600 "$T/outer.key" "$T/outer.crt"
	listen="tls certificate \"$T/outer.crt\" key \"$T/outer.key\""
	connect="tls ca \"$T/outer.crt\"
	tls name outer.test"
}

# rows TRANSPORT: "NAME SEAL MUX-VERSION COMPRESSION" of each of its services
rows() {
	case $1 in *mux) versions="1 2" ;; *) versions=0 ;; esac
	for _seal in tls xor none; do
		for _v in $versions; do
			for _lz in $compressions; do
				echo "$_seal-$_v-$_lz $_seal $_v $_lz"
			done
		done
	done
}

# lines SEAL MUX-VERSION COMPRESSION: of a service, the same on both sides
lines() {
	echo "seal $1"
	[ "$2" = 0 ] || echo "mux version $2"
	[ "$3" = no ] || echo "compression $3"
}

answer() { "$TRAFFIC" ask "$1" "$2" "$3" | sed -n 's/^answer //p'; }

# row TRANSPORT PORT NAME SEAL MUX-VERSION COMPRESSION
row() {
	_what="$1, seal $4, mux $5, compression $6"
	ms=$("$TRAFFIC" wait "$2" 10000)
	like "$ms $("$TRAFFIC" users "$2" $users $size)" \
	    "^[0-9]+ done $users failed 0 reset 0 refused 0 " \
	    "$_what: $users users, $size octets each way"
	is "$(answer "$2" sum 300000)" "$direct" "$_what: half-close"
	like "$("$TRAFFIC" ask "$2" "reset 500000")" '^reset ' "$_what: reset"
	is "$(ctl client -j show sessions service "$3" | tr '{' '\n' |
	    sed -n 's/.*"transport":"\([a-z]*\)","mux_version":\([0-9]\),"seal":"\([a-z]*\)".*/\1 \2 \3/p' |
	    sort -u)" "$1 $5 $4" "$_what: and that is what it is"
}

matrix() {	# matrix TRANSPORT
	outer "$1"
	rows "$1" >"$T/rows"
	set -- "$1" $(ports $(($(wc -l <"$T/rows") + 1)))
	transport=$1 tport=$2
	shift 2
	{
		echo "server {"
		echo "listen on 127.0.0.1 port $tport transport $transport"
		echo "$listen"
		for p; do
			read -r name seal version lz
			printf 'service "%s" {\nlisten on 127.0.0.1 port %s\n' \
			    "$name" "$p"
			printf 'token "%s"\n' "$TOKEN"
			lines "$seal" "$version" "$lz"
			echo "}"
		done
		echo "}"
	} <"$T/rows" >"$T/server.conf"
	{
		echo "client {"
		echo "connect to 127.0.0.1 port $tport transport $transport"
		echo "$connect"
		while read -r name seal version lz; do
			printf 'service "%s" {\nforward to 127.0.0.1 port %s\n' \
			    "$name" "$port"
			printf 'token "%s"\npool 2\n' "$TOKEN"
			lines "$seal" "$version" "$lz"
			echo "}"
		done
		echo "}"
	} <"$T/rows" >"$T/client.conf"
	daemon server
	daemon client
	for p; do
		read -r name seal version lz <&3
		row "$transport" "$p" "$name" "$seal" "$version" "$lz"
	done 3<"$T/rows"
	stop "$client_pid"
	stop "$server_pid"
	is "$(cat "$T/server.log" "$T/client.log" |
	    grep -cE 'fatal|AddressSanitizer|runtime error|died')" 0 \
	    "$transport: nothing went wrong"
}

target target
direct=$(answer "$port" sum 300000)
compressions=no
if known tcp "compression lz4"; then
	compressions="no lz4"
else
	skip "compression lz4" "not of this build"
fi
for t in ${TRANSPORTS:-tcp tcpmux ws wsmux tls tlsmux wss wssmux}; do
	if ! known "$t"; then
		skip "transport $t" "not of this build"
		continue
	fi
	case $t in tls*|wss*)
		if ! command -v openssl >/dev/null; then
			skip "transport $t" "no openssl"
			continue
		fi ;;
	esac
	matrix "$t"
done
done_testing
