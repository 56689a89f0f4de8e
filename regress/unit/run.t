#!/usr/bin/perl
#
# Runs unit tests (all of them, or those named) and prints one TAP stream: the
# groups of a test have a plan each, which TAP does not know.  That a test
# ended well is one more result of its own, so that a crash or a sanitizer's
# finding is never lost.

use strict;
use warnings;
use File::Basename qw(dirname basename);

# One that hangs is one that failed; generous, for sanitizers on a busy machine.
my $limit = 300;		# seconds
my @tests = @ARGV ? @ARGV : sort glob(dirname($0) . '/*_test');
my $n = 0;

sub result {
	my ($ok, $what) = @_;
	$n++;
	print $ok ? '' : 'not ', "ok $n - $what\n";
	# prove(1) keeps standard output to itself.
	print STDERR "# failed: $what\n" if !$ok;
}

$| = 1;
$ENV{CMOCKA_MESSAGE_OUTPUT} = 'TAP';
delete $ENV{CMOCKA_XML_FILE};
# Those of QUIC's libraries are built where they are.
sub without_quic {
	open(my $conf, '<', dirname($0) . '/../../config.h') or return 0;
	return !grep { /^#define HAVE_QUIC/ } <$conf>;
}

for my $test (@tests) {
	my $name = basename($test);
	my ($results, $planned, $why) = (0, 0, 0);

	if ($name =~ /^quic/ && without_quic()) {
		result(1, "$name # SKIP this build is without QUIC");
		next;
	}
	$test = "./$test" unless $test =~ m,/,;
	if (!open(my $out, '-|', "exec timeout $limit $test 2>&1")) {
		result(0, "$name: $!");
		next;
	} else {
		while (my $line = <$out>) {
			chomp($line);
			if ($line =~ /^1\.\.(\d+)/) {
				$planned += $1;
			} elsif ($line =~ /^(?:not )?ok\b\s*\d*\s*# SKIP\s*(.*)/) {
				# cmocka says "not ok", which TAP does not
				$results++;
				result(1, "$name: $1 # SKIP not here");
			} elsif ($line =~ /^(not )?ok\b\s*\d*\s*-?\s*(.*)/) {
				$results++;
				$why = defined($1);
				result(!$why, "$name: $2");
			} else {
				$line =~ s/^#?\s*/# /;
				print { $why ? *STDERR : *STDOUT } "$line\n";
			}
		}
		close($out);
		result($? == 0 && $results == $planned && $results > 0,
		    sprintf('%s: ended with status %d, signal %d, ' .
		    '%d of %d results', $name, $? >> 8, $? & 127, $results,
		    $planned));
	}
}
print "1..$n\n";
