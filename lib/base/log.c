// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { LINE_BYTES_MAX = 4096 };

static struct {
    const char *station;
    enum pn_log_level level;
    bool as_json;
} log_state = {.station = "punos", .level = PN_LOG_INFO};

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void pn_log_setup(const char *station, enum pn_log_level level, bool as_json)
{
    log_state.station = station;
    log_state.level = level;
    log_state.as_json = as_json;
}

// The text between quotes; control characters and quotes escaped, valid inside JSON too.
static void add_quoted(struct pn_buf *line, const char *text)
{
    pn_buf_add_char(line, '"');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            pn_buf_add_char(line, '\\');
            pn_buf_add_char(line, *c);
        } else if ((unsigned char)*c < 0x20) {
            pn_buf_printf(line, "\\u%04x", (unsigned)*c);
        } else {
            pn_buf_add_char(line, *c);
        }
    }
    pn_buf_add_char(line, '"');
}

static void add_tag(struct pn_buf *line, const struct pn_log_tag *tag)
{
    if (log_state.as_json) {
        pn_buf_printf(line, ",\"%s\":", tag->name);
    } else {
        pn_buf_printf(line, " %s=", tag->name);
    }
    if (tag->text == NULL) {
        pn_buf_printf(line, "%" PRId64, tag->number);
    } else if (log_state.as_json || strpbrk(tag->text, " \"\\\t\r\n=") != NULL) {
        add_quoted(line, tag->text);
    } else {
        pn_buf_add_str(line, tag->text);
    }
}

static void add_line(struct pn_buf *line, enum pn_log_level level, const char *text,
                     const struct pn_log_tag *tags, unsigned tag_count)
{
    char now[PN_TIME_TEXT_BYTES];
    pn_time_format(pn_clock_now_ms(), now);
    if (log_state.as_json) {
        pn_buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"station\":\"%s\",\"text\":", now,
                      level_names[level], log_state.station);
    } else {
        pn_buf_printf(line, "%s %s %s ", now, level_names[level], log_state.station);
    }
    add_quoted(line, text);
    for (unsigned i = 0; i < tag_count; i++) {
        add_tag(line, &tags[i]);
    }
    pn_buf_add_str(line, log_state.as_json ? "}\n" : "\n");
}

void pn_log_write(enum pn_log_level level, const char *text, const struct pn_log_tag *tags,
                  unsigned tag_count)
{
    if (level < log_state.level) {
        return;
    }
    struct pn_buf line;
    pn_buf_init(&line, LINE_BYTES_MAX);
    add_line(&line, level, text, tags, tag_count);
    if (!pn_buf_ok(&line)) {
        // Too long: what happened is told, with what it was about left out, as a whole line.
        const struct pn_log_tag cut = PN_TAG("tags", "left out, too long");
        pn_buf_clear(&line);
        add_line(&line, level, text, &cut, 1);
    }
    if (pn_buf_ok(&line)) {
        // One write per line keeps the lines of several processes whole. A log that can't be
        // written must not stop the work.
        ssize_t written = write(STDERR_FILENO, line.data, line.len);
        (void)written;
    }
    pn_buf_release(&line);
}

void pn_log_error(const char *text, const struct pn_err *err)
{
    struct pn_log_tag tags[] = {PN_TAG("code", pn_code_name(err->code)),
                                PN_TAG("where", err->where), PN_TAG("reason", err->text)};
    pn_log_write(PN_LOG_ERROR, text, tags, PN_ARRAY_COUNT(tags));
}
