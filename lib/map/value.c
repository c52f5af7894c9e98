// SPDX-License-Identifier: Apache-2.0
// The value of a row: sources in order, table, conversions, and what to do when there is none.
#include "base/ids.h"
#include "map/dates.h"
#include "map/table.h"
#include "map/watch.h"

struct pn_slice pn_map_template_text(const struct pn_map_run *run,
                                     const struct pn_map_template *template)
{
    struct pn_slice parts[64];
    size_t total = 0;
    for (unsigned i = 0; i < template->part_count; i++) {
        const struct pn_map_template_part *part = &template->parts[i];
        unsigned start = pn_map_watch_mark(run);
        parts[i] = part->path == NULL ? part->text : pn_map_text(run, part->path);
        if (part->conversion != NULL && parts[i].len > 0) {
            struct pn_err ignored;
            struct pn_slice converted;
            // In running text a date that is none of the known forms stays as it was written.
            if (part->conversion->convert(run, part->conversion, parts[i], &converted, &ignored) ==
                PN_OK) {
                parts[i] = converted;
                pn_map_watch_converted(run, start, part->conversion);
            }
        }
        pn_map_watch_at(run, start, total, parts[i].len);
        total += parts[i].len;
    }
    char *text = pn_arena_alloc(run->arena, total + 1);
    if (text == NULL) {
        return (struct pn_slice){0};
    }
    size_t at = 0;
    for (unsigned i = 0; i < template->part_count; i++) {
        for (size_t k = 0; k < parts[i].len; k++) {
            text[at++] = parts[i].ptr[k];
        }
    }
    return pn_slice_of(text, total);
}

// A template all of whose placeholders are empty is empty: its fixed words alone say nothing.
static bool template_has_value(const struct pn_map_run *run, const struct pn_map_template *template)
{
    bool has_placeholder = false, has_value = false;
    struct pn_map_watch watch = pn_map_watch_mute(run);
    for (unsigned i = 0; !has_value && i < template->part_count; i++) {
        const struct pn_map_path *path = template->parts[i].path;
        has_value = path != NULL && pn_map_text(run, path).len > 0;
        has_placeholder = has_placeholder || path != NULL;
    }
    pn_map_watch_end(run, &watch);
    return has_value || !has_placeholder;
}

static struct pn_slice first_source(const struct pn_map_run *run, const struct pn_map_value *value)
{
    if (value->is_literal) {
        return value->literal;
    }
    if (value->text != NULL) {
        return template_has_value(run, value->text) ? pn_map_template_text(run, value->text)
                                                    : (struct pn_slice){0};
    }
    for (unsigned i = 0; i < value->from_count; i++) {
        struct pn_slice text = pn_map_text(run, value->from[i]);
        if (text.len > 0) {
            return text;
        }
    }
    return (struct pn_slice){0};
}

static enum pn_code look_up(const struct pn_map_value *value, struct pn_slice *text,
                            const struct pn_map_code **ret_code, struct pn_err *err)
{
    const struct pn_map_code *code = pn_map_table_find(value->table, *text);
    if (code == NULL) {
        return pn_err_set(err, PN_INVALID, "", "holds a code that %s does not have: %s",
                          value->table->file,
                          pn_slice_starts_with(pn_slice_str(value->table->name), PN_MAP_NATIONAL)
                              ? "load the newer national list (punos codes load)"
                              : "add a row there");
    }
    struct pn_slice to = pn_slice_is(code->to, "=") ? *text : code->to;
    *ret_code = code;
    *text = value->column == PN_COLUMN_TO       ? to
            : value->column == PN_COLUMN_SYSTEM ? code->system
                                                : code->display;
    return PN_OK;
}

static bool unit_in_ms(struct pn_slice unit, int64_t *ret_ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"s", 1000},        {"sec", 1000},        {"seconds", 1000},     {"m", 60000},
                 {"min", 60000},     {"minutes", 60000},   {"h", 3600000},        {"hr", 3600000},
                 {"hours", 3600000}, {"d", PN_MS_PER_DAY}, {"day", PN_MS_PER_DAY}};
    for (size_t i = 0; i < PN_ARRAY_COUNT(units); i++) {
        if (pn_slice_is_nocase(unit, units[i].name)) {
            *ret_ms = units[i].ms;
            return true;
        }
    }
    return false;
}

