# Plots of what was measured, as SVG by gnuplot: a band for each subject, in it
# a bar for each figure, its median, with whiskers from the least to the most.
# The colours can be told apart by those who see few.

package Plot;

use strict;
use warnings;
use Proc;
use Report;
use Wan;

use constant {
	BAND => 0.84,		# of a subject's height, bars; the rest is air
	BAR_PX => 13,		# height of a bar
	HEADING => 0.7,		# of a subject's height, a mode's name
	WIDTH_PX => 1000,
};

my @COLOURS = ('#0072b2', '#56b4e9', '#d55e00', '#e69f00');

# File, title, what an axis shows and which way is good, whether it is
# logarithmic; then figures as in Report.
my @PLOTS = (
	['throughput', 'Throughput', 'MB/s (more is better)', 0,
	    ['up1.mb_s', '1 stream up'], ['down1.mb_s', '1 stream down'],
	    ['up8.mb_s', '8 streams up'], ['down8.mb_s', '8 streams down']],
	['cpu', 'CPU time of all processes for a gigabyte',
	    'seconds a GB (less is better)', 0,
	    ['up1.cpu', '1 stream up'], ['down1.cpu', '1 stream down'],
	    ['up8.cpu', '8 streams up'], ['down8.cpu', '8 streams down']],
	['latency', 'Latency: 64 octets there and back',
	    'microseconds (less is better)', 1,
	    ['ping.p50', 'idle, median'],
	    ['ping.p99', 'idle, 99th percentile'],
	    ['beside.p50', 'beside a download, median'],
	    ['beside.p99', 'beside a download, 99th percentile']],
	['connections', 'Short connections, 32 at once',
	    'connections a second (more is better)', 0,
	    ['rate.per_s', 'connect, 64 octets there and back, close']],
	['memory', 'Private memory of all processes',
	    'MiB (less is better)', 1, ['mem0.private', 'idle', 1024],
	    ['mem1000.private', '1000 idle streams', 1024],
	    ['mem9000.private', '9000 idle streams', 1024]],
	['link', 'One stream over a slow link', 'MB/s (more is better)', 1,
	    map { [Wan::name(@$_) . '.mb_s',
	    sprintf('%d ms, %g %% loss', @$_)] } @Wan::SLOW],
);

# Rows from the top down: [y, name, mode or undef for a heading].
sub layout {
	my ($result, @cols) = @_;
	my ($y, $mode, @rows) = (0, '');
	for my $s (@{$result->{subjects}}) {
		next if !grep { Report::stat_of($result, $s->{name}, $_->[0]) }
		    @cols;
		if ($s->{mode} ne $mode) {
			$mode = $s->{mode};
			push @rows, [$y + 0.1, $mode];
			$y += HEADING;
		}
		push @rows, [$y++, $s->{name}, $mode];
	}
	return @rows;
}

