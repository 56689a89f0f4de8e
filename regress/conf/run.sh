#!/bin/sh
#
# usage: run.sh [rocketd]
#
# The grammar, as rocketd -n and -nv see it: NAME.in or NAME.toml prints
# NAME.ok, and warns of what is in NAME.warn, if there is one, bad-NAME.in fails
# with the errors in bad-NAME.err, and each text of toml-bad.cases with those
# below it.  The output for each good file, for each
# example in etc/ and for generated ones prints itself again.  Files that these
# name in /etc/rocketd.d, /etc/ssl and /var/www are in a directory of the test's
# own.  Prints TAP.

here=$(cd "$(dirname "$0")" && pwd) || exit 1
top=$(cd "$here/../.." && pwd) || exit 1
rocketd=${1:-$top/rocketd/rocketd}
case $rocketd in
/*)	;;
*)	rocketd=$(pwd)/$rocketd ;;
esac
worker=$(dirname "$rocketd")/../worker/rocketd-worker
tmp=$(mktemp -d "${TMPDIR:-/tmp}/rocketd-conf.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
n=0

# result STATUS NAME [FILE]: one line; what FILE holds explains a failure
result() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
		return
	fi
	echo "not ok $n - $2"
	echo "# failed: $2" >&2
	[ $# -lt 3 ] || sed 's/^/# /' "$3" >&2
}

# errors FILE: its lines, as if the files had been named without a directory;
# warnings and rocketd's own lines are no errors of the file
errors() {
	sed "s,$tmp/,,g" "$1" | grep -E '^[^ ]+:([0-9]+:[0-9]+:)? ' |
	    grep -v -E '^[^ ]+:([0-9]+:[0-9]+:)? warning: ' |
	    grep -E '^[^ ]*\.(in|conf|toml):'
}

# check OPTIONS...: rocketd -n
check() { "$rocketd" -n -W "$worker" "$@"; }

# here FILE...: makes the files that these name ours
named='/\(etc/rocketd\.d\|etc/ssl\|etc/nowhere\|var/www\)\([/"]\)'
here() { sed -i "s,\([\"']\)$named,\1$tmp/\2\3,g" "$@"; }

# as_written FILE: the other way round
as_written() { sed "s,$tmp/,/,g" "$1"; }

# pair NAME: a certificate and its key
pair() {
	"$worker" -c 0 0 new 3>pair.answer 5>"etc/ssl/$1.pem" \
	    6>"etc/ssl/private/$1.key" && [ -s "etc/ssl/$1.pem" ]
}

# What they name: tokens, certificates, keys; good ones, and bad ones.
make_files() {
	umask 077
	mkdir -p etc/rocketd.d etc/ssl/private var/www/html || return 1
	for f in a agent b dns new old proxy ssh web web-new; do
		echo "The token named $f." >etc/rocketd.d/$f.token
	done
	cp etc/rocketd.d/web.token etc/rocketd.d/token
	cp etc/rocketd.d/new.token etc/rocketd.d/same.token
	echo 'ann:$6$salt$'"$(printf '%086d' 0)" >etc/rocketd.d/socks.users
	: >etc/rocketd.d/empty.token
	printf 'two\nlines\n' >etc/rocketd.d/lines.token
	cp etc/rocketd.d/old.token etc/rocketd.d/shared.token
	for f in a b me ca clients; do
		pair $f || return 1
	done
	echo nonsense >etc/ssl/text.pem
	printf -- '-----%s-----\n' 'BEGIN CERTIFICATE' 'END CERTIFICATE' |
	    sed '1a\
AAAA' >etc/ssl/damaged.pem
	cat etc/ssl/a.pem etc/ssl/private/a.key >etc/ssl/both.pem
	cp etc/ssl/private/b.key etc/ssl/private/shared.key
	cat >etc/ssl/private/locked.key <<-END
		-----BEGIN RSA PRIVATE KEY-----
		Proc-Type: 4,ENCRYPTED
		DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF

		AAAA
		-----END RSA PRIVATE KEY-----
	END
	chmod 644 etc/rocketd.d/shared.token etc/ssl/private/shared.key
}

# only_masked FILE: it has no errors but of tokens that are masked, as -v prints
only_masked() { ! errors "$1" | grep -v ': token: it is masked, '; }

# prints_itself FILE: FILE is what was printed
prints_itself() {
	check -v -f "$1" >again 2>again.err
	only_masked again.err &&
	    diff "$1" again >difference 2>&1
}

cd "$tmp" || exit 1
cp "$here"/*.in "$here"/*.ok "$here"/*.err "$here"/*.warn "$here"/*.conf \
    "$here"/*.toml . || exit 1
# tokens stand in them; and two are about who else may read or write
chmod 600 ./*.in ./*.conf ./*.toml
chmod 644 bad-shared.in inc-shared.conf
chmod 666 bad-writable.in
make_files
result $? "made files to be named"
for f in *.in *.conf *.toml; do
	case $f in
	bad-files*)	here "$f" ;;
	bad-*)		;;
	*)		here "$f" ;;
	esac
done

# with one that has no QUIC, its files have but one error
has_quic=yes
"$rocketd" -V | grep -q ', with QUIC' || has_quic=

for in in *.in *.toml; do
	name=${in%.*}
	case $name in
	quic*|bad-quic*|*mytunnel*)
		[ -n "$has_quic" ] || {
			check -f "$tmp/$in" >out 2>err
			grep -q "$in:[0-9]*:[0-9]*: .* built without QUIC" err
			result $? "$name: an error without QUIC" err
			continue
		}
	esac
	case $name in
	bad-*)
		check -f "$tmp/$in" >out 2>err
		status=$?
		errors err >got
		diff "$name.err" got >difference
		result $? "$name: its errors" difference
		[ $status -eq 1 ]
		result $? "$name: exit status 1, not $status"
		;;
	*)
		check -v -f "$tmp/$in" >out 2>err
		status=$?
		[ $status -eq 0 ]
		result $? "$name: exit status 0, not $status" err
		# whose default differs by user
		[ "$in" = "$name.in" ] || { cp out printed.toml &&
		    sed 's/^control socket .*/control socket none/' \
		    printed.toml >out; }
		as_written out >written
		diff "$name.ok" written >difference
		result $? "$name: printed" difference
		cp out printed.conf && chmod 600 printed.conf
		prints_itself "$tmp/printed.conf"
		result $? "$name: prints itself" difference
		check -f "$tmp/$in" >out 2>err && [ ! -s out ]
		result $? "$name: -n prints nothing on standard output" out
		[ -f "$name.warn" ] || continue
		sed -n "s,^$tmp/\(.*: \)warning: ,\1,p" err >got
		diff "$name.warn" got >difference
		result $? "$name: its warnings" difference
		;;
	esac