enum { DURATION_MAX = 1000000 };

// A time moved on by a duration; no value when there is no duration.
static enum pn_code add_duration(const struct pn_map_run *run, const struct pn_map_value *value,
                                 struct pn_slice *text, struct pn_err *err)
{
    struct pn_slice amount_text = pn_map_text(run, value->plus);
    struct pn_slice unit =
        value->plus_unit == NULL ? (struct pn_slice){0} : pn_map_text(run, value->plus_unit);
    unit = unit.len == 0 ? value->plus_unit_literal : unit;
    if (amount_text.len == 0) {
        *text = (struct pn_slice){0};
        return PN_OK;
    }
    int64_t amount = 0, unit_ms = 0, time_ms = 0;
    struct pn_civil civil;
    if (!pn_slice_to_i64(amount_text, &amount) || amount > DURATION_MAX ||
        !unit_in_ms(unit, &unit_ms) || !pn_map_date_read(*text, &civil) ||
        !pn_civil_to_ms(&civil, run->zone, &time_ms)) {
        return pn_err_set(err, PN_INVALID, "", "no time, or no duration with a known unit");
    }
    if (!civil.has_zone && !pn_zone_offset(run->zone, &civil, &civil.zone_minutes)) {
        return pn_err_set(err, PN_INVALID, "", "no such time zone");
    }
    struct pn_civil later = pn_map_date_from_ms(time_ms + amount * unit_ms, civil.zone_minutes);
    const char *moved = pn_map_date_write(run->arena, &later, run->zone, PN_DATE_FHIR_INSTANT);
    if (moved == NULL) {
        return pn_err_set(err, PN_MEMORY, "", "the message needs too much memory");
    }
    *text = pn_slice_str(moved);
    return PN_OK;
}

static enum pn_code convert(const struct pn_map_run *run, const struct pn_map_value *value,
                            unsigned start, struct pn_slice *text, struct pn_err *err)
{
    for (unsigned i = 0; i < value->conversion_count && text->len > 0; i++) {
        const struct pn_map_conversion *conversion = &value->conversions[i];
        enum pn_code code = conversion->hook != NULL
                                ? conversion->hook->convert(run->arena, *text, text, err)
                                : conversion->convert(run, conversion, *text, text, err);
        if (code != PN_OK) {
            return code;
        }
        pn_map_watch_converted(run, start, conversion);
    }
    return PN_OK;
}

// How much of a text of at most `max_chars` characters stays: whole words, with room for the sign
// that it was cut. All of it when it fits.
static size_t kept_bytes(struct pn_slice text, unsigned max_chars)
{
    size_t at = 0, word_end = 0, hard_end = 0;
    unsigned chars = 0;
    for (; at < text.len; at++) {
        if (((unsigned char)text.ptr[at] & 0xC0U) == 0x80U) {
            continue;
        }
        bool is_space = text.ptr[at] == ' ' || text.ptr[at] == '\n';
        hard_end = chars < max_chars ? at : hard_end;
        word_end = is_space && chars < max_chars ? at : word_end;
        chars++;
    }
    return chars <= max_chars ? text.len : word_end > 0 ? word_end : hard_end;
}

static enum pn_code cut(const struct pn_map_run *run, const struct pn_map_value *value,
                        unsigned start, struct pn_slice *text, struct pn_err *err)
{
    size_t kept = kept_bytes(*text, value->max_chars);
    if (kept == text->len) {
        return PN_OK;
    }
    struct pn_slice rest = pn_slice_trim(pn_slice_of(text->ptr, kept));
    const char *made = pn_arena_printf(run->arena, "%.*s…", PN_SLICE_FMT(rest));
    if (made == NULL) {
        return pn_err_set(err, PN_MEMORY, "", "the document needs too much memory");
    }
    pn_map_watch_cut(run, start, kept);
    *text = pn_slice_str(made);
    return PN_OK;
}

