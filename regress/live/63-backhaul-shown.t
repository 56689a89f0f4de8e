#!/bin/sh
# Dialect backhaul as its operator sees it: where tunnels and users come in, in
# the log and in rocketctl, to whom the client's tunnels go, and sessions from
# before a reload beside those after it.

. regress/live/lib.sh
. regress/live/backhaul.sh

transports tcpmux
target target
others=$(ports 4)
# shown MUX: what both sides have then
shown() {
	SERVER="mux version $1
$(for p in $others; do echo "listen on 127.0.0.1 port $p to \"$port\""; done)"
	CLIENT="mux version $1
pool 1"
	conf server
	conf client
}
shown 1
daemon server
daemon client
here server tcpmux && served "$(users tcpmux)"
ok $? "a client"

# ---- listeners ----
logged server "parent: tunnels come to 127.0.0.1:$(tunnels tcpmux), transport tc"
ok $? "the log has where tunnels come in"
set -- $others
all="127.0.0.1:$(users tcpmux), 127.0.0.1:$1, 127.0.0.1:$2, 127.0.0.1:$3 and 1 "
logged server "parent: users of service tcpmux come to ${all}more"
ok $? "and where users do"
is "$("$TRAFFIC" grep 1 "$T/client.log" "come to" | wc -l)" 0 \
    "the client has no listeners"
like "$(ctl server show services)" "$all" "rocketctl shows them"
like "$(ctl server -j show services)" "\"where\":\"${all}more\"" "in JSON, too"

# ---- sessions ----
logged client "remote 127.*: tunnel open to 127.0.0.1:$(tunnels tcpmux), backhaul"
ok $? "the client's log has whom its tunnel is open to"
# muxes NAME: the versions that its sessions speak, and those of control channels
muxes() {
	ctl "$1" -j show sessions | tr '{' '\n' | sed -n \
	    's/.*"control":\([a-z]*\),.*"mux_version":\([0-9]\),.*/\1 \2/p' |
	    sort -u | tr '\n' ' '
}
is "$(muxes server)" "false 1 true 0 " "a session of version 1, at the server"
is "$(muxes client)" "false 1 true 0 " "and at the client"
stay "$(users tcpmux)"
shown 2
ctl server reload
ctl client reload
for side in server client; do
	until_true '[ "$(muxes $side)" = "false 1 false 2 true 0 " ]'
	ok $? "$side: the one that is used keeps its version"
done
is "$(staying)" "$(users tcpmux)" "and its user"
served "$(users tcpmux)"
ok $? "the next has the new one"
stop "$client_pid"
is "$status" 0 "the client ends cleanly"
stop "$server_pid"
is "$status" 0 "the server ends cleanly"
done_testing
