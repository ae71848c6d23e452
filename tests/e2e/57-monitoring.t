#!/bin/sh
# What deploy/monitoring has for Prometheus and Grafana: rules that are valid and
# fire when they should, a dashboard that can be loaded, both about metrics that
# real runs write, and node_exporter, which reads these.
. "$(dirname "$0")/lib.sh"
only_on swift "the same on every store"
monitoring=${tests_dir%/*}/deploy/monitoring
for tool in promtool prometheus-node-exporter; do
	if ! command -v $tool >/dev/null; then
		echo "1..0 # SKIP no $tool is installed"
		exit 0
	fi
done

begin "the rules"
cp "$monitoring/s3spool-alerts.yml" "$tests_dir/e2e/alerts.yml" .
run_ok promtool check rules s3spool-alerts.yml
run_ok promtool test rules alerts.yml
sed -n 's/^ *- alert: //p' s3spool-alerts.yml | sort >alerts
is "$("$PYTHON" -c '
import yaml
print("\n".join(sorted({
    case["alertname"] for test in yaml.safe_load(open("alerts.yml"))["tests"]
    for case in test["alert_rule_test"] if case.get("exp_alerts")})))')" \
	"$(cat alerts)" "each alert is seen to fire"

begin "the dashboard"
cat >read.py <<'E2'
"""Checks the dashboard FILE, and makes of its expressions rules for promtool."""
import json
import sys

dashboard = json.load(open(sys.argv[1], encoding="utf-8"))
panels = dashboard["panels"]
assert dashboard["title"] and dashboard["uid"] and dashboard["id"] is None
assert len({panel["id"] for panel in panels}) == len(panels), "ids"
assert len({panel["title"] for panel in panels}) == len(panels), "titles"
taken = set()
for panel in panels:
    at = panel["gridPos"]
    for x in range(at["x"], at["x"] + at["w"]):
        for y in range(at["y"], at["y"] + at["h"]):
            assert x < 24 and (x, y) not in taken, "places overlap"
            taken.add((x, y))
    assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
variables = {variable["name"] for variable in dashboard["templating"]["list"]}
assert variables == {"datasource", "instance", "spool_dir"}, variables
rules = []
for panel in panels:
    assert panel["targets"], panel["title"]
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}", panel["title"]
        rules.append({"record": f"r{len(rules)}", "expr": target["expr"].replace(
            "$__rate_interval", "5m").replace("$", "")})
json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, sys.stdout)
E2
run_ok "$PYTHON" read.py "$monitoring/s3spool-dashboard.json"
cp out dashboard-rules.yml
run_ok promtool check rules dashboard-rules.yml
like out "SUCCESS: [1-9][0-9]* rules" "its expressions are PromQL"

# --- and what they are about -------------------------------------------------

# node_exporter: starts it on prom/, with its metrics in scraped.
node_exporter()
{
	port=$("$PYTHON" -c '
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
	start prometheus-node-exporter --collector.disable-defaults \
		--collector.textfile --collector.textfile.directory="$here/prom" \
		--web.listen-address="127.0.0.1:$port"
	wait_until "node_exporter answers" curl -sf --noproxy '*' -o scraped \
		"http://127.0.0.1:$port/metrics"
}

scenario "they are about what runs write"
mkdir prom
configure "metrics_dir: prom"
hour=room/2021/02/03/04
write_file "$hour/01-refused.dat"
printf other >other
s3 put "$bucket" "$hour/01-refused.dat" other
write_file "$hour/02-t.dat"
run_ok scan "$conf"
run upload "$conf"
status_is 1 "one file is refused, one is stored"
write_file "$hour/03-t.dat"
run_ok scan "$conf"
run upload -o endpoint_url=http://127.0.0.1:9 -o max_attempts=1 "$conf"
status_is 75 "one waits"
run_ok reap "$conf"
sed -e "s|^base_dir:.*|base_dir: $here/other-base|" "$conf" >other.yaml
mkdir other-base
run_ok s3spool run other.yaml
node_exporter
like scraped "^node_textfile_scrape_error 0" "node_exporter reads all of it"
for series in 'backlog_files\{.*base/\.spool",state="base"' \
	'backlog_files\{.*base/\.spool",state="claimed"' \
	'backlog_files\{.*base/\.spool",state="confirmed"' \
	'runs_total\{.*other-base/\.spool",stage="scan"' \
	'runs_total\{.*other-base/\.spool",stage="upload"' \
	'runs_total\{.*other-base/\.spool",stage="reap"'; do
	like scraped "^s3spool_$series" "it has $series"
done
sed -n 's/^\(s3spool_[a-z_]*\){.*/\1/p' scraped | sort -u >there
for file in "$monitoring/s3spool-alerts.yml" dashboard-rules.yml \
	"$monitoring/s3spool-dashboard.json" "${tests_dir%/*}/README.md"; do
	[ -e "$file" ] || file=$work/2/$file
	# shellcheck disable=SC2013 # names
	is "$(grep -oE 's3spool_[a-z]+_[a-z_]+|s3spool_info' "$file" |
		grep -vxE 's3spool_(scan|upload|reap)' | sort -u |
		comm -23 - there)" "" "each metric in ${file##*/} is written"
done
ok "most are in the dashboard" test "$(grep -oE 's3spool_[a-z_]+' \
	"$monitoring/s3spool-dashboard.json" | sort -u | grep -cxFf there)" -ge 15

done_testing