static enum pn_code make(const struct pn_map_run *run, const struct pn_map_value *value,
                         unsigned start, struct pn_slice *text, const struct pn_map_code **ret_code,
                         struct pn_err *err)
{
    enum pn_code code = PN_OK;
    if (value->score != NULL) {
        code = pn_map_score_text(run, value->score, text, err);
    }
    if (code == PN_OK && value->plus != NULL) {
        code = add_duration(run, value, text, err);
    }
    if (code == PN_OK && value->table != NULL && text->len > 0) {
        code = look_up(value, text, ret_code, err);
        if (code == PN_OK) {
            pn_map_watch_coded(run, start, value, *ret_code);
        }
    }
    if (code == PN_OK) {
        code = convert(run, value, start, text, err);
    }
    return code != PN_OK || value->max_chars == 0 ? code : cut(run, value, start, text, err);
}

static enum pn_code get(const struct pn_map_run *run, const struct pn_map_value *value,
                        unsigned start, struct pn_slice *ret_text,
                        const struct pn_map_code **ret_code, struct pn_err *err)
{
    const struct pn_map_code *found = NULL;
    struct pn_slice text = first_source(run, value);
    if (text.len > 0 || value->score != NULL) {
        if (value->text == NULL && value->score == NULL) {
            pn_map_watch_at(run, start, 0, text.len);
        }
        enum pn_code code = make(run, value, start, &text, &found, err);
        if (code != PN_OK) {
            if (code != PN_INVALID || value->invalid == PN_POLICY_REJECT) {
                pn_err_within(err, value->where);
                return code;
            }
            text = value->invalid == PN_POLICY_DEFAULT ? value->otherwise : (struct pn_slice){0};
            found = NULL;
        }
    }
    if (text.len == 0 && value->missing == PN_POLICY_REJECT) {
        return pn_err_set(err, PN_INVALID, value->where, "%s", value->reason);
    }
    if (text.len == 0 && value->missing == PN_POLICY_DEFAULT) {
        text = value->otherwise;
        found = NULL;
    }
    *ret_text = text;
    if (ret_code != NULL) {
        *ret_code = found;
    }
    return PN_OK;
}

enum pn_code pn_map_value_get(const struct pn_map_run *run, const struct pn_map_value *value,
                              struct pn_slice *ret_text, const struct pn_map_code **ret_code,
                              struct pn_err *err)
{
    struct pn_map_watch watch = pn_map_watch_value(run, value->place);
    enum pn_code code = get(run, value, watch.start, ret_text, ret_code, err);
    pn_map_watch_end(run, &watch);
    return code;
}

enum pn_code pn_map_value_time(const struct pn_map_run *run, const struct pn_map_value *value,
                               int64_t otherwise_ms, int64_t *ret_time_ms, struct pn_err *err)
{
    struct pn_slice text;
    enum pn_code code = pn_map_value_get(run, value, &text, NULL, err);
    if (code != PN_OK) {
        return code;
    }
    if (text.len == 0) {
        *ret_time_ms = otherwise_ms;
        return PN_OK;
    }
    struct pn_civil civil;
    if (!pn_map_date_read(text, &civil) || !pn_civil_to_ms(&civil, run->zone, ret_time_ms)) {
        return pn_err_set(err, PN_INVALID, value->where, "is no date and time");
    }
    return PN_OK;
}

enum pn_code pn_map_key_id(const struct pn_map_run *run, const struct pn_map_key *key,
                           const char *resource, char ret_id[static 37], struct pn_err *err)
{
    struct pn_slice parts[PN_MAP_KEY_PARTS_MAX + 1] = {pn_slice_str(run->adapter->info.name)};
    for (unsigned i = 0; i < key->part_count; i++) {
        enum pn_code code = pn_map_value_get(run, &key->parts[i], &parts[i + 1], NULL, err);
        if (code != PN_OK) {
            return code;
        }
    }
    pn_uuid5(resource, parts, key->part_count + 1, ret_id);
    return PN_OK;
}
