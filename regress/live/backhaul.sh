# What the live tests of dialect backhaul share: sourced after lib.sh.  A daemon
# has a block for each of some transports, whose service is named after it, so
# that all wait at the same time.

TOKEN="a token of more than sixteen"
umask 077

# transports NAME...: those of this test, in $ALL; each has ports of its own
transports() {
	ALL=$*
	set -- $(ports $(($# * 3)))
	for _t in $ALL; do
		eval "tunnels_$_t=$1 users_$_t=$2 more_$_t=$3"
		shift 3
	done
}
# of TRANSPORT: where its tunnels come in, its users, and others if configured
tunnels() { eval "echo \$tunnels_$1"; }
users() { eval "echo \$users_$1"; }
more() { eval "echo \$more_$1"; }
each() { for _t in $ALL; do $1 $_t; done; }	# each COMMAND

# block SIDE TRANSPORT: it has $BLOCK besides, its service $SERVER or $CLIENT,
# where %t is the transport and %more the port of others; $SECRET is the token
block() {
	echo "$1 {"
	echo "dialect backhaul"
	echo "${BLOCK:-}"
	if [ "$1" = server ]; then
		echo "listen on 127.0.0.1 port $(tunnels $2) transport $2"
		case $2 in wss*)
			echo "tls self-signed \"$T/tls.crt\" key \"$T/tls.key\""
		esac
		echo "service \"$2\" {"
		echo "listen on 127.0.0.1 port $(users "$2") to \"$port\""
		echo "${SERVER:-}"
	else
		echo "connect to 127.0.0.1 port $(tunnels $2) transport $2"
		case $2 in wss*)
			echo "tls verify no-i-accept-any-server"
		esac
		echo "service \"$2\" {"
		echo "retry interval 1"
		echo "${CLIENT:-}"
	fi
	echo "token ${SECRET:-\"$TOKEN, %t\"}"
	echo "}"
	echo "}"
}

# conf SIDE [NAME]: the file of a daemon, which is named after its side or NAME
conf() {
	{
		echo "log debug"
		echo "stop timeout ${STOP:-1}"
		for _k in $ALL; do
			block "$1" "$_k" |
			    sed "s/%t/$_k/g; s/%more/$(more $_k)/g"
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

# stay PORT...: a user at each, who stays; on descriptor 7
stay() {
	held stay perl regress/live/stayers.pl "$@"
	exec 7>"$T/stay.fifo"
	logged stay ready
}
# look [OCTETS]: each sends so many, and is to get them back
look() {
	_looks=$(($(seen stay ^look) + 1))
	echo "${1:-}" >&7
}
# looked: the ports of those who did
looked() {
	"$TRAFFIC" grep 30000 "$T/stay.log" "^look $_looks( |\$)" |
	    cut -d' ' -f3-
}
staying() {
	look
	looked
}
