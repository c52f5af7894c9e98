// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "codec/hl7v2_parts.h"

static const char *const code_texts[] = {
    [PN_HL7V2_AA] = "AA", [PN_HL7V2_AE] = "AE", [PN_HL7V2_AR] = "AR",
    [PN_HL7V2_CA] = "CA", [PN_HL7V2_CE] = "CE", [PN_HL7V2_CR] = "CR"};

static bool is_yes(enum pn_hl7v2_ack_code code)
{
    return code == PN_HL7V2_AA || code == PN_HL7V2_CA;
}

static void wish_of(struct pn_slice word, bool *ret_yes, bool *ret_no)
{
    bool is_always = pn_slice_is(word, "AL");
    *ret_yes = is_always || pn_slice_is(word, "SU");
    *ret_no = is_always || pn_slice_is(word, "ER");
}

struct pn_hl7v2_ack_wish pn_hl7v2_ack_wish_of(const struct pn_hl7v2_header *header)
{
    struct pn_hl7v2_ack_wish wish = {.application = true, .application_no = true};
    if (header != NULL && (header->accept_ack.len > 0 || header->application_ack.len > 0)) {
        wish.is_enhanced = true;
        wish_of(header->accept_ack, &wish.commit, &wish.commit_no);
        wish_of(header->application_ack, &wish.application, &wish.application_no);
    }
    return wish;
}

// Versions compare as numbers in order: 2.3.1 is after 2.3 and before 2.4.
static unsigned version_number(struct pn_slice version)
{
    unsigned number = 0;
    for (int part = 0; part < 3; part++) {
        int64_t value = 0;
        if (!pn_slice_to_i64(pn_slice_split(version, '.', &version), &value) || value < 0 ||
            value > 99) {
            value = 0;
        }
        number = number * 100 + (unsigned)value;
    }
    return number;
}

// A field of the message stands in the acknowledgement as it stood there: same delimiters, same
// set. Whatever would end the segment cannot be inside it.
static void add_raw(struct pn_buf *out, char separator, struct pn_slice raw)
{
    pn_buf_add_char(out, separator);
    for (size_t i = 0; i < raw.len; i++) {
        if ((unsigned char)raw.ptr[i] >= 0x20) {
            pn_buf_add_char(out, raw.ptr[i]);
        }
    }
}

