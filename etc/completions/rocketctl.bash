# bash completion for rocketctl(8)

_rocketctl_services()
{
	rocketctl ${_rocketctl_socket:+-s "$_rocketctl_socket"} -j \
	    show services 2>/dev/null |
	    grep -o '{"name":"[A-Za-z0-9._-]*"' | cut -d '"' -f 4 | sort -u
}

_rocketctl_sessions()
{
	rocketctl ${_rocketctl_socket:+-s "$_rocketctl_socket"} -j \
	    show sessions 2>/dev/null |
	    grep -o '{"id":"[0-9.]*"' | cut -d '"' -f 4
}

_rocketctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} i words= _rocketctl_socket=
	local -a done=()

	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s)
			((i++))
			_rocketctl_socket=${COMP_WORDS[i]}
			;;
		-*)	;;
		*)	done+=("${COMP_WORDS[i]}") ;;
		esac
	done
	if [[ ${COMP_WORDS[COMP_CWORD - 1]} == -s ]]; then
		COMPREPLY=($(compgen -f -- "$cur"))
		return
	fi
	case "${done[*]}" in
	"")
		words="-h -j -s -V show reload retry stop log session token monitor"
		;;
	show)
		words="summary services sessions streams processes penalties ports config"
		;;
	"show services" | "show sessions" | "show ports")
		words=service
		;;
	"show streams")
		words="service session"
		;;
	"show "*" service" | retry)
		words=$(_rocketctl_services)
		;;
	"show streams session" | "session close")
		words=$(_rocketctl_sessions)
		;;
	log)
		words="brief verbose panic fatal error warn info debug trace"
		;;
	session)
		words=close
		;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -F _rocketctl rocketctl