done

# "= what is wrong", the text, and a line of errors each, after "- "
awk '/^= / { f = "case-" sprintf("%02d", ++n); print substr($0, 3) >(f ".name")
	printf "" >(f ".err"); printf "" >(f ".toml"); next }
    /^- / { print f ".toml:" substr($0, 3) >(f ".err"); next }
    { print >(f ".toml") }' "$here/toml-bad.cases"
chmod 600 case-*.toml
for toml in case-*.toml; do
	name=${toml%.toml}
	check -f "$tmp/$toml" >out 2>err
	status=$?
	errors err | sed "s/ at $toml:/ at /; / built without QUIC /d" >got
	[ $status -eq 1 ] && diff "$name.err" got >difference
	result $? "TOML: $(cat "$name.name")" difference
done

# every key has its place in the manual
sed -n '/^\.Sh TOML FILES/,/^\.Sh FILES/p' "$top/man/rocketd.conf.5" |
    grep '^\.I[ct]' | tr -c 'a-z0-9_\n' ' ' >documented
for key in $(sed -n 's/^	{ "\([a-z_]*\)", .*/\1/p' \
    "$top"/rocketd/conf/tomlrocket.c "$top"/rocketd/conf/tomlbackhaul.c) \
    $(sed -n 's/^	{ "[a-z]*", "\([a-z0-9_]*\)",.*/\1/p' \
    "$top"/rocketd/conf/tomlmytunnel.c); do
	grep -qw -e "$key" documented || echo "$key"
