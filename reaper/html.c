/* See html.h. The page must stand alone, as an attachment or on a disk without
 * a network, and be harmless whatever a producer called its files: so there is
 * no script in it, and its policy forbids any.
 *
 * Blue and vermilion are told apart by all eyes, and what is missing is hatched
 * besides. */
#include "reaper/html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/percent.h"
#include "common/timefmt.h"

static const char style[] =
    ":root{color-scheme:light dark;--back:#f6f7f8;--card:#fff;--text:#1b2026;"
    "--soft:#5a6672;--line:#dfe3e7;--data:#3f7cb8;--thin:#a5c7e8;"
    "--none:#edf0f2;--gap:#d1440c;--gapback:#ffd9c2}\n"
    "@media(prefers-color-scheme:dark){:root{--back:#121518;--card:#1b2025;"
    "--text:#e4e8ec;--soft:#9ba7b3;--line:#2e353c;--data:#5b9bd8;"
    "--thin:#2c5680;--none:#252b31;--gap:#ff8347;--gapback:#53230c}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:16px 12px 40px;max-width:1200px;"
    "background:var(--back);color:var(--text);"
    "font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}\n"
    "h1{font-size:22px;line-height:1.25;margin:0 0 2px}\n"
    "h2{font-size:17px;margin:32px 0 4px}\n"
    "p{margin:4px 0 10px;max-width:95ch}\n"
    ".soft{color:var(--soft)}.bad{color:var(--gap);font-weight:600}\n"
    ".tiles{display:grid;gap:8px;margin:16px 0 0;"
    "grid-template-columns:repeat(auto-fit,minmax(140px,1fr))}\n"
    ".tiles div,.card{background:var(--card);border:1px solid var(--line);"
    "border-radius:8px;padding:9px 10px}\n"
    "dt,.card p,figcaption{font-size:13px;color:var(--soft)}\n"
    "dd{margin:0;font-size:20px;line-height:1.3;overflow-wrap:normal;"
    "font-variant-numeric:tabular-nums}dd "
    "small{font-size:13px;font-weight:400}\n"
    ".cards{display:grid;gap:8px;align-items:start;"
    "grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr))}\n"
    "figure{margin:0}figcaption{margin-bottom:6px}\n"
    "figcaption b{display:block;color:var(--text);font-size:15px}\n"
    ".wide{margin-bottom:8px}\n"
    "svg{display:block;max-width:100%;height:auto}\n"
    ".wide svg{width:100%;height:72px;border-bottom:1px solid var(--soft)}\n"
    "text{font:9.5px system-ui,sans-serif;fill:var(--soft);"
    "font-variant-numeric:tabular-nums}\n"
    ".f{fill:var(--data)}.t{fill:var(--thin)}.n{fill:var(--none)}"
    ".g{fill:url(#hatch)}.e{fill:var(--gapback)}.h{fill:var(--gap)}\n"
    "rect:hover,g:hover>.f,g:hover>.g{stroke:var(--text);stroke-width:1.5}\n"
    ".wide rect:hover{stroke:none;fill:var(--text)}\n"
    ".ends{display:flex;justify-content:space-between;font-size:12px;"
    "color:var(--soft)}\n"
    ".legend{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;"
    "margin:8px 0 12px;padding:0;font-size:13px;color:var(--soft)}\n"
    ".legend svg{display:inline-block;vertical-align:-1px;"
    "margin-right:6px}\n"
    ".scroll{overflow-x:auto;background:var(--card);"
    "border:1px solid var(--line);border-radius:8px;margin:6px 0}\n"
    "table{border-collapse:collapse;width:100%;font-size:13px}\n"
    "caption{text-align:left;padding:8px 10px 2px;color:var(--soft)}\n"
    "th,td{text-align:left;vertical-align:top;padding:5px 10px;"
    "border-top:1px solid var(--line);white-space:nowrap;"
    "font-variant-numeric:tabular-nums}\n"
    "thead th{color:var(--soft);font-weight:500;border-top:0}\n"
    "tbody th{font-weight:500}\n"
    ".long,tbody th{white-space:normal;min-width:7em;"
    "overflow-wrap:break-word}\n"
    ".long{min-width:14em}.r{text-align:right}code{white-space:nowrap}\n"
    "summary{cursor:pointer;padding:6px 0;font-size:13px;"
    "color:var(--soft)}\n"
    ":focus-visible{outline:2px solid var(--data);outline-offset:2px}\n"
    "@media print{body{max-width:none}.card{break-inside:avoid}}\n";

