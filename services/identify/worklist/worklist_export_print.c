// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "services/identify/worklist/worklist_export.h"

enum word {
    TITLE,
    ABOUT,
    PLACE,
    CLIENT,
    NAME,
    STATE,
    NEW,
    RULES,
    YES,
    UNIT,
    MONTH,
    IDENTIFIED,
    LOOKED,
    HELD,
    WORD_COUNT
};

static const char *const words[PN_LANGUAGE_COUNT][WORD_COUNT] = {
    [PN_LANGUAGE_FI] = {"Herätelista",
                        "Lista on ehdotus ammattilaiselle. Se ei ole päätös eikä arvio"
                        " ihmisestä. Kehenkään ei oteta yhteyttä pelkän listan takia.",
                        "Sija", "Asiakas", "Nimi", "Tila", "Uusi tässä kuussa", "Miksi listalla",
                        "kyllä", "Yksikkö", "Kuukausi", "Tunnistettuja", "Katsottuja",
                        "Odottaa tilaa listalla"},
    [PN_LANGUAGE_SV] = {"Månadslista",
                        "Listan är ett förslag till den yrkesutbildade. Den är inget"
                        " beslut och ingen bedömning av en människa. Ingen kontaktas bara för"
                        " listans skull.",
                        "Plats", "Klient", "Namn", "Läge", "Ny denna månad", "Varför på listan",
                        "ja", "Enhet", "Månad", "Identifierade", "Sedda",
                        "Väntar på plats på listan"},
    [PN_LANGUAGE_EN] = {"Monthly list",
                        "The list is a suggestion for a professional. It is no"
                        " decision and no judgement of a person. Nobody is contacted because of the"
                        " list alone.",
                        "Place", "Client", "Name", "State", "New this month", "Why on the list",
                        "yes", "Unit", "Month", "Identified", "Looked into",
                        "Waiting for room on the list"}};

static const char *const states[PN_LANGUAGE_COUNT][PN_CASE_STATE_COUNT] = {
    [PN_LANGUAGE_FI] = {"Uusi", "Katsottu", "Keskustelussa", "Suostuu", "Ei halua", "Miettii",
                        "On vastuutyöntekijä", "Ei ajankohtainen", "Vanhentunut"},
    [PN_LANGUAGE_SV] = {"Ny", "Sedd", "Under samtal", "Samtycker", "Vill inte", "Funderar",
                        "Har ansvarig", "Inte aktuell", "Föråldrad"},
    [PN_LANGUAGE_EN] = {"New", "Seen", "In discussion", "Consents", "Does not want",
                        "Thinking it over", "Has a named worker", "Not relevant", "Lapsed"}};

// --- CSV (RFC 4180, with `;`) --------------------------------------------------------------------

// A sheet takes a text that begins so for a formula.
static void add_cell(struct pn_buf *out, struct pn_slice text, bool is_last)
{
    bool is_formula = text.len > 0 && strchr("=+-@\t\r", text.ptr[0]) != NULL;
    pn_buf_add_str(out, is_formula ? "\"'" : "\"");
    for (size_t i = 0; i < text.len; i++) {
        pn_buf_add_str(out, text.ptr[i] == '"' ? "\"" : "");
        pn_buf_add_char(out, text.ptr[i]);
    }
    pn_buf_add_str(out, is_last ? "\"\r\n" : "\";");
}

static void add_text(struct pn_buf *out, const char *text, bool is_last)
{
    add_cell(out, pn_slice_str(text), is_last);
}

void pn_export_csv(const struct pn_export_list *list, struct pn_buf *out)
{
    const enum pn_language language = list->query->language;
    pn_buf_add_str(out, "\xef\xbb\xbf");
    add_text(out, words[language][PLACE], false);
    add_text(out, words[language][CLIENT], false);
    if (list->with_names) {
        add_text(out, words[language][NAME], false);
    }
    add_text(out, words[language][STATE], false);
    add_text(out, words[language][NEW], false);
    add_text(out, words[language][RULES], true);
    for (unsigned i = 0; i < list->count; i++) {
        const struct pn_export_row *row = &list->rows[i];
        pn_buf_printf(out, "%u;", i + 1);
        add_text(out, row->client, false);
        if (list->with_names) {
            add_text(out, row->name, false);
        }
        add_text(out, states[language][row->state], false);
        add_text(out, row->is_new ? words[language][YES] : "", false);
        add_text(out, row->rules, true);
    }
}