done >missing
[ ! -s missing ] && [ "$(wc -l <documented)" -gt 20 ]
result $? "the manual has all keys of TOML files" missing

# the same configurations in both languages print the same, and that itself
count=100 seed=1
[ -z "${LONG:-}" ] || count=1000 seed=$$
seed=${SEED:-$seed}
mkdir made made.tokens &&
    perl "$here/generate.pl" "$seed" "$count" "$tmp/made"
result $? "made $count configurations of seed $seed"
chmod 600 made/*
wrong=
for toml in made/*.toml; do
	name=${toml%.toml}
	check -v -f "$tmp/$toml" >made.conf 2>err && chmod 600 made.conf &&
	    check -v -f "$tmp/$name.conf" >out 2>err &&
	    diff made.conf out >difference && prints_itself "$tmp/made.conf" ||
	    { wrong=$name; break; }
done
{ cat err; cat difference; [ -z "$wrong" ] || cat "$wrong".*; } >fault 2>&1
[ -z "$wrong" ]
result $? "each prints the same from TOML, and itself" fault

# a macro of the command line beats the file's
check -v -D level=fatal -f "$tmp/macro.in" >out 2>err
[ "$(head -1 out)" = 'log fatal' ]
result $? '-D beats the file' out
check -D 1a=b -f "$tmp/server.in" >out 2>err
[ $? -eq 1 ]
result $? '-D with a name that is none' err
for name in sandbox mux port tls user_timeout; do
	check -D $name=x -f "$tmp/server.in" >out 2>err
	[ $? -eq 1 ] && grep -q 'the name of a keyword or option' err
	result $? "-D $name=x is refused" err
done

# what cannot be opened, and what is no file
check -f "$tmp/nosuch.conf" >out 2>err
[ $? -eq 1 ] && grep -q "nosuch.conf: No such file or directory" err
result $? 'a file that is not there' err
check -f "$tmp" >out 2>err
[ $? -eq 1 ] && grep -q "not a regular file" err
result $? 'a directory' err
mkfifo fifo && check -f "$tmp/fifo" >out 2>err
[ $? -eq 1 ] && grep -q "not a regular file" err
result $? 'a fifo is not waited for' err

# it is printed even if files that it names are missing
check -v -f "$tmp/bad-files-toml.toml" >out 2>err
[ $? -eq 1 ] && grep -q '^	listen on 127.0.0.1 port 4040' out
result $? 'a configuration is printed without its files' err
"$rocketd" -n -W "$tmp/none" -f "$tmp/tls.in" >out 2>err
[ $? -eq 1 ] && grep -q "files of TLS cannot be checked: $tmp/none: No" err &&
    grep -q "; -W names another worker$" err
result $? 'without the worker program files of TLS are not looked at' err
# what only a start would find
ahead() {	# ahead NAME STATUS WORDS: of the file ahead.in
	chmod 600 ahead.in
	check -f "$tmp/ahead.in" >out 2>err
	[ $? -eq "$2" ] && grep -q -e "$3" err
	result $? "$1" err
}
plain='server { listen on 127.0.0.1 port 4040
token "of sixteen octets, and more"
service "a" { listen on 127.0.0.1 port 2057 } }'
mkdir place && : >place/file && ln -s file place/link
place="$tmp/place"
if [ "$(id -u)" -eq 0 ]; then
	printf '%s\n' "control socket \"$place/s\" group \"no-such-group\"" \
	    "$plain" >ahead.in
	ahead 'a group of the control socket that there is not' 1 \
	    "^$tmp/ahead.in: control socket $place/s: no group no-such-group$"
fi
printf '%s\n' "control socket \"$place/none/s\"" "$plain" >ahead.in
ahead 'a control socket without a directory' 1 \
    "control socket $place/none/s: its directory: No such file"
printf '%s\n' "control socket \"$place/file\"" "$plain" >ahead.in
ahead 'a control socket where there is a file' 1 \
    "control socket $place/file: there is a file that is no socket"
printf '%s\n' "$plain" >ahead.in && chmod 600 ahead.in
check -f "$tmp/ahead.in" -s "/$(printf '%0120d' 1)" >out 2>err
[ $? -eq 1 ] && grep -q 'control socket /0*1: File name too long' err
result $? 'a control socket with too long a name' err
printf '%s\n' "pidfile \"$place/none/p\"" "$plain" >ahead.in
ahead 'a pid file without a directory' 1 "pid file $place/none/p: No such file"
printf '%s\n' "pidfile \"$place/link\"" "$plain" >ahead.in
ahead 'a pid file that is a link' 1 "pid file $place/link: Too many levels"
printf '%s\n' "pidfile \"$place\"" "$plain" >ahead.in
ahead 'a pid file that is a directory' 1 "pid file $place: Is a directory"
printf '%s\n' "pidfile \"$place/p\"" "control socket \"$place/s\"" \
    "$plain" >ahead.in
ahead 'all that can be made' 0 '^configuration OK$'
[ "$(ls place)" = "file
link" ]
result $? 'and nothing was' out
sed 's/127.0.0.1 port 4040/192.0.2.77 port 4040/' ahead.in >elsewhere.in &&
    cp elsewhere.in ahead.in
ahead 'an address that no interface has is warned about' 0 \
    "ahead.in:3:10: warning: listen on 192.0.2.77 port 4040: no interface"
sed '1i\
freebind yes' elsewhere.in >ahead.in
check -f "$tmp/ahead.in" >out 2>err && ! grep -q warning err
result $? 'but with freebind' err
"$rocketd" -n -W "$tmp/none" -f "$tmp/ahead.in" >out 2>err &&
    grep -q "warning: worker $tmp/none: No such file" err
result $? 'and so is a worker that is not there' err
mkdir lone && cp "$worker" lone/ && if [ -n "$has_quic" ]; then
	"$rocketd" -n -W "$tmp/lone/rocketd-worker" -f "$tmp/quic.in" >out 2>err &&
	    grep -q "warning: $tmp/lone/rocketd-quic: No such file" err
	result $? 'and the program for QUIC, if it is to be used' err
fi
printf '#!/bin/sh\n' >mute && chmod 700 mute
"$rocketd" -n -W "$tmp/mute" -f "$tmp/tls.in" >out 2>err
[ $? -eq 1 ] && grep -q 'cannot be checked: the process for that: exit 0' err
result $? 'nor with one that says nothing' err

# a file of users is read, and says where it is wrong
printf 'ann:$6$salt$%086d\n bob:$6$salt$%086d\n' 0 0 >place/users
chmod 600 place/users
sed "s,[^\"]*/socks.users,$place/users," users.in >ahead.in
ahead 'a file of users with a blank before a name' 1 \
    "^$place/users:2:1: a line begins with a name, and not with a blank$"

