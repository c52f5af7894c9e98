// SPDX-License-Identifier: Apache-2.0
/*
 * The report's pictures. Each has its table under it, and says so to those who do not see it. No
 * colour is needed: today's bars are striped.
 */
#include <string.h>

#include "services/identify/backtest/backtest_report.h"

enum {
    WIDTH = 960,
    HEIGHT = 300,
    LEFT = 60,
    TOP = 30,
    BOTTOM = 30,
    LEGEND_X = 220,
    ROW_HEIGHT = 26,
    LABEL_WIDTH = 330,
    NUMBER_WIDTH = 70,
    DATE_WIDTH = 76,
    WEEKS_NAMED = 9 // under the axis, at most
};

static void begin(const struct pn_backtest_report_input *report, enum pn_report_text name,
                  int height, struct pn_buf *out)
{
    pn_buf_printf(out, "<svg role=\"img\" viewBox=\"0 0 %d %d\" width=\"%d\" aria-label=\"", WIDTH,
                  height, WIDTH);
    pn_html_text(out, pn_report_text(name, report->language));
    pn_buf_add_str(out, ": ");
    pn_html_text(out, pn_report_text(PN_TEXT_PICTURE, report->language));
    pn_buf_add_str(out, "\">");
}

static void add_text(struct pn_buf *out, double x, double y, const char *anchor, const char *text)
{
    pn_buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    pn_html_text(out, text);
    pn_buf_add_str(out, "</text>");
}

static void add_number(struct pn_buf *out, double x, double y, const char *anchor, int64_t number)
{
    pn_buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%lld</text>", x, y, anchor,
                  (long long)number);
}

static void add_bar(struct pn_buf *out, const char *kind, const double place[static 4])
{
    pn_buf_printf(out, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>",
                  kind, place[0], place[1], place[2], place[3]);
}

static const char *word(const struct pn_backtest_report_input *report, enum pn_report_text text)
{
    return pn_report_text(text, report->language);
}