// Our own texts are ASCII and hold no delimiters: both become spaces. So they read the same in any
// set and with any delimiters.
static void add_plain(struct pn_buf *out, const struct pn_hl7v2_delimiters *d, const char *text)
{
    size_t count = 0;
    for (const char *c = text; *c != '\0' && count < PN_HL7V2_ACK_TEXT_BYTES_MAX; c++, count++) {
        bool is_delimiter = *c == d->field || *c == d->component || *c == d->repeat ||
                            *c == d->escape || *c == d->subcomponent;
        bool is_plain = (unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7F && !is_delimiter;
        pn_buf_add_char(out, is_plain ? *c : ' ');
    }
}

static void add_time(struct pn_buf *out, const struct pn_hl7v2_ack *ack)
{
    const char *zone = ack->zone == NULL ? "UTC" : ack->zone;
    int64_t seconds = ack->now_ms / PN_MS_PER_SECOND;
    struct pn_civil civil = {.has_zone = false};
    int minutes = 0;
    // Twice: the offset is asked by wall-clock time, which needs the offset.
    for (int round = 0; round < 2; round++) {
        int64_t local = seconds + minutes * INT64_C(60);
        pn_civil_from_days(local / 86400, &civil.year, &civil.month, &civil.day);
        civil.hour = (int)(local % 86400 / 3600);
        civil.minute = (int)(local % 3600 / 60);
        civil.second = (int)(local % 60);
        if (round == 0 && !pn_zone_offset(zone, &civil, &minutes)) {
            minutes = 0;
        }
    }
    int east = minutes < 0 ? -minutes : minutes;
    pn_buf_printf(out, "%04d%02d%02d%02d%02d%02d%c%02d%02d", civil.year, civil.month, civil.day,
                  civil.hour, civil.minute, civil.second, minutes < 0 ? '-' : '+', east / 60,
                  east % 60);
}

static void add_encoding(struct pn_buf *out, const struct pn_hl7v2_delimiters *d)
{
    const char encoding[] = {d->component, d->repeat, d->escape, d->subcomponent};
    for (size_t i = 0; i < sizeof encoding && encoding[i] != '\0'; i++) {
        pn_buf_add_char(out, encoding[i]);
    }
}

static void add_msh(struct pn_buf *out, const struct pn_hl7v2_ack *ack, unsigned version)
{
    const struct pn_hl7v2_header *h = ack->header;
    char separator = h->delimiters.field;
    pn_buf_add_str(out, "MSH");
    pn_buf_add_char(out, separator);
    add_encoding(out, &h->delimiters);
    add_raw(out, separator, h->receiving_application);
    add_raw(out, separator, h->receiving_facility);
    add_raw(out, separator, h->sending_application);
    add_raw(out, separator, h->sending_facility);
    pn_buf_add_char(out, separator);
    add_time(out, ack);
    pn_buf_add_char(out, separator);
    pn_buf_add_char(out, separator);
    pn_buf_add_str(out, "ACK");
    if (h->trigger.len > 0) {
        add_raw(out, h->delimiters.component, h->trigger);
        if (version >= 20400) {
            pn_buf_add_char(out, h->delimiters.component);
            pn_buf_add_str(out, "ACK");
        }
    }
    pn_buf_add_char(out, separator);
    add_plain(out, &h->delimiters, ack->control_id);
    struct pn_slice processing = h->processing_id.len > 0 ? h->processing_id : pn_slice_str("P");
    add_raw(out, separator, processing);
    add_raw(out, separator, h->version.len > 0 ? h->version : pn_slice_str("2.3"));
    bool is_enhanced = pn_hl7v2_ack_wish_of(h).is_enhanced;
    for (int field = 13; (is_enhanced || h->charset.len > 0) && field < 18; field++) {
        bool is_wish = is_enhanced && (field == 15 || field == 16);
        add_raw(out, separator, pn_slice_str(is_wish ? "NE" : ""));
    }
    if (h->charset.len > 0) {
        add_raw(out, separator, h->charset);
    }
    pn_buf_add_char(out, '\r');
}

// ERR-2 (ERL): segment, its number, field, repetition, component, subcomponent.
static void add_place(struct pn_buf *out, const struct pn_hl7v2_delimiters *d, const char *where)
{
    struct pn_hl7v2_path path;
    struct pn_err ignored;
    if (where == NULL || pn_hl7v2_path_compile(pn_slice_str(where), &path, &ignored) != PN_OK) {
        return;
    }
    const unsigned numbers[] = {path.segment_repeat == 0 ? 1U : path.segment_repeat, path.field,
                                path.field == 0 ? 0U : (path.repeat == 0 ? 1U : path.repeat),
                                path.component, path.subcomponent};
    pn_buf_add_str(out, path.segment);
    for (size_t i = 0; i < PN_ARRAY_COUNT(numbers) && numbers[i] != 0; i++) {
        pn_buf_add_char(out, d->component);
        pn_buf_printf(out, "%u", numbers[i]);
    }
}

// ERR-3 of table 0357: 207 "application internal error" is the one for whatever has no row of its
// own; a refusal is an unsupported message type.
static void add_err(struct pn_buf *out, const struct pn_hl7v2_ack *ack)
{
    const struct pn_hl7v2_delimiters *d = &ack->header->delimiters;
    bool is_refusal = ack->code == PN_HL7V2_AR || ack->code == PN_HL7V2_CR;
    const char *parts[] = {is_refusal ? "200" : "207",
                           is_refusal ? "Unsupported message type" : "Application internal error",
                           "HL70357"};
    pn_buf_add_str(out, "ERR");
    pn_buf_add_char(out, d->field);
    pn_buf_add_char(out, d->field);
    add_place(out, d, ack->where);
    pn_buf_add_char(out, d->field);
    for (size_t i = 0; i < PN_ARRAY_COUNT(parts); i++) {
        if (i > 0) {
            pn_buf_add_char(out, d->component);
        }
        pn_buf_add_str(out, parts[i]);
    }
    pn_buf_add_char(out, d->field);
    pn_buf_add_char(out, 'E');
    for (int field = 5; field <= 8; field++) {
        pn_buf_add_char(out, d->field);
    }
    add_plain(out, d, ack->text);
    pn_buf_add_char(out, '\r');
}

static void add_msa(struct pn_buf *out, const struct pn_hl7v2_ack *ack, unsigned version)
{
    const struct pn_hl7v2_delimiters *d = &ack->header->delimiters;
    bool has_where = ack->where != NULL && ack->where[0] != '\0';
    pn_buf_add_str(out, "MSA");
    pn_buf_add_char(out, d->field);
    pn_buf_add_str(out, code_texts[ack->code]);
    add_raw(out, d->field, ack->header->control_id);
    if (ack->text[0] != '\0' && version < 20700) {
        pn_buf_add_char(out, d->field);
        if (has_where) {
            add_plain(out, d, ack->where);
            add_plain(out, d, ": ");
        }
        add_plain(out, d, ack->text);
    }
    pn_buf_add_char(out, '\r');
}

enum pn_code pn_hl7v2_write_ack(const struct pn_hl7v2_ack *ack, struct pn_buf *out,
                                struct pn_err *err)
{
    static const struct pn_hl7v2_header nothing = {.delimiters = {'|', '^', '~', '\\', '&'}};
    struct pn_hl7v2_ack whole = *ack;
    whole.text = ack->text == NULL ? "" : ack->text;
    if (whole.header == NULL) {
        whole.header = &nothing;
        whole.code = PN_HL7V2_AR;
    }
    unsigned version = version_number(whole.header->version);
    add_msh(out, &whole, version);
    add_msa(out, &whole, version);
    if (version >= 20500 && !is_yes(whole.code)) {
        add_err(out, &whole);
    }
    if (!pn_buf_ok(out)) {
        return pn_err_set(err, PN_LIMIT, "MSA", "the acknowledgement does not fit");
    }
    return PN_OK;
}

// --- Reading -------------------------------------------------------------------------------------

static struct pn_slice text_at(const struct pn_node *root, const char *path)
{
    struct pn_hl7v2_path compiled;
    struct pn_err ignored;
    enum pn_code code = pn_hl7v2_path_compile(pn_slice_str(path), &compiled, &ignored);
    assert(code == PN_OK);
    const struct pn_node *node = code == PN_OK ? pn_hl7v2_find(root, &compiled) : NULL;
    return node == NULL ? pn_slice_of(NULL, 0) : node->value;
}

static bool read_code(struct pn_slice text, enum pn_hl7v2_ack_code *ret_code)
{
    // The second letter tells: accept, error, reject; the first only which mode (AA, CA).
    static const char letters[] = "AER";
    if (text.len != 2 || (text.ptr[0] != 'A' && text.ptr[0] != 'C') || text.ptr[1] == '\0') {
        return false;
    }
    const char *found = strchr(letters, text.ptr[1]);
    if (found == NULL) {
        return false;
    }
    *ret_code = (enum pn_hl7v2_ack_code)(found - letters);
    return true;
}

enum pn_code pn_hl7v2_read_ack(struct pn_arena *arena, const struct pn_codec_input *input,
                               struct pn_hl7v2_answer *ret_answer, struct pn_err *err)
{
    static const char *const texts[] = {"MSA-3", "ERR-8", "ERR-7", "ERR-3.2", "ERR-1.4.2"};
    struct pn_hl7v2 message;
    enum pn_code code = pn_hl7v2_read(arena, input, &message, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_hl7v2_answer answer = {.control_id = text_at(message.root, "MSA-2")};
    if (!read_code(text_at(message.root, "MSA-1"), &answer.code)) {
        return pn_err_set(err, PN_INVALID, "MSA-1", "is not one of AA, AE, AR, CA, CE, CR");
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(texts) && answer.text.len == 0; i++) {
        answer.text = text_at(message.root, texts[i]);
    }
    *ret_answer = answer;
    return PN_OK;
}
