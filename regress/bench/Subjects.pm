# What is measured: a table of subjects, and how each is set up between a user
# and the target.  To add one, add a line at the end; for a program that is not
# here yet, also a function that writes its configuration.
#
# Such a function is given the place (see below) and returns commands, each with
# the side it stands on: the server is where users come, the client is
# beside the target.  Everybody's sockets have TCP_NODELAY, nobody logs more
# than errors, nobody compresses, nobody may change the machine's settings.

package Subjects;

use strict;
use warnings;
use File::Basename qw(dirname);

# Place: dir      a directory of its own
#        user     port on which users come (127.0.0.1, server's side)
#        server   address of the server's side as the client sees it
#        tunnel   port of the tunnels there
#        hop      one more port, for relays
#        target   address:port of the target as the client sees it
#        protocol of users and target: tcp or udp
#        fds      hard limit of descriptors a process

my $TOKEN = 'of the bench, 24 letters';

sub file {
	my ($place, $name, $text) = @_;
	my $path = "$place->{dir}/$name";
	open(my $fh, '>', $path) or die "$path: $!\n";
	chmod(0600, $path);
	$text =~ s/^\t+//mg;
	print $fh $text;
	close($fh) or die "$path: $!\n";
	return $path;
}

sub text {
	my ($path) = @_;
	open(my $fh, '<', $path) or die "$path: $!\n";
	return join('', <$fh>);
}

# What each program is, and how it tells its version; else its package does.
our %PROGRAMS = (
	haproxy => ['haproxy', '-v'],
	socat => ['socat', '-V'],
	rocketd => ['rocketd', '-V'],
	rathole => ['rathole', '--version'],
	frps => ['frps', '--version'],
	frpc => ['frpc', '--version'],
	backhaul => ['backhaul', '-v'],
	chisel => ['chisel', '--version'],
	openssl => ['openssl', 'version'],
	iperf3 => ['iperf3', '--version'],
	microsocks => ['microsocks'],
	danted => ['danted', '-v'],
	'mytunnel-server' => ['mytunnel-server'],
	'mytunnel-client' => ['mytunnel-client', '-V'],
	ssh => ['ssh', '-V'],
	sshd => ['sshd', '-V'],
);

sub haproxy_hop {
	my ($p, $name, $on, $to) = @_;
	# splice-auto does not always splice, and with larger pipes it takes a
	# third less CPU than with the default.
	# Two descriptors a connection, two a pipe, and some to spare.
	my $conns = int(($p->{fds} - 1000) / 2);
	$conns = 20000 if $conns > 20000;
	return file($p, $name, <<"	END");
	global
		nbthread 1
		tune.pipesize 1048576
		maxconn $conns
		maxpipes 256
	defaults
		mode tcp
		option splice-request
		option splice-response
		timeout connect 10s
		timeout client 1h
		timeout server 1h
	listen hop
		bind 127.0.0.1:$on
		server next $to
	END
}

sub haproxy {
	my ($p, $bin) = @_;
	my $one = haproxy_hop($p, 'one.cfg', $p->{user}, "127.0.0.1:$p->{hop}");
	my $two = haproxy_hop($p, 'two.cfg', $p->{hop}, $p->{target});
	return ([client => $bin->{haproxy}, '-db', '-f', $two],
	    [server => $bin->{haproxy}, '-db', '-f', $one]);
}

sub socat {
	my ($p, $bin) = @_;
	my @opts = ($bin->{socat}, '-b', 262144);
	my $from = 'bind=127.0.0.1,fork,reuseaddr,nodelay,backlog=1024';
	return ([client => @opts, "TCP-LISTEN:$p->{hop},$from",
	    "TCP:$p->{target},nodelay"],
	    [server => @opts, "TCP-LISTEN:$p->{user},$from",
	    "TCP:127.0.0.1:$p->{hop},nodelay"]);
}

