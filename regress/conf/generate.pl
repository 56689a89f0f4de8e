#!/usr/bin/perl
#
# usage: generate.pl SEED COUNT DIR
#
# Makes COUNT random configurations that are right, each in both languages:
# DIR/N.conf and DIR/N.toml say the same.  Which options there are, where they
# may stand and what they take is what rocketd.conf(5) says.  Every third is one
# of Backhaul, whose defaults stand here.

use strict;
use warnings;
use File::Basename qw(dirname);
use List::Util qw(shuffle);

my ($seed, $count, $dir) = @ARGV;
die "usage: $0 seed count dir\n" unless defined $dir;
srand($seed);

# Those that limit each other stay on their side of a bound.
my %least = ('mux receive buffer' => 3 << 20, 'mux max streams' => 1000,
    'pool max' => 100, 'pool' => 4, 'penalty max' => 15);
my %most = ('mux stream buffer' => 3 << 20, 'mux concurrency' => 1000,
    'pool' => 100, 'prefork' => 4, 'penalty min' => 15);
# Keys that are not the option's name with '_', in the tables that have them.
my %key = ('mux frame size' => 'mux_framesize', 'pool' => 'connection_pool',
    'mux receive buffer' => 'mux_recievebuffer',
    'mux stream buffer' => 'mux_streambuffer', 'log' => 'log_level',
    'tunnel receive socket buffer' => 'so_rcvbuf',
    'tunnel send socket buffer' => 'so_sndbuf', 'tunnel mss' => 'mss');
my %unit = (k => 1 << 10, m => 1 << 20, g => 1 << 30);

sub one { return $_[rand @_]; }
sub some { my ($p, @l) = @_; return grep { rand() < $p } @l; }

# "1m" of a manual's range
sub number {
	my ($s) = @_;
	return $s =~ /^(\d+)([kmg])$/ ? $1 * $unit{$2} : $s;
}

# ---- the options ----

my (@options, $section);
open(my $man, '<', dirname($0) . '/../../man/rocketd.conf.5') or die "man: $!\n";
while (<$man>) {
	$section = $1 if /^\.S[hs] (.*)/;
	if (/^\.It Ic ([a-z ]+?)(?: (?:Ar|Cm|Brq) .*)?$/) {
		push @options, { name => $1, section => $section };
	} elsif (/^Value: (.*)\.$/) {
		$options[-1]{takes} = $1;
		# the second form of one that takes a list
		$options[-1]{name} =~ s/ $//;
	}
}
close($man);
@options = grep { defined $_->{takes} } @options;
die "too few options in the manual\n" if @options < 30;
# What is no option is written elsewhere, a block has one of the decoys, and
# users log in only at listeners of a kind that is not made here.
my $statement = join('|', 'client', 'control socket', 'forward to', 'ids',
    'listen on', 'server', 'service', 'tls', 'token', 'allow', 'block',
    'dialect', 'targets');
@options = grep { $_->{name} !~ /^(?:$statement)\b/ &&
    $_->{name} !~ /^(?:decoy (?:redirect|directory)|users file)$/ } @options;

# Where it may stand: g top, S server, C client, s and c their services.
for my $o (@options) {
	$o->{places} = $o->{section} eq 'GLOBAL OPTIONS' ? 'g' :
	    $o->{section} eq 'Decoys' ? 'S' :
	    $o->{section} eq 'QUIC' ? 'SC' :
	    $o->{name} eq 'path' ? 'sc' :
	    $o->{section} =~ /^(?:Users|Accepted tunnels)$/ ||
	    $o->{name} =~ /^udp flows/ ? 'Ss' :
	    $o->{section} =~ /^(?:Servers and targets|WebSocket)$/ ? 'Cc' :
	    $o->{section} eq 'Tunnel sockets' ? 'SCc' : 'SCsc';
}

