package Plot;
use strict; use warnings;
sub all { return; }
1;