# rocketd with these lines of configuration on both sides; outer TLS has its
# own, with a certificate that is verified
sub rocketd {
	my ($transport, @lines) = @_;
	my $lines = join("\n", @lines);
	return sub {
		my ($p, $bin) = @_;
		my ($addr, $port) = $p->{target} =~ /^(.*):(\d+)$/;
		my ($cert, $trust) = ('', '');
		if ($transport =~ /^(tls|wss|quic)/) {
			my ($crt, $key) = certificate($p, $bin);
			$cert = "tls certificate \"$crt\" key \"$key\"";
			$trust = "tls ca \"$crt\"\ntls name localhost";
		}
		my $server = file($p, 'server.conf', <<"		END");
		log error
		log to stderr
		server {
			listen on $p->{server} port $p->{tunnel} \\
			    transport $transport
			$lines
			$cert
			service "x" {
				listen on 127.0.0.1 port $p->{user} \\
				    protocol $p->{protocol}
				token "$TOKEN"
			}
		}
		END
		my $client = file($p, 'client.conf', <<"		END");
		log error
		log to stderr
		client {
			connect to $p->{server} port $p->{tunnel} \\
			    transport $transport
			$lines
			$trust
			service "x" {
				forward to $addr port $port \\
				    protocol $p->{protocol}
				token "$TOKEN"
			}
		}
		END
		return rocketds($p, $bin, server => $server,
		    client => $client);
	};
}

# By these files, one for each side.
sub rocketds {
	my ($p, $bin, %files) = @_;
	return map { [$_ => $bin->{rocketd}, '-d', '-W', $p->{worker}, '-s',
	    "$p->{dir}/$_.sock", '-f', $files{$_}] } qw(server client);
}

sub rathole {
	my ($seal) = @_;
	return sub {
		my ($p, $bin) = @_;
		my ($server, $client) = $seal ? $seal->($p, $bin) :
		    ("type = \"tcp\"\n", "type = \"tcp\"\n");
		file($p, 'server.toml', <<"		END");
		[server]
		bind_addr = "$p->{server}:$p->{tunnel}"
		default_token = "$TOKEN"
		[server.services.x]
		type = "$p->{protocol}"
		bind_addr = "127.0.0.1:$p->{user}"
		nodelay = true
		[server.transport]
		$server
		[server.transport.tcp]
		nodelay = true
		END
		file($p, 'client.toml', <<"		END");
		[client]
		remote_addr = "$p->{server}:$p->{tunnel}"
		default_token = "$TOKEN"
		[client.services.x]
		type = "$p->{protocol}"
		local_addr = "$p->{target}"
		nodelay = true
		[client.transport]
		$client
		[client.transport.tcp]
		nodelay = true
		END
		return map { [$_ => 'env', 'RUST_LOG=error', $bin->{rathole},
		    "--$_", "$p->{dir}/$_.toml"] } qw(server client);
	};
}

sub rathole_noise {
	my ($p, $bin) = @_;
	my $keys = `'$bin->{rathole}' --genkey 2>&1`;
	my ($private, $public) = $keys =~ m{^([A-Za-z0-9+/=]{40,})$}mg or
	    die "it has no noise: " . substr($keys, 0, 60) . "\n";
	return ("type = \"noise\"\n[server.transport.noise]\n" .
	    "local_private_key = \"$private\"\n",
	    "type = \"noise\"\n[client.transport.noise]\n" .
	    "remote_public_key = \"$public\"\n");
}

# Of localhost; files of the certificate and its key.
sub certificate {
	my ($p, $bin) = @_;
	my ($d, $ssl) = ($p->{dir}, $bin->{openssl});
	my @req = ($ssl, 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
	    'ec_paramgen_curve:P-256', '-nodes', '-days', 2, '-subj',
	    '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
	    '-keyout', "$d/key.pem", '-out', "$d/crt.pem");
	said(@req);
	return ("$d/crt.pem", "$d/key.pem");
}

sub said {
	my $line = join(' ', map { "'$_'" } @_);
	my $said = `umask 077; $line 2>&1`;
	$? == 0 or die "$_[0]: $said\n";
}

sub rathole_tls {
	my ($p, $bin) = @_;
	my ($d, $ssl) = ($p->{dir}, $bin->{openssl});
	certificate($p, $bin);
	said($ssl, 'pkcs12', '-export', '-passout', 'pass:bench',
	    '-inkey', "$d/key.pem", '-in', "$d/crt.pem", '-out', "$d/id.pfx");
	return ("type = \"tls\"\n[server.transport.tls]\n" .
	    "pkcs12 = \"$d/id.pfx\"\npkcs12_password = \"bench\"\n",
	    "type = \"tls\"\n[client.transport.tls]\n" .
	    "trusted_root = \"$d/crt.pem\"\nhostname = \"localhost\"\n");
}