# an ordinary user is told which files may not be opened
sed 's/token ".*"/token env TOKEN/' tls.in >pems.in
chmod 644 pems.in client.in && chmod 755 . etc etc/ssl
ordinary=
[ "$(id -u)" -ne 0 ] || ordinary='setpriv --reuid=65534 --regid=65534
    --clear-groups'
if $ordinary test -x "$rocketd" && $ordinary test -x "$worker"; then
	chmod 0 etc/ssl/private etc/rocketd.d
	for f in pems client; do
		$ordinary "$rocketd" -n -W "$worker" -f "$tmp/$f.in" >out 2>err
		[ $? -eq 1 ] && ! grep -q "configuration OK" err &&
		    grep -q "^$tmp/$f.in:[0-9:]* .*: Permission denied" err
		result $? "$f: what an ordinary user may not read" err
	done
	chmod 700 etc/ssl/private etc/rocketd.d
else
	result 0 "what an ordinary user may not read # SKIP no way to it"
fi

# no token is ever printed
printf 'server {\n listen on * port 4040\n token "%s"\n%s\n}\n' \
    "ThisIsTheSecret0123" 'service "a" { listen on * port 2057 }' >secret.conf
chmod 600 secret.conf
check -v -f "$tmp/secret.conf" >out 2>&1
[ $? -eq 0 ] && ! grep -q ThisIsTheSecret out
result $? 'a token is not printed' out
echo 'nonsense' >>secret.conf
sed 's/token /token token /' secret.conf >worse.conf && chmod 600 worse.conf
printf '[server]\nbind_addr = ":4040"\ntransport = "tcpmux"\n%s\n%s\n' \
    'token = "ThisIsTheSecret0123"' 'tokken = "ThisIsTheSecret0123"' >secret.toml
