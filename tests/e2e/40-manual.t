#!/bin/sh
# The manual pages: without a mistake in mdoc, and complete: each option that
# --help shows, each command and each configuration key stands in its page, and
# nothing stands there that doesn't exist.
. "$(dirname "$0")/lib.sh"
only_on swift "the same on every store"
tree=${tests_dir%/*}
if ! command -v mandoc >/dev/null; then
	echo "1..0 # SKIP no mandoc is installed"
	exit 0
fi

# The options that a page describes, sorted.
options_in()
{
	awk '
		/^\.It Fl/ {
			for (i = 3; i <= NF; i++)
				if ($i ~ /^-?[A-Za-z0-9][a-z0-9-]*$/ &&
				    ($(i - 1) == "Fl" || $(i - 1) == ","))
					print "-" $i
		}' "$1" | LC_ALL=C sort
}

# The options that --help, on stdin, puts at the beginning of a line, or after
# a `;` in it, sorted.
options_of_help()
{
	sed -n 's/^ \{1,\}\(-.*\)/\1/p' | tr ';' '\n' |
		sed -n 's/^ *\(-[^ =,]*\)\(, \(--[^ =:]*\)\)\{0,1\}.*/\1 \3/p' |
		tr -s ' ' '\n' | sed '/^$/d' | LC_ALL=C sort
}

# items_in MACRO PAGE: what a list's items of this macro are called, sorted.
items_in()
{
	sed -n "s/^\\.It $1 \\([a-z0-9_]*\\)\$/\\1/p" "$2" | LC_ALL=C sort
}

begin "mandoc has nothing to say"
cd "$tree" || exit 1
pages=$(ls -- */*.[1-9])
cd "$here" || exit 1
: >referred
for page in $pages; do
	# Whose manuals are installed here is another matter; see below for ours.
	run mandoc -T lint -W style "$tree/$page"
	is "$(cat out err | grep -v -e "referenced manual not found" \
		-e "mandoc.db lacks")" "" "$page is clean"
	sed -n 's/^\.Xr \(s3[^ ]*\) \([0-9]\).*/\1.\2/p' "$tree/$page" >>referred
done
is "$(sort -u referred)" "$(echo "$pages" | sed 's|.*/||' | sort)" \
	"each of our pages that is referred to exists, and the other way round"

begin "each option has its place"
for stage in scan upload reap; do
	page=$(ls "$tree"/*/s3spool-$stage.1)
	options_in "$page" >described
	"$S3SPOOL_BUILD/s3spool-$stage" --help | options_of_help >offered
	ok "--help of $stage offers options" grep -q -e --dry-run offered
	is "$(cat described)" "$(cat offered)" \
		"the page of $stage describes these, and no others"
done
page=$tree/deploy/s3spool.1
options_in "$page" >described
for command in run drain status; do
	s3spool "$command" --help | options_of_help
done | LC_ALL=C sort -u >offered
is "$(cat described)" "$(cat offered)" \
	"the page of the front door describes those of run, drain and status"
is "$(items_in Cm "$page")" "$({
	s3spool --help | sed -n 's/^.* s3spool \([a-z]*\) .*CONFIG.*/\1/p'
	echo help
} | LC_ALL=C sort)" "and each command"

# The statuses that --help, on stdin, gives, and those of a page, sorted.
statuses_of_help()
{
	sed -n '/^Exit status:/,$s/^ *\([0-9]\{1,\}\)  .*/\1/p' | sort -nu
}

statuses_in()
{
	sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/s/^\.It \([0-9]*\)$/\1/p' "$1"
}

begin "each exit status has its place"
: >any
for stage in scan upload reap; do
	"$S3SPOOL_BUILD/s3spool-$stage" --help | statuses_of_help >offered
	cat offered >>any
	like offered "^78$" "--help of $stage gives statuses"
	is "$(statuses_in "$(ls "$tree"/*/s3spool-$stage.1)")" \
		"$(cat offered)" "the page of $stage has these, and no others"
done
echo 69 >>any
sort -nu any >offered
is "$(statuses_in "$page")" "$(cat offered)" \
	"the page of the front door has those of all three"
# As table rows, those of monitors apart.
is "$(sed -n '/^| exit status/,/^$/s/^| \([0-9, ]*\) |.*/\1/p' \
	"$tree/README.md" | tr ',' '\n' | tr -d ' ')" \
	"$(grep -vx '[23]' offered)" "and so has the README's table"

begin "each key has its place"
sed -n 's/^ *{"\([a-z0-9_]*\)", CONFIG_.*/\1/p' "$tree/common/config_keys.c" |
	LC_ALL=C sort >keys
ok "there are keys" grep -q '^base_dir$' keys
is "$(items_in Cm "$tree/common/s3spool.yaml.5")" "$(cat keys)" \
	"the page of the configuration has each key"
# shellcheck disable=SC2016 # Markdown
is "$(sed -n '/^| key | default/,/^$/s/^| \(`[^|]*`\) |.*/\1/p' \
	"$tree/README.md" | tr -d '` ' | tr ',' '\n' | LC_ALL=C sort)" \
	"$(cat keys)" "and so has the README's table"

# A default in the page is the one that the table of keys says.
begin "each default is told as it is"
awk '
	/^\.It Cm / { key = $3; waiting = 0 }
	/^Default:$/ { waiting = 1; next }
	waiting && /^\.Ql / { gsub(/[\\]/, ""); print key, $2 }
	{ waiting = 0 }' "$tree/common/s3spool.yaml.5" | LC_ALL=C sort >told
tr -d '\n' <"$tree/common/config_keys.c" | sed 's/[;{]/\n/g' | sed -n \
	's/^"\([a-z0-9_]*\)", CONFIG_.*\.initial = "\([^"][^"]*\)".*/\1 \2/p' |
	LC_ALL=C sort >defaults
ok "there are defaults" grep -q '^connections 32$' defaults
is "$(cat told)" "$(cat defaults)" "they are the same"

done_testing