void pn_export_figures_head(enum pn_language language, struct pn_buf *out)
{
    pn_buf_add_str(out, "\xef\xbb\xbf");
    add_text(out, words[language][MONTH], false);
    add_text(out, words[language][UNIT], false);
    add_text(out, words[language][IDENTIFIED], false);
    add_text(out, words[language][LOOKED], false);
    for (unsigned i = PN_CASE_IN_DISCUSSION; i <= PN_CASE_NOT_RELEVANT; i++) {
        add_text(out, states[language][i], false);
    }
    add_text(out, words[language][HELD], true);
}

void pn_export_figures_line(const struct pn_export_list *list, struct pn_buf *out)
{
    const struct pn_export_figures *figures = list->figures;
    add_text(out, list->query->month, false);
    add_cell(out, list->unit, false);
    pn_buf_printf(out, "%lld;%lld;", (long long)figures->identified,
                  (long long)figures->looked_into);
    for (unsigned i = PN_CASE_IN_DISCUSSION; i <= PN_CASE_NOT_RELEVANT; i++) {
        pn_buf_printf(out, "%lld;", (long long)figures->by_state[i]);
    }
    pn_buf_printf(out, "%lld\r\n", (long long)figures->held);
}

// --- HTML ----------------------------------------------------------------------------------------

static void add_markup(struct pn_buf *out, const char *before, struct pn_slice text,
                       const char *after)
{
    pn_buf_add_str(out, before);
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        if (c == '&' || c == '<' || c == '>' || c == '"') {
            pn_buf_printf(out, "&#%d;", c);
        } else {
            pn_buf_add_char(out, c);
        }
    }
    pn_buf_add_str(out, after);
}

static void add_row(const struct pn_export_list *list, unsigned place, struct pn_buf *out)
{
    const struct pn_export_row *row = &list->rows[place];
    const enum pn_language language = list->query->language;
    pn_buf_printf(out, "<tr><td>%u</td><th scope=\"row\">%s</th>", place + 1, row->client);
    if (list->with_names) {
        add_markup(out, "<td>", pn_slice_str(row->name), "</td>");
    }
    add_markup(out, "<td>", pn_slice_str(states[language][row->state]), "</td>");
    pn_buf_printf(out, "<td>%s</td>", row->is_new ? words[language][YES] : "");
    add_markup(out, "<td>", pn_slice_str(row->rules), "</td></tr>\n");
}

static void add_figures(const struct pn_export_list *list, struct pn_buf *out)
{
    const enum pn_language language = list->query->language;
    const struct pn_export_figures *figures = list->figures;
    pn_buf_printf(out, "<dl><dt>%s</dt><dd>%lld</dd><dt>%s</dt><dd>%lld</dd>",
                  words[language][IDENTIFIED], (long long)figures->identified,
                  words[language][LOOKED], (long long)figures->looked_into);
    for (unsigned i = PN_CASE_IN_DISCUSSION; i <= PN_CASE_NOT_RELEVANT; i++) {
        pn_buf_printf(out, "<dt>%s</dt><dd>%lld</dd>", states[language][i],
                      (long long)figures->by_state[i]);
    }
    pn_buf_printf(out, "<dt>%s</dt><dd>%lld</dd></dl>\n", words[language][HELD],
                  (long long)figures->held);
}

void pn_export_html(const struct pn_export_list *list, struct pn_buf *out)
{
    const enum pn_language language = list->query->language;
    pn_buf_printf(out,
                  "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">"
                  "<title>%s %s</title><style>body{font-family:sans-serif;margin:2em}"
                  "table{border-collapse:collapse}td,th{border:1px solid;padding:.3em;"
                  "text-align:left}dl{display:grid;grid-template-columns:max-content auto;"
                  "gap:0 1em}dd{margin:0}tr{break-inside:avoid}</style></head><body>\n<main><h1>%s"
                  " %s</h1>\n",
                  pn_language_code(language), words[language][TITLE], list->query->month,
                  words[language][TITLE], list->query->month);
    add_markup(out, "<p>", list->unit, "</p>\n");
    pn_buf_printf(out, "<p>%s</p>\n", words[language][ABOUT]);
    add_figures(list, out);
    pn_buf_printf(out, "<table><thead><tr><th scope=\"col\">%s</th><th scope=\"col\">%s</th>",
                  words[language][PLACE], words[language][CLIENT]);
    if (list->with_names) {
        pn_buf_printf(out, "<th scope=\"col\">%s</th>", words[language][NAME]);
    }
    pn_buf_printf(out,
                  "<th scope=\"col\">%s</th><th scope=\"col\">%s</th><th scope=\"col\">%s</th>"
                  "</tr></thead><tbody>\n",
                  words[language][STATE], words[language][NEW], words[language][RULES]);
    for (unsigned i = 0; i < list->count; i++) {
        add_row(list, i, out);
    }
    pn_buf_add_str(out, "</tbody></table></main></body></html>\n");
}