sub frp {
	my ($tls, $mux) = @_;
	return sub {
		my ($p, $bin) = @_;
		my ($addr, $port) = $p->{target} =~ /^(.*):(\d+)$/;
		my $both = <<"		END";
		auth.token = "$TOKEN"
		log.to = "console"
		log.level = "error"
		transport.tcpMux = $mux
		END
		file($p, 'server.toml', <<"		END");
		bindAddr = "$p->{server}"
		bindPort = $p->{tunnel}
		proxyBindAddr = "127.0.0.1"
		transport.maxPoolCount = 8
		$both
		END
		file($p, 'client.toml', <<"		END");
		serverAddr = "$p->{server}"
		serverPort = $p->{tunnel}
		loginFailExit = false
		transport.tls.enable = $tls
		transport.poolCount = 8
		$both
		[[proxies]]
		name = "x"
		type = "$p->{protocol}"
		localIP = "$addr"
		localPort = $port
		remotePort = $p->{user}
		END
		return ([server => $bin->{frps}, '-c', "$p->{dir}/server.toml"],
		    [client => $bin->{frpc}, '-c', "$p->{dir}/client.toml"]);
	};
}

# By these files, one for each side, the program of that name.
sub by_files {
	my ($p, $bin, %programs) = @_;
	return map { [$_ => $programs{$_} eq 'rocketd' ?
	    ($bin->{rocketd}, '-d', '-W', $p->{worker}, '-s',
	    "$p->{dir}/$_.sock", '-f', "$p->{dir}/$_.toml") :
	    ($bin->{backhaul}, '-c', "$p->{dir}/$_.toml")] } qw(server client);
}

sub backhaul {
	return backhaul_of('backhaul', 'backhaul', @_);
}

# Backhaul's files, and which program is on each side.
# skip_optz: else it sets sysctls for the whole machine
sub backhaul_of {
	my ($server, $client, $transport, @lines) = @_;
	my $lines = join("\n", @lines);
	return sub {
		my ($p, $bin) = @_;
		my $accept = $transport eq 'tcp' && $p->{protocol} eq 'udp' ?
		    'accept_udp = true' : '';
		my $both = <<"		END";
		transport = "$transport"
		token = "$TOKEN"
		nodelay = true
		skip_optz = true
		web_port = 0
		sniffer = false
		log_level = "error"
		$lines
		END
		file($p, 'server.toml', <<"		END");
		[server]
		bind_addr = "$p->{server}:$p->{tunnel}"
		$both
		channel_size = 2048
		$accept
		ports = ["127.0.0.1:$p->{user}=$p->{target}"]
		END
		file($p, 'client.toml', <<"		END");
		[client]
		remote_addr = "$p->{server}:$p->{tunnel}"
		$both
		connection_pool = 8
		retry_interval = 1
		END
		return by_files($p, $bin, server => $server,
		    client => $client);
	};
}

# Such a subject with rocketd in place of the server, the client, and both.
sub replaced {
	my ($name, @how) = @_;
	my @needs = ('backhaul', 'rocketd');
	return (["$name, our server", 'bare', \@needs,
	    backhaul_of('rocketd', 'backhaul', @how)],
	    ["$name, our client", 'bare', \@needs,
	    backhaul_of('backhaul', 'rocketd', @how)],
	    ["$name, both ours", 'bare', ['rocketd'],
	    backhaul_of('rocketd', 'rocketd', @how)]);
}

sub chisel {
	my ($p, $bin) = @_;
	return ([server => $bin->{chisel}, 'server', '--reverse', '--host',
	    $p->{server}, '--port', $p->{tunnel}, '--auth', "bench:$TOKEN"],
	    [client => $bin->{chisel}, 'client', '--auth', "bench:$TOKEN",
	    '--max-retry-interval', '1s', "http://$p->{server}:$p->{tunnel}",
	    "R:127.0.0.1:$p->{user}:$p->{target}"]);
}

# From here on users ask a SOCKS 5 proxy for the target.  Of tunnels it is on
# the side that dials, and the target on the other.

sub socks_rocketd {
	my (@lines) = @_;
	my $lines = join("\n", @lines);
	return sub {
		my ($p, $bin) = @_;
		my ($addr, $port) = $p->{target} =~ /^(.*):(\d+)$/;
		my $both = <<"		END";
		log error
		log to stderr
		END
		my $server = file($p, 'server.conf', <<"		END");
		$both
		server {
			listen on $p->{server} port $p->{tunnel} \\
			    transport tcpmux
			$lines
			service "x" {
				forward to any { pass to $addr port $port }
				token "$TOKEN"
			}
		}
		END
		my $client = file($p, 'client.conf', <<"		END");
		$both
		client {
			connect to $p->{server} port $p->{tunnel} \\
			    transport tcpmux
			$lines
			service "x" {
				listen on 127.0.0.1 port $p->{user} \\
				    protocol socks
				token "$TOKEN"
			}
		}
		END
		return rocketds($p, $bin, server => $server,
		    client => $client);
	};
}

