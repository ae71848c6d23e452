#!/bin/sh
# What whoever inherits deploy/ relies on without trying it: scripts that parse,
# a crontab that cron takes, manifests that a cluster takes, examples that the
# programs take, links that lead somewhere.
. "$(dirname "$0")/lib.sh"
only_on swift "the same on every store"
tree=${tests_dir%/*}
deploy_dir=$tree/deploy

begin "the scripts"
grep -rlE '^#!(/bin/sh|/bin/bash|/usr/bin/env (ba)?sh)$' "$deploy_dir" \
	"$tree/.ci" >scripts
like scripts "/deploy/s3spool$" "there are some: $(wc -l <scripts)"
while read -r script; do
	name=${script#"$tree"/}
	ok "$name can be executed" test -x "$script"
	ok "$name parses" "$(sed -n '1s/^#!.*[/ ]//p' "$script")" -n "$script"
	if command -v shellcheck >/dev/null; then
		run shellcheck -x "$script"
		is "$status $(cat out)" "0 " "shellcheck has no complaint about it"
	fi
done <scripts
for script in s3spool s3-uploader-cli install-deps.sh demo.sh; do
	run "$deploy_dir/$script" --help
	status_is 0 "$script --help helps"
	like out "^usage: $script" "by its usage"
	run "$deploy_dir/$script" --no-such-option
	status_is 64 "and $script knows no other option"
done

# --- cron ------------------------------------------------------------------

# cron_faults FILE: what cron would not take, or not as it looks, in a file of
# /etc/cron.d (crontab(5), cron(8)).
cron_faults()
{
	awk '
		/^[ \t]*(#|$)/ { next }
		/^[A-Za-z_]+[ \t]*=/ { next }
		length > 998 { print "line " NR ": cron cuts it off" }
		{
			for (i = 1; i <= 5; i++)
				if ($i !~ /^(\*|[0-9]+(-[0-9]+)?)(\/[0-9]+)?(,[0-9]+(-[0-9]+)?)*$/)
					print "line " NR ": no time: " $i
			if ($6 !~ /^[a-z_][a-z0-9_-]*$/)
				print "line " NR ": no user: " $6
			if ($0 ~ /(^|[^\\])%/)
				print "line " NR ": cron makes lines of %"
		}' "$1"
	[ -z "$(tail -c 1 "$1")" ] || echo "its last line has no end"
	case ${1##*/} in
	*[!A-Za-z0-9_-]*) echo "cron looks at no file of this name" ;;
	esac
}

begin "cron"
is "$(cron_faults "$deploy_dir/cron.d/s3spool")" "" "cron takes its file"
printf '* * * *  s3spool  /bin/date +%%H' >s3spool.cron
is "$(cron_faults s3spool.cron)" "line 1: no time: s3spool
line 1: no user: /bin/date
line 1: cron makes lines of %
its last line has no end
cron looks at no file of this name" "a bad one would have been seen"
# What the manual shows is a user's crontab: the same without the user.
sed -n 's/^\(\* \* \* \* \*\)  \(.*\)/\1 user \2/p' "$deploy_dir/s3spool.1" |
	sed 's/\\//g' >shown
like shown "s3spool run" "the manual shows a line, too"
is "$(cron_faults shown)" "" "which cron takes"
# Its own PATH is /usr/bin:/bin.
is "$(sed -n '/^PATH=/,/^\*/p' "$deploy_dir/s3spool.1" | sed 's/  .*//')" \
	"PATH=/usr/local/bin:/usr/bin:/bin
* * * * *" "and which finds what make install installs"
is "$(grep '^[A-Z_]*=.*\$' "$deploy_dir/cron.d/s3spool")" "" \
	"and nothing there waits for it to expand a variable"

# --- containers ------------------------------------------------------------

# manifests FILE...
manifests()
{
	run "$PYTHON" "$tests_dir/manifests.py" "$@"
}

