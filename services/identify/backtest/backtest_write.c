// SPDX-License-Identifier: Apache-2.0
/*
 * The sheets of a backtest as text, CSV and HTML.
 */
#include <string.h>

#include "services/identify/backtest/backtest_report.h"

enum { WIDTH_MAX = 48 };

static const char *cell(const struct pn_sheet *sheet, size_t row, unsigned column)
{
    return sheet->cells[row * sheet->column_count + column];
}

// --- CSV and text --------------------------------------------------------------------------------

static void add_field(struct pn_buf *out, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        pn_buf_add_str(out, text);
        return;
    }
    pn_buf_add_char(out, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"') {
            pn_buf_add_char(out, '"');
        }
        pn_buf_add_char(out, *c);
    }
    pn_buf_add_char(out, '"');
}

void pn_sheet_csv(const struct pn_sheet *sheet, struct pn_buf *out)
{
    for (unsigned c = 0; c < sheet->column_count; c++) {
        pn_buf_add_str(out, c == 0 ? "" : ",");
        pn_buf_add_str(out, sheet->columns[c].name);
    }
    pn_buf_add_str(out, "\r\n");
    for (size_t r = 0; r < sheet->row_count; r++) {
        for (unsigned c = 0; c < sheet->column_count; c++) {
            pn_buf_add_str(out, c == 0 ? "" : ",");
            add_field(out, cell(sheet, r, c));
        }
        pn_buf_add_str(out, "\r\n");
    }
}

// Characters of UTF-8, not bytes.
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xC0) != 0x80 ? 1 : 0;
    }
    return width;
}

static void add_padded(struct pn_buf *out, const char *text, size_t width, bool is_number)
{
    size_t own = width_of(text), blanks = own < width ? width - own : 0;
    for (size_t i = 0; is_number && i < blanks; i++) {
        pn_buf_add_char(out, ' ');
    }
    pn_buf_add_str(out, text);
    for (size_t i = 0; !is_number && i < blanks; i++) {
        pn_buf_add_char(out, ' ');
    }
}

static void add_lines(const struct pn_sheet *sheet, enum pn_language language, struct pn_buf *out)
{
    pn_buf_printf(out, "%s\n", pn_report_text(sheet->title, language));
    for (size_t r = 0; r < sheet->row_count; r++) {
        pn_buf_printf(out, "  - %s\n", cell(sheet, r, sheet->column_count - 1));
    }
    pn_buf_add_char(out, '\n');
}

void pn_sheet_text(const struct pn_sheet *sheet, enum pn_language language, struct pn_buf *out)
{
    if (sheet->is_list) {
        add_lines(sheet, language, out);
        return;
    }
    size_t widths[PN_SHEET_COLUMNS_MAX] = {0};
    for (unsigned c = 0; c < sheet->column_count; c++) {
        widths[c] = width_of(pn_report_text(sheet->columns[c].head, language));
        for (size_t r = 0; r < sheet->shown; r++) {
            size_t own = width_of(cell(sheet, r, c));
            widths[c] = own > widths[c] ? own : widths[c];
        }
        widths[c] = widths[c] < WIDTH_MAX ? widths[c] : WIDTH_MAX;
    }
    pn_buf_printf(out, "%s\n", pn_report_text(sheet->title, language));
    for (unsigned c = 0; c < sheet->column_count; c++) {
        pn_buf_add_str(out, "  ");
        add_padded(out, pn_report_text(sheet->columns[c].head, language), widths[c],
                   sheet->columns[c].is_number);
    }
    pn_buf_add_char(out, '\n');
    for (size_t r = 0; r < sheet->shown; r++) {
        for (unsigned c = 0; c < sheet->column_count; c++) {
            pn_buf_add_str(out, "  ");
            add_padded(out, cell(sheet, r, c), widths[c], sheet->columns[c].is_number);
        }
        pn_buf_add_char(out, '\n');
    }
    pn_buf_add_char(out, '\n');
}

// --- HTML ----------------------------------------------------------------------------------------

void pn_html_text(struct pn_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            pn_buf_add_str(out, "&amp;");
            break;
        case '<':
            pn_buf_add_str(out, "&lt;");
            break;
        case '>':
            pn_buf_add_str(out, "&gt;");
            break;
        case '"':
            pn_buf_add_str(out, "&quot;");
            break;
        default:
            pn_buf_add_char(out, *text);
        }
    }
}

static void add_element(struct pn_buf *out, const char *opening, const char *text,
                        const char *closing)
{
    pn_buf_add_str(out, opening);
    pn_html_text(out, text);
    pn_buf_add_str(out, closing);
}

static void add_table(const struct pn_sheet *sheet, enum pn_language language, struct pn_buf *out)
{
    if (sheet->row_count == 0) {
        add_element(out, "<p>", pn_report_text(PN_TEXT_NOBODY, language), "</p>\n");
        return;
    }
    pn_buf_printf(out, "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-labelledby=\"%s\">",
                  sheet->file);
    add_element(out, "<table><caption>", pn_report_text(sheet->title, language),
                "</caption><thead><tr>");
    for (unsigned c = 0; c < sheet->column_count; c++) {
        add_element(out,
                    sheet->columns[c].is_number ? "<th scope=\"col\" class=\"n\">"
                                                : "<th scope=\"col\">",
                    pn_report_text(sheet->columns[c].head, language), "</th>");
    }
    pn_buf_add_str(out, "</tr></thead><tbody>\n");
    for (size_t r = 0; r < sheet->shown; r++) {
        pn_buf_add_str(out, "<tr>");
        for (unsigned c = 0; c < sheet->column_count; c++) {
            const char *opening = c == 0                        ? "<th scope=\"row\">"
                                  : sheet->columns[c].is_number ? "<td class=\"n\">"
                                                                : "<td>";
            add_element(out, opening, cell(sheet, r, c), c == 0 ? "</th>" : "</td>");
        }
        pn_buf_add_str(out, "</tr>\n");
    }
    pn_buf_add_str(out, "</tbody></table></div>\n");
    if (sheet->shown < sheet->row_count) {
        add_element(out, "<p>", pn_report_text(PN_TEXT_MORE_IN_FILE, language), ": ");
        pn_buf_printf(out, "%s.csv (%zu)</p>\n", sheet->file, sheet->row_count);
    }
}