# MyTunnel's files, and which program is on each side; its client can verify
# none but the system's certificates.
sub socks_mytunnel {
	my ($server, $client) = @_;
	return sub {
		my ($p, $bin) = @_;
		my ($crt, $key) = certificate($p, $bin);
		my ($addr, $port) = $p->{target} =~ /^(.*):(\d+)$/;
		# what its server would refuse, if it looked
		my $targets = $server eq 'rocketd' ?
		    "targets = [\"pass to $addr port $port\"]" : '';
		file($p, 'server.toml', <<"		END");
		[server]
		bind_addr = "$p->{server}:$p->{tunnel}"
		$targets
		[quic]
		[tls]
		cert_path = "$crt"
		key_path = "$key"
		[pool]
		[metrics]
		[logging]
		level = "error"
		END
		file($p, 'client.toml', <<"		END");
		[server]
		address = "$p->{server}:$p->{tunnel}"
		server_name = "localhost"
		insecure = true
		[proxy]
		socks5_bind = "127.0.0.1:$p->{user}"
		http_enabled = false
		[logging]
		level = "error"
		END
		my %argv = ('mytunnel-server' => [$bin->{$server}],
		    'mytunnel-client' => [$bin->{$client}, 'run', '-c'],
		    rocketd => [$bin->{rocketd}, '-d', '-W', $p->{worker},
		    '-s']);
		return map { my ($side, $program) = @$_;
		    [$side => @{$argv{$program}}, ($program eq 'rocketd' ?
		    ("$p->{dir}/$side.sock", '-f') : ()),
		    "$p->{dir}/$side.toml"] } ([server => $server],
		    [client => $client]);
	};
}

sub socks_microsocks {
	my ($p, $bin) = @_;
	return ([client => $bin->{microsocks}, '-i', '127.0.0.1', '-p',
	    $p->{user}]);
}

# What to put before a program that wants no privilege.  If we are root that is
# another user, who gets all there is in the place by now, and may go there.
sub unprivileged {
	my ($p) = @_;
	return if $> != 0;
	my ($uid, $gid) = (getpwnam('nobody'))[2, 3];
	defined($uid) or die "there is no user nobody\n";
	chmod(0711, dirname($p->{dir}));
	chown($uid, $gid, $p->{dir}, glob("$p->{dir}/*"));
	return ('setpriv', "--reuid=$uid", "--regid=$gid", '--clear-groups');
}

sub socks_dante {
	my ($p, $bin) = @_;
	my $conf = file($p, 'danted.conf', <<"	END");
	errorlog: stderr
	internal: 127.0.0.1 port = $p->{user}
	external: 127.0.0.1
	clientmethod: none
	socksmethod: none
	client pass {
		from: 127.0.0.0/8 to: 127.0.0.0/8
	}
	socks pass {
		from: 127.0.0.0/8 to: 127.0.0.0/8
		command: connect
	}
	END
	return ([client => unprivileged($p), $bin->{danted}, '-f', $conf,
	    '-p', "$p->{dir}/danted.pid"]);
}

# Both ends prove themselves by keys of the bench; the cipher is the fastest of
# those that both allow by default.  Without PAM an sshd that may not see the
# shadow file takes each account for a locked one.
sub socks_ssh {
	my ($p, $bin) = @_;
	my $d = $p->{dir};
	for my $key (qw(host user)) {
		said('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f',
		    "$d/$key");
	}
	my $sshd = file($p, 'sshd_config', <<"	END");
	ListenAddress $p->{server}:$p->{tunnel}
	HostKey $d/host
	AuthorizedKeysFile $d/user.pub
	AuthenticationMethods publickey
	PidFile none
	StrictModes no
	UsePAM yes
	UseDNS no
	AllowTcpForwarding local
	PermitOpen $p->{target}
	LogLevel ERROR
	END
	my $ssh = file($p, 'ssh_config', <<"	END");
	Host *
	Port $p->{tunnel}
	IdentityFile $d/user
	IdentitiesOnly yes
	UserKnownHostsFile $d/known
	GlobalKnownHostsFile none
	StrictHostKeyChecking yes
	BatchMode yes
	Ciphers aes128-gcm\@openssh.com
	ConnectionAttempts 10
	ExitOnForwardFailure yes
	DynamicForward 127.0.0.1:$p->{user}
	SessionType none
	LogLevel ERROR
	END
	file($p, 'known', "[$p->{server}]:$p->{tunnel} " .
	    text("$d/host.pub"));
	my @as = unprivileged($p);
	return ([server => @as, $bin->{sshd}, '-D', '-e', '-f', $sshd],
	    [client => @as, $bin->{ssh}, '-F', $ssh, $p->{server}]);
}