begin "kubernetes"
if "$PYTHON" -c 'import yaml' 2>/dev/null; then
	manifests "$deploy_dir"/kubernetes/*.yaml
	is "$status $(cat out err)" "0 " "each field is one that there is"
	sed -e 's/concurrencyPolicy: Forbid/concurrencyPolicy: Never/' \
		-e 's/schedule:/scheduled:/' "$deploy_dir/kubernetes/cronjob.yaml" \
		>mistaken
	manifests mistaken
	is "$status $(cat out)" "1 mistaken: CronJob.spec: no schedule
mistaken: CronJob.spec: unknown field scheduled
mistaken: CronJob.spec.concurrencyPolicy: Never" "mistakes would have been seen"
	sed -e 's/runAsNonRoot: true, //' -e 's/{name: data, mount/{name: date, mount/' \
		-e 's/, capabilities: {drop: \[ALL\]}//' \
		-e 's/matchLabels: {app: /&not-/' \
		"$deploy_dir/kubernetes/uploaders.yaml" >mistaken
	manifests mistaken "$deploy_dir/kubernetes/cronjob.yaml"
	for fault in "may be root" "no volume date" "rights that it needs not" \
		"selector doesn't meet"; do
		like out "^mistaken: Deployment.*$fault" "and so would: $fault"
	done
	manifests "$deploy_dir/kubernetes/sidecar.yaml"
	like out "no Secret s3spool" "or what isn't there"
	"$PYTHON" - "$deploy_dir"/kubernetes/*.yaml >commands <<-'EOF'
		import sys, yaml
		def walk(thing):
		    if isinstance(thing, dict):
		        if thing.get("image") == "s3spool":
		            print(*thing["command"])
		        if "s3spool.yaml" in (thing.get("data") or {}):
		            open("in-map.yaml", "w").write(thing["data"]["s3spool.yaml"])
		    for each in (thing.values() if isinstance(thing, dict) else
		                 thing if isinstance(thing, list) else []):
		        walk(each)
		for path in sys.argv[1:]:
		    for thing in yaml.safe_load_all(open(path)):
		        walk(thing)
	EOF
	is "$(sed -E 's/ --loop [0-9]+ / /' commands | sort -u)" \
		"s3spool reap /etc/s3spool/s3spool.yaml
s3spool run /etc/s3spool/s3spool.yaml
s3spool scan /etc/s3spool/s3spool.yaml
s3spool upload /etc/s3spool/s3spool.yaml
sh -c s3spool run /etc/s3spool/s3spool.yaml || [ \$? -eq 75 ]" \
		"they run what the image has"
	mkdir -p job
	sed -n 's/^sh -c //p' commands >job/command
	for code in 0 1 75 77; do
		printf '#!/bin/sh\nexit %d\n' "$code" >job/s3spool
		chmod +x job/s3spool
		run env PATH="$here/job:$PATH" sh job/command
		echo "$code: $status"
	done >ends
	is "$(tr '\n' ' ' <ends)" "0: 0 1: 1 75: 0 77: 1 " \
		"and what stays queued fails no job"
	run scan -n -o base_dir="$base" in-map.yaml
	status_is 0 "and the configuration in the ConfigMap is one"
else
	skip "no yaml for Python"
fi
user=$(sed -n 's/^USER \([0-9]*\):\([0-9]*\)$/runAsUser: \1, runAsGroup: \2/p' \
	"$deploy_dir/container/Containerfile")
is "$(grep -hoE 'runAsUser: [0-9]+, runAsGroup: [0-9]+' \
	"$deploy_dir"/kubernetes/*.yaml | sort -u)" "$user" \
	"their user is the image's"

# --- examples and links ----------------------------------------------------

begin "the example of a configuration"
example=$deploy_dir/examples/s3spool.yaml
run scan -n -o base_dir="$base" "$example"
status_is 0 "the programs take it"
sed 's/^#\([a-z_]*:\|  *-\)/\1/' "$example" >everything.yaml
ok "much of it is commented out" test "$(diff "$example" everything.yaml |
	grep -c '^>')" -ge 5
run scan -n -o base_dir="$base" everything.yaml
is "$status $(cat err)" "0 " "and with all of that, too"

# anchors FILE: what its headings are called in links.
anchors()
{
	sed -n 's/^#\{1,\} //p' "$1" | tr '[:upper:]' '[:lower:]' |
		sed -e 's/[^a-z0-9 _-]//g' -e 's/ /-/g'
}

begin "links"
for page in README.md deploy/recipes.md; do
	grep -oE '\]\([^)]+\)' "$tree/$page" | sed 's/^](\(.*\))$/\1/' |
		grep -v '^[a-z]*:' >links
	while read -r link; do
		target=${link%%#*}
		[ -n "$target" ] && target=$(dirname "$tree/$page")/$target ||
			target=$tree/$page
		[ -e "$target" ] || echo "$link: no such file"
		case $link in
		*'#'*) anchors "$target" | grep -qxF -e "${link#*#}" ||
			echo "$link: no such heading" ;;
		esac
	done <links >nowhere
	is "$(cat nowhere)" "" "$page: $(wc -l <links) links lead somewhere"
done
for piece in container kubernetes examples cron.d logrotate.d recipes.md; do
	like "$tree/README.md" "\(deploy/$piece" "the README leads to $piece"
done

done_testing