void
html_clip(struct strbuf *page, const char *text, size_t max)
{
	struct strbuf shown = {0};
	const char *c;

	log_escape(&shown, text); /* valid UTF-8 from here on */
	c = strbuf_text(&shown);
	for (; *c != '\0'; max--) {
		size_t length = percent_utf8_length(c);

		if (max == 0) {
			strbuf_puts(page, "\xe2\x80\xa6");
			break;
		}
		if (*c == '&')
			strbuf_puts(page, "&amp;");
		else if (*c == '<')
			strbuf_puts(page, "&lt;");
		else if (*c == '>')
			strbuf_puts(page, "&gt;");
		else if (*c == '"')
			strbuf_puts(page, "&quot;");
		else if (*c == '\'')
			strbuf_puts(page, "&#39;");
		else
			strbuf_add(page, c, length);
		c += length;
	}
	strbuf_done(&shown);
}

void
html_text(struct strbuf *page, const char *text)
{
	html_clip(page, text, SIZE_MAX);
}

void
html_number(struct strbuf *page, int64_t number)
{
	char digits[32];
	/* 20 characters at most: it fits. */
	int length = snprintf(digits, sizeof digits, "%" PRId64, number);

	for (int i = 0; i < length; i++) {
		strbuf_putc(page, digits[i]);
		if (digits[i] != '-' && i + 1 < length &&
		    (length - i - 1) % 3 == 0)
			strbuf_putc(page, ',');
	}
}

void
html_count(struct strbuf *page, int64_t number, const char *thing)
{
	html_number(page, number);
	strbuf_printf(page, " %s%s", thing, number == 1 ? "" : "s");
}

void
html_time(struct strbuf *page, int64_t time_ns)
{
	char text[TIMEFMT_MAX];

	(void)timefmt_rfc3339(time_ns, text); /* returns its argument */
	strbuf_printf(page, "%.10s %.5s UTC", text, text + 11);
}

void
html_begin(struct strbuf *page, const char *title)
{
	strbuf_puts(page,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n"
	    "<meta http-equiv=\"Content-Security-Policy\" content=\""
	    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
	    "form-action 'none'\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width, "
	    "initial-scale=1\">\n"
	    "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	html_text(page, title);
	strbuf_printf(
	    page, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", style);
	strbuf_puts(page,
	    "<svg width=\"0\" height=\"0\" aria-hidden=\"true\" "
	    "style=\"position:absolute\"><defs><pattern id=\"hatch\" "
	    "width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\" "
	    "patternTransform=\"rotate(45)\"><rect class=\"e\" width=\"4\" "
	    "height=\"4\"/><rect class=\"h\" width=\"2\" height=\"4\"/>"
	    "</pattern></defs></svg>\n");
}

void
html_end(struct strbuf *page)
{
	strbuf_puts(page, "</body>\n</html>\n");
}

void
html_open_table(struct strbuf *page, const char *caption, const char *columns)
{
	strbuf_puts(page,
	    "<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
	    "aria-label=\"");
	html_text(page, caption);
	strbuf_puts(page, "\"><table>\n<caption>");
	html_text(page, caption);
	strbuf_puts(page, "</caption>\n<thead><tr>");
	while (*columns != '\0') {
		size_t length = strcspn(columns, "|");
		bool is_number = *columns == '#';

		strbuf_printf(page, "<th scope=\"col\"%s>%.*s</th>",
		    is_number ? " class=\"r\"" : "", (int)length - is_number,
		    columns + is_number);
		columns += length + (columns[length] == '|');
	}
	strbuf_puts(page, "</tr></thead>\n<tbody>\n");
}

void
html_close_table(struct strbuf *page)
{
	strbuf_puts(page, "</tbody></table></div>\n");
}
