#!/bin/sh
#
# The style gate: what can be told about a file's form without understanding
# it.  Prints "file:line: fault" and exits 1 when there is one, else a TAP line.
# Files on the command line, or all of the tree.

cd "$(dirname "$0")/.." || exit 1

if [ $# -gt 0 ]; then
	files=$*
else
	files=$(find rocketd worker rocketctl shared regress -name '*.[chy]' |
	    grep -v '^rocketd/conf/parse\.c$' | sort)
fi
scripts=$(ls configure regress/*.sh regress/*/*.sh regress/*/*.t 2>/dev/null)

c_faults() {
	awk '
	function fault(words) {
		print FILENAME ":" FNR ": " words
	}
	# the width on a screen: a tab goes to the next multiple of eight
	function width(s,    i, w) {
		for (i = w = 0; i < length(s); i++)
			if (substr(s, i + 1, 1) == "\t")
				w += 8 - w % 8
			else
				w++
		return w
	}
	FNR == 1 {
		if (NR > 1 && last > 1000)
			print prev ": " last " lines, look for the second noun"
		prev = FILENAME
		comment = 0
		start = ""
		if ($0 != "/* SPDX-License-Identifier: ISC */")
			fault("does not open with the licence")
	}
	{ last = FNR }
	width($0) > 80 { fault("wider than 80 columns") }
	/[ \t]$/ { fault("blanks at the end of the line") }
	/\r/ { fault("carriage return") }
	# four blanks continue a line, one stands before a label, and one where
	# a list of names goes on below the first
	/^\t* +[^ *\t]/ && !/^\t*    [^ ]/ && !/^\t\t\t+ [^ ]/ && !comment &&
	    !/^ [A-Za-z_][A-Za-z_0-9]*:/ {
		fault("indented with blanks")
	}
	{
		code = $0
		gsub(/\\["\\]/, "", code)
		gsub(/"[^"]*"/, "", code)
		gsub(/\/\*.*\*\//, "", code)
	}
	code ~ /\/\// && !comment { fault("comment with two slashes") }
	code ~ /(^|[^a-z_])(if|for|while|switch|return)\(/ && !comment {
		fault("no blank after the keyword")
	}
	code ~ /[^a-z_]return [^(;]/ && !comment {
		fault("return without parentheses")
	}
	# "type name(args" and the body below: the type belongs alone
	/^\{/ && start ~ /^[A-Za-z_].*[ *][A-Za-z_0-9]+\([^()]*\)?,?$/ {
		print FILENAME ":" at ": return type not alone on its line"
	}
	/^[A-Za-z_]/ {
		start = $0
		at = FNR
	}
	/^[a-z].*\) *\{$/ { fault("brace of a function on its line") }
	code ~ /(^|[^a-z_])u?sleep\(/ && FILENAME ~ /_test\.c$/ {
		fault("sleep in a test")
	}
	{
		rest = $0
		if (comment && rest ~ /\*\//) {
			comment = 0
			sub(/.*\*\//, "", rest)
		}
		gsub(/"[^"]*"/, "", rest)
		gsub(/\/\*([^*]|\*[^\/])*\*\//, "", rest)
		if (!comment && rest ~ /\/\*/)
			comment = 1
	}
	END {
		if (last > 1000)
			print prev ": " last " lines, look for the second noun"
	}' $files
}

script_faults() {
	test -n "$scripts" || return
	awk '
	FILENAME ~ /style\.sh$/ { next }
	/[ \t]$/ { print FILENAME ":" FNR ": blanks at the end of the line" }
	/(^|[;&|({`]|do|then|else)[ \t]*sleep[ \t]/ {
		print FILENAME ":" FNR ": sleep where an event can be awaited"
	}' $scripts
}

faults=$(c_faults; script_faults)
if [ -n "$faults" ]; then
	echo "$faults"
	exit 1
fi
echo "ok - style of $(echo $files $scripts | wc -w) files"
