// SPDX-License-Identifier: Apache-2.0
/*
 * What a trigger says in words, in a language. Inside services/identify only.
 *
 * In a rule's texts stand {count}, {threshold}, {not_with}, {since}, {lapses}, {factor}; and
 * {count|visit|visits} is the word for that many (one, or another number; the same for {threshold}
 * and {not_with}): languages differ in where they need it.
 */
#ifndef PN_IDENTIFY_TRIGGER_TEXT_H
#define PN_IDENTIFY_TRIGGER_TEXT_H

#include "base/buf.h"
#include "services/identify/triggers/trigger.h"

// As a JSON string, with quotes. Of the rule's explanation the rest follows: what would end it or
// be enough for it, when it lapses, which sources are silent, and the rule's advice.
void pn_trigger_text(struct pn_buf *out, const char *const texts[PN_LANGUAGE_COUNT],
                     enum pn_language language, const struct pn_trigger_view *view);

// The text without quotes, escaped for a JSON string.
void pn_trigger_escape(struct pn_buf *out, struct pn_slice text);

// 150 as 1.5, `mark` between; no decimals that are 0.
void pn_trigger_add_hundredths(struct pn_buf *out, int64_t hundredths, char mark);

#endif