// Today's stands on the right of the new one's, or under it.
static void add_legend(const struct pn_backtest_report_input *report, struct pn_buf *out)
{
    const double places[2][4] = {{LEFT, 6, 12, 12}, {LEFT + LEGEND_X, 6, 12, 12}};
    add_bar(out, "new", places[0]);
    add_text(out, LEFT + 18, 17, "start", word(report, PN_TEXT_NEW_RULES));
    add_bar(out, "today", places[1]);
    add_text(out, LEFT + LEGEND_X + 18, 17, "start", word(report, PN_TEXT_TODAYS_RULES));
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void pn_svg_weeks(const struct pn_backtest_report_input *report, const struct pn_sheet *sheet,
                  struct pn_buf *out)
{
    const struct pn_backtest_figures *figures = report->figures;
    const unsigned weeks = report->input->plan->week_count;
    const double room = HEIGHT - TOP - BOTTOM, step = (double)(WIDTH - LEFT) / weeks;
    // The teams' limit is for the whole county: on the picture it is for these clients.
    const double budget = figures->budget < 0 ? -1 : (double)figures->budget / figures->scale;
    int64_t most = 1;
    for (unsigned w = 0; w < weeks; w++) {
        most = greater(most, greater(figures->weeks[w][0], figures->weeks[w][1]));
    }
    const double top = budget > (double)most ? budget : (double)most;
    begin(report, PN_TEXT_WEEKS, HEIGHT, out);
    add_legend(report, out);
    for (unsigned w = 0; w < weeks; w++) {
        for (unsigned side = 0; side < PN_BACKTEST_SIDES; side++) {
            double high = room * (double)figures->weeks[w][side] / top;
            const double place[] = {LEFT + step * (w + 0.1 + 0.4 * side), TOP + room - high,
                                    step * 0.4, high};
            add_bar(out, side == PN_BACKTEST_NEW ? "new" : "today", place);
        }
    }
    pn_buf_printf(out, "<line class=\"axis\" x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\"/>", LEFT,
                  WIDTH, HEIGHT - BOTTOM, HEIGHT - BOTTOM);
    add_number(out, LEFT - 6, TOP + 5, "end", (int64_t)top);
    add_number(out, LEFT - 6, HEIGHT - BOTTOM, "end", 0);
    const unsigned apart = weeks / WEEKS_NAMED + 1;
    for (unsigned w = 0; w < weeks && step * w < WIDTH - LEFT - DATE_WIDTH; w += apart) {
        add_text(out, LEFT + step * w, HEIGHT - BOTTOM + 18, "start",
                 sheet->cells[(size_t)w * sheet->column_count]);
    }
    if (budget >= 0) {
        double y = TOP + room - room * budget / top;
        pn_buf_printf(out, "<line class=\"budget\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>",
                      LEFT, WIDTH, y, y);
        add_text(out, WIDTH - 4, y - 4, "end", word(report, PN_TEXT_BUDGET));
    }
    pn_buf_add_str(out, "</svg>\n");
}

void pn_svg_overlap(const struct pn_backtest_report_input *report, const struct pn_sheet *sheet,
                    struct pn_buf *out)
{
    (void)sheet;
    const struct pn_backtest_figures *figures = report->figures;
    const int height = TOP + (int)figures->rule_count * ROW_HEIGHT + 4;
    const double room = WIDTH - LABEL_WIDTH - NUMBER_WIDTH;
    int64_t most = 1;
    for (unsigned i = 0; i < figures->rule_count; i++) {
        const int64_t *clients = figures->rules[i].clients;
        most = greater(most, greater(clients[0], clients[1]));
    }
    begin(report, PN_TEXT_OVERLAP, height, out);
    add_legend(report, out);
    for (unsigned i = 0; i < figures->rule_count; i++) {
        const struct pn_backtest_rule_row *row = &figures->rules[i];
        const struct pn_rule *rule = row->rule[0] != NULL ? row->rule[0] : row->rule[1];
        double y = TOP + (double)i * ROW_HEIGHT;
        add_text(out, LABEL_WIDTH - 8, y + 16, "end", rule->id);
        for (unsigned side = 0; side < PN_BACKTEST_SIDES; side++) {
            double wide = room * (double)row->clients[side] / (double)most;
            const double place[] = {LABEL_WIDTH, y + 2 + 11 * side, wide, 10};
            add_bar(out, side == PN_BACKTEST_NEW ? "new" : "today", place);
            if (row->rule[side] != NULL) {
                add_number(out, LABEL_WIDTH + wide + 4, y + 11 + 11 * side, "start",
                           row->clients[side]);
            }
        }
    }
    pn_buf_add_str(out, "</svg>\n");
}

// --- Thresholds ----------------------------------------------------------------------------------

static bool is_same_condition(const struct pn_backtest_variant *a,
                              const struct pn_backtest_variant *b)
{
    return a->place == b->place && a->node == b->node;
}

// One condition: a bar for each threshold, from low to high.
static void add_condition(const struct pn_backtest_report_input *report, unsigned first,
                          unsigned count, double y, struct pn_buf *out)
{
    const struct pn_backtest_totals *totals = &report->input->result->totals;
    const struct pn_backtest_variant *variants = report->input->plan->variants;
    const double step = (double)(WIDTH - LABEL_WIDTH) / 5, high = 46;
    char label[96];
    int64_t most = 1;
    for (unsigned i = first; i < first + count; i++) {
        most = greater(most, totals->variant_rule[i]);
    }
    const struct pn_backtest_variant *base = &variants[first];
    (void)snprintf(label, sizeof label, "%.60s, %u %s", base->rule.id, base->node + 1,
                   pn_node_kind_name(base->rule.nodes[base->node].kind));
    add_text(out, LABEL_WIDTH - 8, y + 34, "end", label);
    for (unsigned i = first; i < first + count; i++) {
        const struct pn_backtest_variant *variant = &variants[i];
        double tall = high * (double)totals->variant_rule[i] / (double)most;
        double x = LABEL_WIDTH + step * (double)(variant->step + 2);
        const double place[] = {x + 40, y + high - tall + 4, step - 60, tall};
        add_bar(out, variant->step == 0 ? "today" : "new", place);
        add_number(out, x + 34, y + high, "end", totals->variant_rule[i]);
        pn_buf_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s%lld%s</text>",
                      x + 40 + (step - 60) / 2, y + high + 18, variant->step == 0 ? "[" : "",
                      (long long)variant->threshold, variant->step == 0 ? "]" : "");
    }
}

void pn_svg_thresholds(const struct pn_backtest_report_input *report, const struct pn_sheet *sheet,
                       struct pn_buf *out)
{
    (void)sheet;
    enum { TALL = 80 };
    const struct pn_backtest_plan *plan = report->input->plan;
    unsigned conditions = 0;
    for (unsigned i = 0; i < plan->variant_count; i++) {
        conditions +=
            i == 0 || !is_same_condition(&plan->variants[i - 1], &plan->variants[i]) ? 1 : 0;
    }
    begin(report, PN_TEXT_THRESHOLDS, (int)conditions * TALL + 4, out);
    unsigned first = 0;
    for (unsigned k = 0; k < conditions; k++) {
        unsigned count = 1;
        while (first + count < plan->variant_count &&
               is_same_condition(&plan->variants[first], &plan->variants[first + count])) {
            count++;
        }
        add_condition(report, first, count, (double)k * TALL, out);
        first += count;
    }
    pn_buf_add_str(out, "</svg>\n");
}
