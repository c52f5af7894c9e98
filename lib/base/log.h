// SPDX-License-Identifier: Apache-2.0
/*
 * The process log: one line on standard error per happening, constant text and typed tags.
 *
 *   pn_log(PN_LOG_WARNING, "delivery put off", PN_TAG("system", name),
 *          PN_TAG_INT("attempt", 3));
 *
 * prints `2026-11-21T21:40:23.123Z warning deliver "delivery put off" system=oberon attempt=3`
 * (or the same as JSON, by pn_log_setup). The text is a string literal, so that it can be searched
 * for; whatever varies is a tag. A tag never holds a person's data: client keys at most.
 *
 * Only programs and services log. Library code returns errors; one error is logged once.
 */
#ifndef PN_BASE_LOG_H
#define PN_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum pn_log_level { PN_LOG_DEBUG, PN_LOG_INFO, PN_LOG_WARNING, PN_LOG_ERROR };

struct pn_log_tag {
    const char *name;
    const char *text; // NULL when the tag is a number
    int64_t number;
};

#define PN_TAG(tag_name, tag_text) ((struct pn_log_tag){.name = (tag_name), .text = (tag_text)})
#define PN_TAG_INT(tag_name, tag_number)                                                           \
    ((struct pn_log_tag){.name = (tag_name), .number = (int64_t)(tag_number)})

// `station` is the word of the path (ingest, timeline, …); it must outlive the process.
void pn_log_setup(const char *station, enum pn_log_level level, bool as_json);
void pn_log_write(enum pn_log_level level, const char *text, const struct pn_log_tag *tags,
                  unsigned tag_count);
// An error with its code, place and text as tags.
void pn_log_error(const char *text, const struct pn_err *err);

#define pn_log(level, text, ...)                                                                   \
    pn_log_write(                                                                                  \
        (level), "" text, (struct pn_log_tag[]){__VA_ARGS__ __VA_OPT__(, ){NULL, NULL, 0}},        \
        (unsigned)(sizeof((struct pn_log_tag[]){__VA_ARGS__ __VA_OPT__(, ){NULL, NULL, 0}}) /      \
                   sizeof(struct pn_log_tag)) -                                                    \
            1)

#endif
