# fish completion for rocketctl(8)

# Asks the daemon that the command line names.
function __rocketctl_ask
	set -l words (commandline -opc)
	set -l socket
	if set -l i (contains -i -- -s $words); and test $i -lt (count $words)
		set socket -s $words[(math $i + 1)]
	end
	rocketctl $socket -j show $argv[1] 2>/dev/null |
		string match -ra '\{"'$argv[2]'":"([A-Za-z0-9._-]*)"' -g |
		sort -u
end

# The words of the command so far, options left out.
function __rocketctl_at
	set -l words (commandline -opc)[2..]
	set -l out
	set -l skip 0
	for w in $words
		if test $skip = 1
			set skip 0
		else if test "$w" = -s
			set skip 1
		else if not string match -q -- '-*' $w
			set -a out $w
		end
	end
	test "$out" = "$argv"
end

complete -c rocketctl -f
complete -c rocketctl -s h -l help -d 'Print the usage'
complete -c rocketctl -s j -d 'Print JSON'
complete -c rocketctl -s s -r -F -d 'Control socket'
complete -c rocketctl -s V -l version -d 'Print the version'
complete -c rocketctl -n __rocketctl_at -a show -d 'Show what the daemon knows'
complete -c rocketctl -n __rocketctl_at -a reload -d 'Read the configuration again'
complete -c rocketctl -n __rocketctl_at -a retry -d 'Connect to servers at once'
complete -c rocketctl -n __rocketctl_at -a stop -d 'End the daemon'
complete -c rocketctl -n __rocketctl_at -a log -d 'Change the log level'
complete -c rocketctl -n __rocketctl_at -a session -d 'Close a session'
complete -c rocketctl -n __rocketctl_at -a token -d 'Make a strong token'
complete -c rocketctl -n __rocketctl_at -a monitor -d 'A view that refreshes'
complete -c rocketctl -n '__rocketctl_at show' -a 'summary services sessions streams processes penalties ports config'
complete -c rocketctl -n '__rocketctl_at show services; or __rocketctl_at show sessions; or __rocketctl_at show ports' -a service
complete -c rocketctl -n '__rocketctl_at show streams' -a 'service session'
for what in services sessions streams ports
	complete -c rocketctl -n "__rocketctl_at show $what service" -a '(__rocketctl_ask services name)'
end
complete -c rocketctl -n '__rocketctl_at show streams session; or __rocketctl_at session close' -a '(__rocketctl_ask sessions id)'
complete -c rocketctl -n '__rocketctl_at retry' -a '(__rocketctl_ask services name)'
complete -c rocketctl -n '__rocketctl_at log' -a 'brief verbose panic fatal error warn info debug trace'
complete -c rocketctl -n '__rocketctl_at session' -a close