sub data {
	my ($result, $rows, $col, $i, $n) = @_;
	my ($figure, undef, $div) = @$col;
	my $text = "\$d$i << END\n";
	my $bar = BAND / $n;
	for my $r (grep { $_->[2] } @$rows) {
		my @st = Report::stat_of($result, $r->[1], $figure) or next;
		my ($mid, $min, $max) = map { $_ / ($div // 1) } @st;
		my $y = $r->[0] - BAND / 2 + $bar * ($i + 0.5);
		$text .= sprintf("%.4f %g %g %g %.4f %.4f \"%s\"\n", $y, $mid,
		    $min, $max, $y - $bar / 2, $y + $bar / 2,
		    Report::figure($mid));
	}
	return "${text}END\n";
}

sub where {
	my ($result) = @_;
	my $m = $result->{machine};
	my $text = sprintf('%s, %d cores, %s, loopback, %s: median, least ' .
	    'and most of %d round%s', $m->{cpu} =~ s/\(R\)//gr, $m->{cores},
	    $m->{kernel}, substr($m->{time}, 0, 10), $result->{rounds},
	    $result->{rounds} == 1 ? '' : 's');
	$text =~ s/([_@^])/\\\\$1/g;	# marks of gnuplot, in quotes
	return $text;
}

sub tics {
	my (@rows) = @_;
	return join(', ', map {
		my ($y, $name, $mode) = @$_;
		my $bold = !$mode || $name =~ /^rocketd/;
		$name = uc($name) if !$mode;
		sprintf('"%s" %g', $bold ? "{/:Bold $name}" : $name, $y)
	} @rows);
}

sub script {
	my ($result, $path, $plot, @rows) = @_;
	my (undef, $title, $axis, $log, @cols) = @$plot;
	my $n = @cols;
	my $height = 190 + int(($rows[-1][0] + 1) * BAR_PX *
	    ($n < 2 ? 2.6 : $n));
	# What stands above the bars, by its distance from the top.
	my @top = map { 1 - $_ / $height } 22, 46, 66, $n < 2 ? 66 : 112;
	my $key = $n < 2 ? 'unset key' : 'set key at graph 0, screen ' .
	    "$top[2] top left horizontal Left reverse samplen 1.2 width 1";
	my $where = $plot->[0] eq 'link' ? where($result) =~
	    s/loopback/two namespaces/r : where($result);
	my $base = $log ? lowest($result, @cols) : 0;
	my $text = <<"	END" =~ s/^\t//mgr;
	set terminal svg size ${\WIDTH_PX},$height enhanced \\
	    font "Helvetica,Arial,sans-serif,13" background "#ffffff"
	set output "$path"
	set label 1 "{/:Bold=19 $title}" at screen 0.02,$top[0]
	set label 2 "{/=12 $where}" at screen 0.02,$top[1]
	set xlabel "$axis"
	set border 1 lc rgb "#888888"
	set grid xtics lt 1 lw 0.6 lc rgb "#dddddd"
	set xtics nomirror tc rgb "#333333"
	set ytics (${\tics(@rows)}) nomirror scale 0 tc rgb "#111111"
	set yrange [$rows[-1][0] + 0.6 : -0.4]
	set xrange [$base : *]
	$key
	set tmargin at screen $top[3]
	set lmargin 22
	set bmargin 4
	set rmargin 7
	set style fill solid 1 noborder
	set errorbars 0.5
	END
	$text .= "set logscale x\nset format x \"" .
	    ($base < 1 ? '%g' : '%.0s%c') . "\"\n" if $log;
	for my $r (grep { $_->[2] && $_->[1] =~ /^rocketd/ } @rows) {
		$text .= sprintf("set object rectangle from graph 0, first " .
		    "%g to graph 1, first %g fc rgb \"#eef3f8\" fs solid 1 " .
		    "noborder behind\n", $r->[0] - 0.5, $r->[0] + 0.5);
	}
	$text .= data($result, \@rows, $cols[$_], $_, $n) for 0 .. $n - 1;
	my @bars = map { my $i = $_;
		("\$d$i using 2:1:($base):2:5:6 with boxxyerror fc rgb " .
		    "\"$COLOURS[$i]\" title \"$cols[$i][1]\"",
		    "\$d$i using 2:1:3:4 with xerrorbars pt 0 lw 1.1 lc rgb " .
		    "\"#222222\" notitle",
		    "\$d$i using 4:1:7 with labels left offset 0.6,0 font " .
		    "\",10\" tc rgb \"#444444\" notitle") } 0 .. $n - 1;
	return $text . 'plot ' . join(", \\\n    ", @bars) . "\n";
}

# Where a logarithmic axis begins: bars have to begin somewhere.
sub lowest {
	my ($result, @cols) = @_;
	my $low;
	for my $s (@{$result->{subjects}}) {
		for my $c (@cols) {
			my (undef, $min) = Report::stat_of($result, $s->{name},
			    $c->[0]);
			next if !$min;
			$min /= $c->[2] // 1;
			$low = $min if !defined($low) || $min < $low;
		}
	}
	return 10 ** (POSIX::floor(log($low * 0.8) / log(10)));
}

# Whether anybody has this figure.
sub known {
	my ($result, $figure) = @_;
	return grep { @{$_->{$figure} // []} } values %{$result->{samples}};
}

# Writes the plots that there are figures for; their names.  Dies with a reason.
sub all {
	my ($result, $dir) = @_;
	my $gnuplot = Proc::find('gnuplot') or
	    die "gnuplot (package gnuplot-nox) is not installed\n";
	my @made;
	for my $full (@PLOTS) {
		my @head = @$full[0 .. 3];
		my @cols = grep { known($result, $_->[0]) }
		    @$full[4 .. $#$full] or next;
		my ($plot, @rows) = ([@head, @cols],
		    layout($result, @cols));
		my $path = "$dir/$plot->[0].svg";
		open(my $fh, '|-', $gnuplot) or die "gnuplot: $!\n";
		print $fh script($result, $path, $plot, @rows);
		close($fh) or die "gnuplot failed on $path\n";
		push @made, "$plot->[0].svg";
	}
	return @made;
}

1;