# A value, as it stands in either language.
sub value {
	my ($o) = @_;
	my $takes = $o->{takes};

	if ($takes eq 'yes or no') {
		my $v = one('yes', 'no');
		return ($v, $v eq 'yes' ? 'true' : 'false');
	}
	if ($takes =~ /^one or more of (.*)/) {
		my @w = split /,? and |, /, $1;
		@w = (one(@w)) if rand() < 0.5;
		return ('{ ' . join(' ', @w) . ' }',
		    '[' . join(', ', map { "\"$_\"" } @w) . ']');
	}
	if ($o->{name} eq 'path' || $o->{name} eq 'host') {
		my $p = join('', map { one('a' .. 'z') } 1 .. 12);
		$p = $o->{name} eq 'path' ? "/$p" : "$p.example.com";
		return (quoted($p), toml_string($p));
	}
	if ($takes =~ /^printable/) {
		my $p = join('', 'x', (map { one('a' .. 'z', ' ', '/', '"', '\\') }
		    1 .. 9), 'x');
		return (quoted($p), toml_string($p));
	}
	if ($takes =~ /^up to \d+ further fields/) {
		my @w = map { "X-$_: " . one('a', 'b c', '"d"') } 1 .. 1 + rand 3;
		return ('{ ' . join(' ', map { quoted($_) } @w) . ' }',
		    '[' . join(', ', map { toml_string($_) } @w) . ']');
	}
	if ($takes =~ /^an absolute path/) {
		# its directory has to be there
		my ($d, @c) = $o->{name} eq 'pidfile' ? '/tmp/' : ('/', '/');
		my $p = $d . join('', map { one('a' .. 'z', @c, ' ', '"') } 1 .. 9);
		return (quoted($p), toml_string($p));
	}
	if ($takes =~ /^a (\w+) from ([\d.kmg]+) to ([\d.kmg]+)/) {
		my ($min, $max) = (number($2), number($3));
		my $fraction = $min =~ /\./ || ($1 eq 'time' && $min == 0);
		my $v;

		$min = $least{$o->{name}} if defined $least{$o->{name}};
		$max = $most{$o->{name}} if defined $most{$o->{name}};
		return (0, 0) if $takes =~ /or 0 \(/ && rand() < 0.2;
		# small ones as often as large ones
		$v = int($min + exp(rand() * log($max - $min + 1)) - 1);
		$v = $min if $v < $min;
		$v = one($min, $max) if rand() < 0.2;
		return ($v, $v) if !$fraction || rand() < 0.3 || $v >= $max ||
		    $v =~ /\./;
		$v = int($v) . sprintf('.%03d', 1 + rand 999);
		return ($v, $v);
	}
	my $v = one(split /, | or /, $takes);
	return ($v, $takes =~ /^\d+ or \d+$/ ? $v : toml_string($v));
}

# ---- both languages ----

sub quoted {
	my ($s) = @_;
	$s =~ s/(["\\])/\\$1/g;
	return "\"$s\"";
}

sub toml_string {
	my ($s) = @_;

	return "'$s'" if $s !~ /'/ && rand() < 0.3;
	return "'''$s'''" if $s !~ /'/ && rand() < 0.1;
	$s =~ s/(["\\])/\\$1/g;
	$s =~ s/([a-z])/rand() < 0.1 ? sprintf('\\u%04x', ord $1) : $1/ge;
	return rand() < 0.1 ? "\"\"\"\n$s\"\"\"" : "\"$s\"";
}

sub toml_number {
	my ($v) = @_;

	return $v if $v =~ /\./ || $v !~ /^\d+$/;
	return sprintf(one('0x%x', '0x%X', '0o%o', '0b%b'), $v)
	    if rand() < 0.1;
	$v =~ s/(?<=\d)(?=(\d{3})+$)/_/g if rand() < 0.1;
	return rand() < 0.1 ? "+$v" : $v;
}

# One option in a place: lines of both languages, [conf, toml].
sub option {
	my ($o, $place) = @_;
	my ($conf, $toml) = value($o);
	my $key = $key{$o->{name}};

	($key = $o->{name}) =~ tr/ /_/ unless defined $key;
	# "mss" of a service is the tunnels' in TOML
	return () if $o->{name} eq 'mss';
	if ($o->{name} =~ /^(?:tunnel )?nodelay$/ && rand() < 0.7) {
		return () if $place =~ /[sc]/ && $o->{name} =~ /^tunnel/;
		$key = $place =~ /[sc]/ || $o->{name} =~ /^tunnel/ ?
		    'disable_nodelay' : 'default_disable_nodelay';
		$toml = $toml eq 'true' ? 'false' : 'true';
	} elsif ($o->{name} eq 'tcp keepalive') {
		$key = 'keep_alive' if $place eq 's';
		$key = 'default_keep_alive' if $place =~ /[SC]/;
	} elsif ($place =~ /[SC]/ && rand() < 0.5) {
		$key = "default_$key";
	}
	return ["$o->{name} $conf", "$key = " . toml_number($toml)];
}

sub options_of {
	my ($place, $p) = @_;
	return map { option($_, $place) }
	    some($p, grep { $_->{places} =~ /$place/ } @options);
}

my $files = 0;
my @letters = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '.', '_', '-');

# One of its own, so that no list has the same twice.
sub token_file {
	my $path = "$dir.tokens/" . ++$files;
	open(my $fh, '>', $path) or die "$path: $!\n";
	print $fh "The token number $files.\n";
	close($fh) or die "$path: $!\n";
	return $path;
}

sub token {
	my ($default) = @_;
	my $key = $default . 'token';
	my $kind = one('value', 'value', 'file', 'env');
	my @t;

	for (0 .. (rand() < 0.3 ? rand 8 : 0)) {
		push @t, $kind eq 'env' ? 'T' . int(rand 1000) :
		    $kind eq 'file' ? token_file() :
		    join('', map { one(@letters, ' ', '"', '\\', '#') } 0 .. 15 + rand 99);
	}
	my $word = $kind eq 'value' ? '' : "$kind ";
	my @conf = map { $word . quoted($_) } @t;
	my @toml = map { toml_string($_) } @t;
	$key .= "_$kind" if $kind ne 'value';
	return ["token { @conf }", "$key = [" . join(', ', @toml) . ']']
	    if @t > 1 || rand() < 0.1;
	return ["token $conf[0]", "$key = $toml[0]"];
}

# A host as in the file, and as in HOST:PORT.
sub host {
	my ($names, $family) = @_;
	$family = one(4, 6, $names ? 0 : 4) unless defined $family;
	my $v4 = join('.', map { int rand 256 } 1 .. 4);
	my $v6 = sprintf('2001:db8::%x', 1 + rand 65535);
	my $name = join('', map { one('a' .. 'z') } 1 .. 8) . '.example.com';

	return $family == 4 ? ($v4, $v4) : $family == 6 ? ($v6, "[$v6]") :
	    ($name, $name);
}

my %taken;

# A listener that overlaps with no other one.
sub listen_on {
	my ($port, $conf, $toml);

	do { $port = 1 + int rand 65535; } while ($taken{$port}++);
	($conf, $toml) = rand() < 0.3 ? ('*', one('', '*')) : host(0);
	return ["listen on $conf port $port", toml_string("$toml:$port")];
}

sub listens {
	my @l = map { listen_on() } 0 .. (rand() < 0.3 ? rand 6 : 0);
	my @toml = map { $_->[1] } @l;
	my @keys;

	push @keys, "bind_addr = $toml[0]" if @l == 1 || rand() < 0.5;
	push @keys, 'bind_addrs = [' . join(', ', @toml) . ']'
	    if @l > 1 || rand() < 0.2;
	return ([map { $_->[0] } @l], \@keys);
}

sub remotes {
	my $family = rand() < 0.5 ? 4 : 6;
	my @remotes = map { [host(1, one(0, $family)), 1 + int rand 65535] }
	    0 .. (rand() < 0.3 ? rand 5 : 0);
	my @sources = map { [host(0, $family)] } 1 .. (rand() < 0.3 ? rand 4 : 0);
	my @toml = map { toml_string("$_->[1]:$_->[2]") } @remotes;
	my (@conf, @keys);

	for my $r (@remotes) {
		my $s = "connect to $r->[0] port $r->[2] transport tcpmux";
		push @conf, map { "$s from $_->[0]" } @sources;
		push @conf, $s unless @sources;
	}
	push @keys, "remote_addr = $toml[0]" if @toml == 1 || rand() < 0.5;
	push @keys, 'remote_addrs = [' . join(', ', @toml) . ']'
	    if @toml > 1 || rand() < 0.2;
	push @keys, 'local_addrs = [' . join(', ', map { toml_string(
	    rand() < 0.5 ? "$_->[1]:0" : $_->[0]) } @sources) . ']' if @sources;
	return (\@conf, \@keys);
}

sub target {
	if (rand() < 0.2) {
		my $p = '/' . join('', map { one('a' .. 'z', '/', ' ') } 0 .. 20);
		return ['forward to unix ' . quoted($p),
		    'local_addr = ' . toml_string($p)];
	}
	my ($conf, $toml) = host(1);
	my $port = 1 + int rand 65535;

	return ["forward to $conf port $port",
	    'local_addr = ' . toml_string("$toml:$port")];
}

# ---- a configuration ----

sub services {
	my ($side, $place, $default) = @_;
	my (%names, %conf, %toml);

	# what is in braces is a part of the table, whose header is there once
	$conf{$_} = $toml{$_} = '' for 'header', 'braces';
	for (1 .. (rand() < 0.8 ? 1 + rand 4 : 0)) {
		my $name = join('', map { one(@letters) } 0 .. rand 20);
		next if $names{lc $name}++;
		my @both = ($default && rand() < 0.5 ? () : token(''),
		    options_of($place, 0.3));
		my ($where, $keys) = $place eq 's' ? listens() :
		    map { [$_] } @{target()};
		# the addresses of a table have its protocol
		if ($place eq 's' && rand() < 0.3) {
			my $p = one('tcp', 'udp', 'tcp udp');
			@$where = map { "$_ protocol $p" } @$where;
			push @$keys, 'protocol = ' . toml_string($p);
		}
		my $key = $name =~ /\./ || rand() < 0.1 ? "\"$name\"" : $name;
		my @lines = (@$keys, map { $_->[1] } @both);
		my $form = rand() < 0.1 && !grep({ /\n/ } @lines) ?
		    'braces' : 'header';

		@lines = map { rand() < 0.05 ? "$_ # \"comment'" : $_ } @lines
		    if $form eq 'header';
		$toml{$form} .= $form eq 'braces' ?
		    "$key = { " . join(', ', @lines) . " }\n" :
		    join("\n", "[$side.services.$key]", @lines, '');
		$conf{$form} .= join('', "\tservice \"$name\" {\n",
		    (map { "\t\t$_\n" } @$where, map { $_->[0] } @both),
		    "\t}\n");
	}
	# a table without any tells the file from another program's
	$toml{braces} = "[$side.services]\n$toml{braces}"
	    if $toml{braces} ne '' || $toml{header} eq '';
	return ("$conf{header}$conf{braces}", "$toml{header}$toml{braces}");
}

sub block {
	my ($side) = @_;
	my $server = $side eq 'server';
	my $default = rand() < 0.5;
	my ($where, $keys) = $server ? listens() : remotes();
	my @both = (($default ? token(one('', 'default_')) : ()),
	    options_of($server ? 'S' : 'C', 0.3));
	my ($conf, $toml) = services($side, $server ? 's' : 'c', $default);

	if (!$server && rand() < 0.3) {
		my $id = join('', map { one(@letters) } 0 .. rand 60);
		push @both, ["client id \"$id\"", "client_id = \"$id\""];
	}
	@$where = map { "$_ transport tcpmux" } @$where if $server;
	return (join('', "$side {\n", (map { "\t$_\n" } @$where,
	    map { $_->[0] } @both), $conf, "}\n"),
	    join('', "[$side]\n", (map { "$_\n" } @$keys,
	    'transport = ' . toml_string('tcpmux'),
	    map { $_->[1] } @both), $toml));
}

# ---- another program's, Backhaul's ----

# A key with a number: its own default, and what the option takes.
my %number = (channel_size => [2048, 65536, 'user queue'],
    connection_pool => [8, 1024, 'pool'], dial_timeout => [10, 600],
    heartbeat => [40, 3600, 'keepalive'],
    keepalive_period => [75, 32767, 'tcp keepalive', 'tunnel tcp keepalive'],
    mss => [0, 32767, 'tunnel mss'], mux_con => [8, 1048576, 'mux concurrency'],
    mux_framesize => [32768, 65535, 'mux frame size'],
    mux_recievebuffer => [4194304, 2147483647, 'mux receive buffer'],
    mux_streambuffer => [65536, 65536, 'mux stream buffer'],
    mux_version => [1, 2], retry_interval => [3, 3600],
    so_rcvbuf => [0, 1 << 30, 'tunnel receive socket buffer'],
    so_sndbuf => [0, 1 << 30, 'tunnel send socket buffer']);
my %least_number = (mss => 88, so_rcvbuf => 2048, so_sndbuf => 2048,
    mux_recievebuffer => 65536);

# Keys in any case.
sub any_case {
	return rand() < 0.1 ? uc $_[0] : rand() < 0.1 ? ucfirst $_[0] : $_[0];
}

sub numbers {
	my (@keys) = @_;
	my (@conf, @toml);

	for my $key (@keys) {
		my ($dflt, $max, @names) = @{$number{$key}};
		my $min = $least_number{$key} || 1;
		my ($v, $said) = ($dflt, undef);
		if (rand() < 0.6) {
			$v = $said = int($min + rand($max - $min + 1));
		} elsif (rand() < 0.2) {
			$said = one(0, -1, -9223372036854775808);
		} elsif (rand() < 0.2 && $key !~ /^mux_[sv]/) {
			($v, $said) = ($max, one($max + 1, 9223372036854775807));
		}
		push @toml, any_case($key) . " = $said" if defined $said;
		($names[0] = $key) =~ tr/_/ / unless @names;
		push @conf, map { "$_ $v" } @names if $v > 0;
		push @conf, 'mux max streams 1048576'
		    if $key eq 'mux_con' && $v > 16384;
	}
	return (\@conf, \@toml);
}

# A mapping that overlaps with no other, of ports behind $$next.
sub mapping {
	my ($next) = @_;
	my $first = $$next + 1 + int rand 300;
	my $last = $first + (rand() < 0.3 ? int rand 9 : 0);
	my $to = one(undef, 1 + int rand 65535,
	    (host(0, 4))[0] . ':' . (1 + int rand 65535), "web.example.com:80");
	my $sp = rand() < 0.2 ? ' ' : '';
	my ($host, $left) = ('*', $first == $last ? $first : "$first$sp-$sp$last");

	$$next = $last;
	if ($first == $last && defined $to && rand() < 0.5) {
		($host, my $h) = host(0);
		($host, $h) = ('*', one('', '0.0.0.0', '[::]')) if rand() < 0.3;
		$left = "$h:$first";
	}
	my $sign = $first != $last && rand() < 0.3 ? ':' : '=';
	return ("listen on $host port $first" .
	    ($first == $last ? '' : "-$last"),
	    defined $to ? " to \"$to\"" : '',
	    toml_string($sp . $left . (defined $to ? "$sp$sign$sp$to" : '')));
}

sub backhaul_server {
	my ($transport) = @_;
	my $next = 3080;
	my $udp = rand() < 0.3;
	my $protocol = $transport eq 'udp' ? ' protocol udp' :
	    $transport eq 'tcp' && $udp ? ' protocol tcp udp' : '';
	my (@conf, @toml, @listens, @ports);

	for (1 .. rand 9) {
		my ($on, $to, $port) = mapping(\$next);
		push @listens, "$on$protocol$to";
		push @ports, $port;
	}
	push @toml, any_case('accept_udp') . ' = true' if $udp;
	push @toml, 'ports = [' . join(', ', @ports) . ']' if @ports;
	if (rand() < 0.3) {
		push @toml, 'proxy_protocol = true';
		push @conf, 'proxy protocol v2'
		    if $transport =~ /^tcp|mux/;
	}
	push @conf, 'user timeout 3',
	    "listen on * port 3080 transport $transport";
	push @toml, 'bind_addr = ' . one('":3080"', '"0.0.0.0:3080"');
	return (\@conf, \@listens, \@toml);
}

sub backhaul_client {
	my ($transport) = @_;
	my ($host, $h) = host(1);
	my (@rules, @toml);
	my $edge = '';

	push @toml, 'remote_addr = ' . toml_string("$h:3080");
	if (rand() < 0.5) {
		my ($e, $t) = host(0);
		push @toml, 'edge_ip = ' . toml_string($t);
		$edge = " edge $e" if $transport =~ /ws/;
	}
	for (1 .. rand 5) {
		push @rules, one('pass', 'block') . ' to ' . one('any', host(0),
		    '10.0.0.0/8', 'a.example.com', '*.example.com') .
		    one('', ' port ' . (1 + int rand 65535), ' port 1-1024');
		$rules[-1] =~ s/[][]//g;
	}
	push @toml, 'targets = [' . join(', ', map { toml_string($_) } @rules) .
	    ']' if @rules;
	@rules = ('pass to any') unless @rules;
	return (['keepalive 40', 'pool max 1024', "connect to $host port 3080 " .
	    "transport $transport$edge"], ['targets {', @rules, '}'], \@toml);
}

sub backhaul {
	my $server = rand() < 0.5;
	my $transport = one('tcp', 'tcpmux', 'udp', 'ws', 'wsmux',
	    $server ? () : ('wss', 'wssmux'));
	my @keys = $server ? ('channel_size', 'heartbeat') :
	    ('connection_pool', 'dial_timeout', 'retry_interval');
	my $nodelay = rand() < 0.5;
	my ($conf, $within, $toml) = $server ? backhaul_server($transport) :
	    backhaul_client($transport);

	push @keys, 'keepalive_period' if $transport ne 'udp';
	push @keys, 'mss', 'so_rcvbuf', 'so_sndbuf' if $transport =~ /^tcp/;
	push @keys, $server ? 'mux_con' : (), grep { /^mux/ && !/con/ }
	    sort keys %number if $transport =~ /mux/;
	my ($c, $t) = numbers(@keys);
	push @$t, any_case('nodelay') . ' = ' . ($nodelay ? 'true' : 'false')
	    if $nodelay || rand() < 0.5;
	push @$c, 'tls verify no-i-accept-any-server' if $transport =~ /^wss/;
	push @$c, 'nodelay ' . ($nodelay ? 'yes' : 'no')
	    if $server && $transport ne 'udp';
	push @$c, 'tunnel nodelay ' . ($nodelay ? 'yes' : 'no')
	    if $transport =~ /^tcp/ || (!$server && $transport ne 'udp');
	push @$t, 'sniffer = true', 'sniffer_log = "/usage.json"'
	    if rand() < 0.3;
	push @$c, 'usage yes', 'usage file "/usage.json"'
	    if @$t && $t->[-1] =~ /^sniffer/;
	push @$t, one('pprof = true', 'skip_optz = false', 'mux_session = 9',
	    'web_port = 0', 'frobnicate = [1]');
	push @$t, any_case('transport') . " = \"$transport\"";
	push @$t, any_case('token') . ' = "0123456789abcdef"'
	    if rand() < 0.8;
	my $side = $server ? 'server' : 'client';
	return (join("\n", "$side {", 'dialect backhaul', @$conf, @$c,
	    'service "backhaul" {', 'token "0123456789abcdef"', @$within, '}',
	    '}', ''), join("\n", "[$side]",
	    shuffle(@$toml, @$t), ''));
}

sub put {
	my ($name, $text) = @_;
	open(my $f, '>', "$dir/$name") or die "$dir/$name: $!\n";
	print $f $text;
	close($f) or die "$dir/$name: $!\n";
}

for my $n (1 .. $count) {
	if ($n % 3 == 0) {
		my ($c, $t) = backhaul();
		put("$n.conf", $c);
		put("$n.toml", $t);
		next;
	}
	%taken = ();
	my @top = options_of('g', 0.3);
	my $conf = join('', map { "$_->[0]\n" } @top);
	my $toml = join('', map { "$_->[1]\n" } @top);

	for my $side (one(['server'], ['client'], ['server', 'client'])) {
		for (@$side) {
			my ($c, $t) = block($_);
			$conf .= $c;
			$toml .= $t;
		}
	}
	$toml =~ s/\n/\r\n/g if rand() < 0.1;
	$toml = "\xef\xbb\xbf$toml" if rand() < 0.1;
	put("$n.conf", $conf);
	put("$n.toml", $toml);
}
