#!/bin/sh
# What a browser makes of the report: gaps that are seen, names that do nothing,
# a page that fits a phone, by day and by night.
. "$(dirname "$0")/lib.sh"
only_on swift "the same on every store"
if ! command -v chromium >/dev/null; then
	echo "1..0 # SKIP no chromium is installed: deploy/install-deps.sh browser"
	exit 0
fi

# browse FILE [OPTION...]: what becomes of it, in dom.
# shellcheck disable=SC2317 # ok calls it
browse()
{
	browse_file=$1
	shift
	set -- --headless --disable-gpu --hide-scrollbars --no-first-run \
		--user-data-dir="$work/profile" --dump-dom "$@"
	# As root it can't lock itself up.
	[ "$(id -u)" -ne 0 ] || set -- --no-sandbox "$@"
	chromium "$@" "file://$browse_file" >dom 2>err </dev/null
}

# A copy of the page that tells the one around it how it looks, as JSON. The
# page's own policy allows no script, so the copy has none.
add_probe()
{
	sed 's|<meta http-equiv="Content-Security-Policy"[^>]*>||' out
	cat <<'END'
<script>
const style = (where) => getComputedStyle(document.querySelector(where));
const shown = (element) => element.getBoundingClientRect();
parent.postMessage(JSON.stringify({
	inner: innerWidth,
	scrolls: document.documentElement.scrollWidth,
	back: style("body").backgroundColor,
	text: style("body").color,
	gap: style(".card .g").fill,
	full: style(".card .f").fill,
	hatch: style("#hatch .h").fill,
	gaps: [...document.querySelectorAll(".card .g")].map((gap) => ({
		title: gap.querySelector("title").textContent,
		width: shown(gap).width, height: shown(gap).height})),
	images: document.images.length,
	unnamed: [...document.querySelectorAll("svg[role=img]")].filter(
		(svg) => !svg.getAttribute("aria-label")).length,
	tables: document.querySelectorAll("table caption").length,
	small: [...document.querySelectorAll("p, td, th, dt, figcaption")].filter(
		(e) => parseFloat(getComputedStyle(e).fontSize) < 12).length,
}), "*");
</script>
END
}

# A page around it, which takes what it tells as its title: no window is as
# narrow as a phone. frame WIDTH
frame()
{
	cat <<END
<!DOCTYPE html>
<meta name="color-scheme" content="light dark">
<script>
addEventListener("message", (message) => { document.title = message.data; });
</script>
<iframe src="probe.html" width="$1" height="900" style="border: 0"></iframe>
END
}

# seen EXPRESSION: of what the probe told, as s in Python.
seen()
{
	"$PYTHON" -c '
import html, json, re, sys
s = json.loads(html.unescape(
    re.search("<title>(.*?)</title>", open("dom").read()).group(1)))
def light(color):
    r, g, b = (int(c) for c in re.findall(r"\d+", color)[:3])
    return 0.3 * r + 0.6 * g + 0.1 * b
print(eval("(" + sys.argv[1] + ")"))' "$1"
}

begin "a gap and hostile names"
configure ""
remember '
hours("garden", *(h for h in range(72) if h not in (30, 31, 40)))
evil = "document.title=\x27pwned\x27"
for name in ("<script>%s<", "\"><img src=x onerror=%s>", "\x27 onload=\x27%s",
             "</title><script>%s", "--><svg onload=%s>", "<style>*{display:none}"):
    name = name.replace("%s", evil)
    stored(name.encode() + b"\xff/2021/03/01/05/00-t.dat", hour(5))
    hours(name, 6, 8)'
run_ok s3spool report "$conf"
cp out page.html
ok "a browser shows it" browse "$here/page.html"
like dom "<title>s3spool report</title>" "no script has run"
unlike dom "<(img|script|svg onload)" "none came to be"
like dom "<rect class=\"g\"[^>]*><title>garden, 2021-03-02 06 h to 2021-03-02 07 h: no file in 2 hours" \
	"the gap of two hours is there as a gap"
like dom "<rect class=\"g\"[^>]*><title>garden, 2021-03-02 16 h: no file in 1 hour" \
	"so is that of one"
unlike dom "<rect class=\"g\"[^>]*><title>garden, 2021-03-02 08 h" \
	"and no other hour"

add_probe >probe.html
for look in "light 390" "dark 390" "light 1280"; do
	width=${look#* }
	scheme=1
	[ "${look% *}" = light ] || scheme=0
	frame "$width" >frame.html
	ok "$look: a browser shows it" browse "$here/frame.html" \
		--window-size=1300,950 --virtual-time-budget=10000 \
		--blink-settings="preferredColorScheme=$scheme"
	is "$(seen 's["inner"], s["scrolls"] <= s["inner"]')" "($width, True)" \
		"$look: nothing is wider than the window"
	is "$(seen 'sorted(g["title"] for g in s["gaps"] if "garden" in
		g["title"] and g["width"] > 7 and g["height"] > 7)[0]')" \
		"garden, 2021-03-02 06 h to 2021-03-02 07 h: no file in 2 hours" \
		"$look: the gap can be seen"
	is "$(seen 's["gap"], s["full"] != s["hatch"]')" \
		"('url(\"#hatch\")', True)" \
		"$look: it is hatched, in a colour of its own"
	is "$(seen '(light(s["back"]) > 200, light(s["text"]) < 80)')" \
		"$([ "$scheme" = 1 ] && echo "(True, True)" ||
			echo "(False, False)")" "$look: it is"
	is "$(seen 's["images"], s["unnamed"], s["small"], s["tables"] > 1')" \
		"(0, 0, 0, True)" \
		"$look: no image, all pictures have names, all texts a size"
done

done_testing