typedef void picture_function(const struct pn_backtest_report_input *report,
                              const struct pn_sheet *sheet, struct pn_buf *out);

static void add_section(const struct pn_backtest_report_input *report, const struct pn_sheet *sheet,
                        picture_function *picture, struct pn_buf *out)
{
    pn_buf_printf(out, "<section><h2 id=\"%s\">", sheet->file);
    add_element(out, "", pn_report_text(sheet->title, report->language), "</h2>\n");
    if (sheet->note != PN_TEXT_COUNT) {
        add_element(out, "<p>", pn_report_text(sheet->note, report->language), "</p>\n");
    }
    if (picture != NULL && sheet->row_count > 0) {
        pn_buf_printf(out,
                      "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-labelledby=\"%s\">",
                      sheet->file);
        picture(report, sheet, out);
        pn_buf_add_str(out, "</div>\n");
    }
    add_table(sheet, report->language, out);
    pn_buf_add_str(out, "</section>\n");
}

// Above all figures, in words.
static void add_warnings(const struct pn_sheet *sheet, enum pn_language language,
                         struct pn_buf *out)
{
    if (sheet->row_count == 0) {
        return;
    }
    pn_buf_add_str(out, "<section class=\"warnings\">");
    add_element(out, "<h2 id=\"warnings\">", pn_report_text(sheet->title, language), "</h2>\n<ul>");
    for (size_t r = 0; r < sheet->row_count; r++) {
        add_element(out, "<li>", cell(sheet, r, sheet->column_count - 1), "</li>\n");
    }
    pn_buf_add_str(out, "</ul></section>\n");
}

// Light and dark; contrast of texts and of the two sides' colours is over 4.5.
static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1b1f;--paper:#fff;--line:#767680;--new:#0b57a4;"
    "--today:#9a4a00;--soft:#f1f2f6}"
    "@media(prefers-color-scheme:dark){:root{--ink:#ececf1;--paper:#16161a;--line:#8f8f9b;"
    "--new:#8ab8ff;--today:#ffb277;--soft:#24242b}}"
    "body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);"
    "max-width:70rem;margin:0 auto;padding:1rem}"
    "table{border-collapse:collapse;margin:.5rem 0 1rem}caption{text-align:left;font-weight:600}"
    "th,td{border:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "thead th{background:var(--soft)}.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".hidden{position:absolute;min-width:0;width:0}.warnings{border:3px solid "
    "var(--today);padding:0 1rem}"
    ".wide{overflow-x:auto;max-height:40rem;overflow-y:auto}"
    ".wide:focus-visible{outline:3px solid var(--new)}"
    "svg{width:100%;min-width:44rem;height:auto}svg text{fill:var(--ink);font-size:13px}"
    ".new{fill:var(--new)}.today{fill:url(#stripes);stroke:var(--today)}.stripe{fill:var(--today)}."
    "axis{stroke:var(--line)}"
    ".budget{stroke:var(--ink);stroke-width:2;stroke-dasharray:6 4}"
    "@media print{.wide{max-height:none;overflow:visible}}";

// What today's bars are filled with, in every picture.
static const char stripes[] =
    "<svg class=\"hidden\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs><pattern "
    "id=\"stripes\""
    " width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
    "<rect class=\"stripe\" width=\"3\" height=\"6\"/></pattern></defs></svg>\n";

void pn_backtest_html(const struct pn_backtest_report_input *report,
                      const struct pn_sheet sheets[static PN_SHEET_COUNT], struct pn_buf *out)
{
    static const struct {
        enum pn_sheet_kind sheet;
        picture_function *picture;
    } sections[] = {{PN_SHEET_FIGURES, NULL},
                    {PN_SHEET_WEEKS, pn_svg_weeks},
                    {PN_SHEET_TEAMS, NULL},
                    {PN_SHEET_UNITS, NULL},
                    {PN_SHEET_OVERLAP, pn_svg_overlap},
                    {PN_SHEET_VERDICTS, NULL},
                    {PN_SHEET_THRESHOLDS, pn_svg_thresholds},
                    {PN_SHEET_PEOPLE, NULL}};
    const char *title = pn_report_text(PN_TEXT_TITLE, report->language);
    pn_buf_printf(out,
                  "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"
                  " style-src 'unsafe-inline'\">\n",
                  pn_language_code(report->language));
    add_element(out, "<title>", title, "</title>\n");
    pn_buf_printf(out, "<style>%s</style></head>\n<body><main>", style);
    pn_buf_add_str(out, stripes);
    add_element(out, "<h1>", title, "</h1>\n");
    add_warnings(&sheets[PN_SHEET_WARNINGS], report->language, out);
    for (unsigned i = 0; i < PN_ARRAY_COUNT(sections); i++) {
        add_section(report, &sheets[sections[i].sheet], sections[i].picture, out);
    }
    pn_buf_add_str(out, "</main></body></html>\n");
}