sed '$a\
ports = ["ThisIsTheToken=80"]' secret.toml >other.toml
echo 'services = {}' >>secret.toml
sed 's/"//' secret.toml >worse.toml && chmod 600 ./*.toml
for f in secret.conf worse.conf secret.toml worse.toml other.toml; do
	check -v -f "$tmp/$f" >out 2>&1
	[ $? -eq 1 ] && ! grep -q ThisIsTheSecret out
	result $? "nor in the errors of $f" out
done

# the modes of files in TOML are checked, too
printf '[server]\nbind_addr = ":3080"\ntransport = "tcp"\n%s\nmss = 1000\n' \
    'token = "of sixteen octets, and more"' >mode.toml && chmod 644 mode.toml
check -f "$tmp/mode.toml" >out 2>err
[ $? -eq 1 ] && grep -q 'others may read; chmod o-r$' err &&
    ! grep -q 'token file' err
result $? "Backhaul's file of mode 644 is to be closed, no more" err
for mode in 644 666; do
	cp toml-server.toml mode.toml && chmod $mode mode.toml
	check -f "$tmp/mode.toml" >out 2>err
	[ $? -eq 1 ] && grep -q 'chmod' err
	result $? "TOML of mode $mode is refused" err
done

# relative paths in Backhaul's files are ones in the directory of the file,
# however that is named
mkdir -p rel/sub && for f in pem key; do
	cp "$(find etc/ssl -name "a.$f")" rel/sub/ || exit 1
done
printf '[server]\nbind_addr = ":4043"\ntransport = "wss"\n%s\n%s\n%s\n%s\n' \
    'token = "of sixteen octets, and more"' 'tls_cert = "a.pem"' \
    'tls_key = "../sub/a.key"' 'sniffer = true
web_port = 2060' >rel/sub/s.toml && chmod 600 rel/sub/*
printf '%s, and more\n' 'of sixteen octets' >rel/sub/token
printf '[client]\nremote_addr = ":4043"\ntransport = "tcp"\n%s\n' \
    'token_file = "token"' >rel/sub/c.toml && chmod 600 rel/sub/*
(cd rel && check -v -f sub/c.toml) >out 2>err &&
    grep -q "token file \"$tmp/rel/sub/token\"" out
result $? "relative path of a token" err
relative() {	# relative DIRECTORY FILE
	(cd "$1" && check -v -f "$2") >out 2>err
	[ $? -eq 0 ] && sed 's,/sub/\.\./,/,g; s,/\./,/,g' out >got &&
	    grep -q "tls certificate \"$tmp/rel/sub/a.pem\" key \"$tmp/rel/s" \
	    got && grep -q "usage file \"$tmp/rel/sub/backhaul.json\"" got
	result $? "relative paths of $2" err
}
relative rel/sub s.toml
relative rel/sub ./s.toml
relative rel/sub ../sub/s.toml
relative rel sub/s.toml
relative rel "$tmp/rel/sub/s.toml"

for conf in "$top"/etc/*.conf; do
	name=$(basename "$conf")
	# a checkout's group may write
	cp "$conf" example.conf && chmod 600 example.conf && here example.conf
	check -v -f "$tmp/example.conf" >printed.conf 2>err
	result $? "etc/$name: is right" err
	chmod 600 printed.conf
	prints_itself "$tmp/printed.conf"
	result $? "etc/$name: prints itself" difference
	# its addresses are examples, too
	! grep -v 'no interface has this address' err | grep -q warning
	result $? "etc/$name: without a warning" err
done

echo "1..$n"
