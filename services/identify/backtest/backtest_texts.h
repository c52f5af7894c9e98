// SPDX-License-Identifier: Apache-2.0
/*
 * The words of a backtest's report, in Finnish, Swedish and English.
 */
#ifndef PN_IDENTIFY_BACKTEST_TEXTS_H
#define PN_IDENTIFY_BACKTEST_TEXTS_H

#include "services/identify/rules/rule.h"

enum pn_report_text {
    PN_TEXT_TITLE,
    PN_TEXT_NOTE,
    PN_TEXT_WARNINGS,
    PN_TEXT_WARNING,
    PN_TEXT_BEHIND,  // {}: events
    PN_TEXT_BEGINS,  // {}: day
    PN_TEXT_WINDOWS, // {}: months, {}: day
    PN_TEXT_NOTHING,
    PN_TEXT_CROWDED, // {}: clients
    PN_TEXT_NUMBERS,
    PN_TEXT_FILE,
    PN_TEXT_FINGERPRINT,
    PN_TEXT_PERIOD,
    PN_TEXT_TODAYS_SET,
    PN_TEXT_EVENTS,
    PN_TEXT_CLIENTS,
    PN_TEXT_CAME_A_WEEK,
    PN_TEXT_COUNTY,
    PN_TEXT_FLAGGED,
    PN_TEXT_AT_END,
    PN_TEXT_COMES,
    PN_TEXT_GOES,
    PN_TEXT_WEEKS,
    PN_TEXT_WEEKS_NOTE,
    PN_TEXT_WEEK,
    PN_TEXT_NEW_RULES,
    PN_TEXT_TODAYS_RULES,
    PN_TEXT_UNITS,
    PN_TEXT_UNIT,
    PN_TEXT_NO_UNIT,
    PN_TEXT_TEAM,
    PN_TEXT_TEAMS,
    PN_TEXT_BUDGET,
    PN_TEXT_NO_BUDGET,
    PN_TEXT_WEEKS_OVER_NEW,
    PN_TEXT_WEEKS_OVER_TODAY,
    PN_TEXT_OVERLAP,
    PN_TEXT_RULE,
    PN_TEXT_BOTH,
    PN_TEXT_ONLY_NEW,
    PN_TEXT_ONLY_TODAY,
    PN_TEXT_VERDICTS,
    PN_TEXT_VERDICTS_NOTE,
    PN_TEXT_VERDICT,
    PN_TEXT_VALUE,
    PN_TEXT_STATE_FIRST, // of enum pn_case_state
    PN_TEXT_STATE_LAST = PN_TEXT_STATE_FIRST + 8,
    PN_TEXT_PEOPLE,
    PN_TEXT_PEOPLE_NOTE,
    PN_TEXT_CLIENT,
    PN_TEXT_WHAT,
    PN_TEXT_RULES,
    PN_TEXT_MORE_IN_FILE,
    PN_TEXT_PICTURE, // what follows a picture's name
    PN_TEXT_NOBODY,  // in the place of a table without rows
    PN_TEXT_THRESHOLDS,
    PN_TEXT_THRESHOLDS_NOTE,
    PN_TEXT_CONDITION,
    PN_TEXT_THRESHOLD,
    PN_TEXT_BY_RULE,
    PN_TEXT_BY_ALL,
    PN_TEXT_IN_FILE,
    PN_TEXT_COUNT
};

const char *pn_report_text(enum pn_report_text text, enum pn_language language);

#endif
