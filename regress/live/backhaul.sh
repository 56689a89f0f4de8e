# What the live tests of dialect backhaul share: sourced after lib.sh.  A daemon
# has a block for each of some transports, whose service is named after it, so
# that all wait at the same time.

TOKEN="a token of more than sixteen"
umask 077

# transports NAME...: those of this test, in $ALL; each has ports of its own
transports() {
	ALL=$*
	set -- $(ports $(($# * 2)))
	for _t in $ALL; do
		eval "tunnels_$_t=$1 users_$_t=$2"
		shift 2
	done
}
users() { eval "echo \$users_$1"; }	# users TRANSPORT: their port

# block SIDE TRANSPORT: whose service has $SERVER or $CLIENT besides
block() {
	eval "_tunnels=\$tunnels_$2"
	echo "$1 {"
	echo "dialect backhaul"
	if [ "$1" = server ]; then
		echo "listen on 127.0.0.1 port $_tunnels transport $2"
		case $2 in wss*)
			echo "tls self-signed \"$T/tls.crt\" key \"$T/tls.key\""
		esac
		echo "service \"$2\" {"
		echo "listen on 127.0.0.1 port $(users "$2") to \"$port\""
		echo "${SERVER:-}"
	else
		echo "connect to 127.0.0.1 port $_tunnels transport $2"
		case $2 in wss*)
			echo "tls verify no-i-accept-any-server"
		esac
		echo "service \"$2\" {"
		echo "retry interval 1"
		echo "${CLIENT:-}"
	fi
	echo "token \"$TOKEN, $2\""
	echo "}"
	echo "}"
}

# conf SIDE [NAME]: the file of a daemon, which is named after its side or NAME
conf() {
	{
		echo "log debug"
		echo "stop timeout ${STOP:-1}"
		for _k in $ALL; do
			block "$1" "$_k"
		done
	} >"$T/${2:-$1}.conf"
}

# both: a server and a client, which has come
both() {
	conf server
	conf client
	daemon server
	daemon client
	for _k in $ALL; do
		here server "$_k" || return 1
	done
}

# here NAME TRANSPORT [TIMES]: its client has come, so often
here() {
	until_true "[ \"\$(seen $1 'worker $2 .*: client is here')\" -ge ${3:-1} ]"
}
seen() { grep -Ec -- "$2" "$T/$1.log"; }	# seen NAME REGEXP: in its log

# served PORT [OCTETS]: is a user there served?
served() {
	"$TRAFFIC" ask "$1" "give ${2:-10000}" |
	    grep -q "^end ${2:-10000} pattern"
}

# control NAME MEMBER [SERVICE]: of its control channel, as rocketctl shows it
control() {
	ctl "$1" -j show sessions ${3:+service "$3"} | tr '{' '\n' |
	    grep '"control":true' |
	    sed -n 's/.*"'"$2"'":"\{0,1\}\([a-z0-9.:]*\).*/\1/p'
}

# freeze PID, thaw: a daemon; it goes on at the end in any case
FROZEN=
freeze() {
	FROZEN="$1 $(cat "/proc/$1/task/$1/children")"
	kill -STOP $FROZEN
}
thaw() {
	_how=$?
	[ -z "$FROZEN" ] || kill -CONT $FROZEN
	FROZEN=
	return $_how
}
trap 'thaw; cleanup' EXIT

since() { echo $(($(date +%s%3N) - $1)); }	# milliseconds
now() { date +%s%3N; }
