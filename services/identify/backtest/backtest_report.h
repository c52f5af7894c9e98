// SPDX-License-Identifier: Apache-2.0
/*
 * A backtest's report: text for a terminal, CSV files, and one HTML page with pictures that needs
 * nothing from elsewhere. No identity stands in any of them; of clients there are keys.
 */
#ifndef PN_IDENTIFY_BACKTEST_REPORT_H
#define PN_IDENTIFY_BACKTEST_REPORT_H

#include "services/identify/backtest/backtest_figures.h"
#include "services/identify/backtest/backtest_texts.h"

enum { PN_SHEET_COLUMNS_MAX = 8, PN_SHEET_ROWS_MAX = 4000000 };

struct pn_sheet_column {
    const char *name;         // in the CSV file
    enum pn_report_text head; // on the page
    bool is_number;
};

// Rows of texts. `shown` of them are on the page, the rest in the file only.
struct pn_sheet {
    const char *file;                // "weeks": the CSV file's name
    enum pn_report_text title, note; // note: PN_TEXT_COUNT for none
    struct pn_sheet_column columns[PN_SHEET_COLUMNS_MAX];
    unsigned column_count;
    bool is_list;       // its last column, in sentences
    const char **cells; // row by row
    size_t row_count, row_capacity, shown;
};

enum pn_sheet_kind {
    PN_SHEET_WARNINGS, // what makes the figures worth less; shown when there are any
    PN_SHEET_FIGURES,
    PN_SHEET_WEEKS,
    PN_SHEET_TEAMS,
    PN_SHEET_UNITS,
    PN_SHEET_UNIT_WEEKS, // in the file only
    PN_SHEET_OVERLAP,
    PN_SHEET_VERDICTS,
    PN_SHEET_THRESHOLDS,
    PN_SHEET_PEOPLE,
    PN_SHEET_COUNT
};

struct pn_backtest_report_input {
    const struct pn_backtest_input *input;
    const struct pn_backtest_figures *figures;
    const char *file;        // of the new rules
    const char *fingerprint; // of it
    enum pn_language language;
    // The key of a client that the stream did not tell, or "".
    const char *(*key_of)(void *context, int64_t number);
    void *context;
};
// All sheets, in the arena. PN_MEMORY.
PN_MUST_USE enum pn_code pn_backtest_sheets(struct pn_arena *arena,
                                            const struct pn_backtest_report_input *report,
                                            struct pn_sheet ret_sheets[static PN_SHEET_COUNT],
                                            struct pn_err *err);

void pn_sheet_csv(const struct pn_sheet *sheet, struct pn_buf *out); // RFC 4180
void pn_sheet_text(const struct pn_sheet *sheet, enum pn_language language, struct pn_buf *out);
void pn_backtest_html(const struct pn_backtest_report_input *report,
                      const struct pn_sheet sheets[static PN_SHEET_COUNT], struct pn_buf *out);

// For backtest_write.c: the pictures of a sheet, as SVG.
void pn_svg_weeks(const struct pn_backtest_report_input *report, const struct pn_sheet *sheet,
                  struct pn_buf *out);
void pn_svg_overlap(const struct pn_backtest_report_input *report, const struct pn_sheet *sheet,
                    struct pn_buf *out);
void pn_svg_thresholds(const struct pn_backtest_report_input *report, const struct pn_sheet *sheet,
                       struct pn_buf *out);
void pn_html_text(struct pn_buf *out, const char *text); // escaped

#endif