sub socks_chisel {
	my ($p, $bin) = @_;
	return ([server => $bin->{chisel}, 'server', '--socks5', '--host',
	    $p->{server}, '--port', $p->{tunnel}, '--auth', "bench:$TOKEN"],
	    [client => $bin->{chisel}, 'client', '--auth', "bench:$TOKEN",
	    '--max-retry-interval', '1s', "http://$p->{server}:$p->{tunnel}",
	    "127.0.0.1:$p->{user}:socks"]);
}

# name, mode (what it is compared with), programs, set-up, and then:
#	rows	=> only these
#	most	=> so many streams and no more, with the reason
#	wan	=> also over the slow link
#	extra	=> only when BENCH_ONLY names it in full
#	udp	=> carries datagrams: only those rows
#	socks	=> is asked for the target by its users: only rows of proxies
my $SOME = qr/^(up8|down8|rate)$/;
my @MANY = (most => 1000, reason => 'a process for each connection');

our @LIST = (
	['direct', 'reference', [], undef, wan => 1],
	['haproxy', 'reference', ['haproxy'], \&haproxy],
	['socat', 'reference', ['socat'], \&socat, @MANY],

	['rocketd none', 'bare', ['rocketd'],
	    rocketd('tcpmux', 'seal none'), wan => 1],
	['rocketd none muxpro', 'bare', ['rocketd'],
	    rocketd('tcpmux', 'seal none', 'mux kind muxpro'), extra => 1],
	['rocketd xor', 'bare', ['rocketd'], rocketd('tcpmux', 'seal xor'),
	    rows => $SOME],
	['rocketd none lz4', 'bare', ['rocketd'],
	    rocketd('tcpmux', 'seal none', 'compression lz4'), rows => $SOME],
	['rocketd none prefork', 'bare', ['rocketd'],
	    rocketd('tcpmux', 'seal none', 'prefork 2'), rows => $SOME],
	['rocketd tcp', 'bare', ['rocketd'], rocketd('tcp', 'seal none'),
	    rows => $SOME],
	['rocketd ws', 'bare', ['rocketd'], rocketd('ws', 'seal none'),
	    rows => $SOME],
	['rocketd wsmux', 'bare', ['rocketd'], rocketd('wsmux', 'seal none'),
	    rows => $SOME],
	['rathole tcp', 'bare', ['rathole'], rathole(), wan => 1],
	['frp mux', 'bare', ['frps', 'frpc'], frp('false', 'true')],
	['frp', 'bare', ['frps', 'frpc'], frp('false', 'false')],
	['backhaul mux', 'bare', ['backhaul'],
	    backhaul('tcpmux', 'mux_version = 2',
	    'mux_streambuffer = 2097152'), wan => 1],
	['backhaul mux 1', 'bare', ['backhaul'],
	    backhaul('tcpmux', 'mux_version = 1'), extra => 1],
	['backhaul tcp', 'bare', ['backhaul'], backhaul('tcp')],
	replaced('backhaul mux', 'tcpmux', 'mux_version = 2',
	    'mux_streambuffer = 2097152'),
	replaced('backhaul tcp', 'tcp'),

	['rocketd tls', 'sealed', ['rocketd'],
	    rocketd('tcpmux', 'seal tls'), wan => 1],
	['rocketd tls muxpro', 'sealed', ['rocketd'],
	    rocketd('tcpmux', 'seal tls', 'mux kind muxpro'), extra => 1],
	['rocketd tcp tls', 'sealed', ['rocketd'], rocketd('tcp', 'seal tls'),
	    rows => $SOME],
	['rocketd tls lz4', 'sealed', ['rocketd'],
	    rocketd('tcpmux', 'seal tls', 'compression lz4'), rows => $SOME],
	['rocketd tls prefork', 'sealed', ['rocketd'],
	    rocketd('tcpmux', 'seal tls', 'prefork 2'), rows => $SOME],
	['rocketd ws tls', 'sealed', ['rocketd'], rocketd('ws', 'seal tls'),
	    rows => $SOME],
	['rocketd wsmux tls', 'sealed', ['rocketd'],
	    rocketd('wsmux', 'seal tls'), rows => $SOME],
	# within outer TLS, with the seal and without
	['rocketd tlsmux', 'sealed', ['rocketd', 'openssl'],
	    rocketd('tlsmux', 'seal tls'), rows => $SOME],
	(map { ["rocketd $_ none", 'sealed', ['rocketd', 'openssl'],
	    rocketd($_, 'seal none'), rows => $SOME] } qw(tls tlsmux wss wssmux)),
	# QUIC seals by itself
	['rocketd quic', 'sealed', ['rocketd', 'openssl'], rocketd('quic'),
	    wan => 1],
	['rathole noise', 'sealed', ['rathole'], rathole(\&rathole_noise)],
	['rathole tls', 'sealed', ['rathole', 'openssl'],
	    rathole(\&rathole_tls)],
	['frp mux tls', 'sealed', ['frps', 'frpc'], frp('true', 'true')],
	['frp tls', 'sealed', ['frps', 'frpc'], frp('true', 'false')],
	['chisel', 'sealed', ['chisel'], \&chisel],

	['udp direct', 'reference', [], undef, udp => 1],
	['udp rocketd none', 'bare', ['rocketd'],
	    rocketd('tcpmux', 'seal none'), udp => 1],
	['udp rocketd tcp', 'bare', ['rocketd'], rocketd('tcp', 'seal none'),
	    udp => 1],
	['udp rathole', 'bare', ['rathole'], rathole(), udp => 1],
	['udp frp mux', 'bare', ['frps', 'frpc'], frp('false', 'true'),
	    udp => 1],
	['udp backhaul', 'bare', ['backhaul'], backhaul('udp'), udp => 1],
	['udp backhaul tcp', 'bare', ['backhaul'], backhaul('tcp'), udp => 1],
	(map { [@$_, udp => 1] } replaced('udp backhaul', 'udp'),
	    replaced('udp backhaul tcp', 'tcp')),
	['udp rocketd tls', 'sealed', ['rocketd'],
	    rocketd('tcpmux', 'seal tls'), udp => 1],
	['udp rocketd quic', 'sealed', ['rocketd', 'openssl'],
	    rocketd('quic'), udp => 1],
	['udp rathole noise', 'sealed', ['rathole'],
	    rathole(\&rathole_noise), udp => 1],
	['udp frp mux tls', 'sealed', ['frps', 'frpc'], frp('true', 'true'),
	    udp => 1],

	(map { [@$_, socks => 1] }
	    ['socks microsocks', 'reference', ['microsocks'],
	    \&socks_microsocks],
	    ['socks dante', 'reference', ['danted'], \&socks_dante],
	    ['socks rocketd none', 'bare', ['rocketd'],
	    socks_rocketd('seal none')],
	    ['socks rocketd tls', 'sealed', ['rocketd'],
	    socks_rocketd('seal tls')],
	    ['socks rocketd muxpro', 'sealed', ['rocketd'],
	    socks_rocketd('seal tls', 'mux kind muxpro')],
	    ['socks mytunnel', 'sealed', ['mytunnel-server',
	    'mytunnel-client', 'openssl'],
	    socks_mytunnel('mytunnel-server', 'mytunnel-client')],
	    ['socks mytunnel rocketd', 'sealed', ['mytunnel-client',
	    'rocketd', 'openssl'],
	    socks_mytunnel('rocketd', 'mytunnel-client')],
	    ['socks rocketd mytunnel', 'sealed', ['rocketd', 'openssl'],
	    socks_mytunnel('rocketd', 'rocketd')],
	    ['socks ssh', 'sealed', ['ssh', 'sshd'], \&socks_ssh],
	    ['socks chisel', 'sealed', ['chisel'], \&socks_chisel]),
);

sub list {
	return map {
		my ($name, $mode, $needs, $setup, %o) = @$_;
		{ name => $name, mode => $mode, needs => $needs,
		    setup => $setup, %o }
	} @LIST;
}

1;
