// SPDX-License-Identifier: Apache-2.0
#include "services/api/fhir_query.h"

#include <string.h>

#include "base/clock.h"
#include "base/finid.h"

// --- Dates ---------------------------------------------------------------------------------------

static int64_t month_after(struct pn_slice text)
{
    int64_t year = 0, month = 0;
    if (!pn_slice_to_i64(pn_slice_of(text.ptr, 4), &year) ||
        !pn_slice_to_i64(pn_slice_of(text.ptr + 5, 2), &month)) {
        return 0;
    }
    return pn_days_from_civil((int)(month == 12 ? year + 1 : year),
                              (int)(month == 12 ? 1 : month + 1), 1) *
           PN_MS_PER_DAY;
}

// How long the moment is that a text of that precision names.
static bool range_of(struct pn_slice text, struct pn_date_range *ret_range)
{
    int64_t from_ms = 0;
    if (!pn_time_parse(text, &from_ms)) {
        return false;
    }
    ret_range->from_ms = from_ms;
    int64_t year = 0;
    if (text.len == 4 && pn_slice_to_i64(text, &year)) {
        ret_range->to_ms = pn_days_from_civil((int)year + 1, 1, 1) * PN_MS_PER_DAY;
    } else if (text.len == 7) {
        ret_range->to_ms = month_after(text);
    } else if (text.len == 10) {
        ret_range->to_ms = from_ms + PN_MS_PER_DAY;
    } else {
        bool has_fraction = memchr(text.ptr, '.', text.len) != NULL;
        ret_range->to_ms = from_ms + (has_fraction ? 1 : PN_MS_PER_SECOND);
    }
    return true;
}

static const struct {
    const char *text;
    enum pn_date_prefix prefix;
} prefixes[] = {
    {"eq", PN_DATE_EQ}, {"ne", PN_DATE_NE}, {"gt", PN_DATE_GT},
    {"lt", PN_DATE_LT}, {"ge", PN_DATE_GE}, {"le", PN_DATE_LE},
    {"sa", PN_DATE_SA}, {"eb", PN_DATE_EB}, {"ap", PN_DATE_AP},
};

bool pn_date_param_parse(struct pn_slice text, enum pn_date_prefix *ret_prefix,
                         struct pn_date_range *ret_range)
{
    enum pn_date_prefix prefix = PN_DATE_EQ;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(prefixes); i++) {
        if (pn_slice_starts_with(text, prefixes[i].text)) {
            prefix = prefixes[i].prefix;
            text = pn_slice_of(text.ptr + 2, text.len - 2);
            break;
        }
    }
    struct pn_date_range range;
    if (!range_of(text, &range)) {
        return false;
    }
    *ret_prefix = prefix;
    *ret_range = range;
    return true;
}

// FHIR R4 3.1.1.4.5: ap is within ten per cent of the gap between the value and now.
static bool is_near(const struct pn_date_range *asked, const struct pn_date_range *found,
                    int64_t now_ms)
{
    int64_t gap = now_ms - asked->from_ms;
    int64_t slack = (gap < 0 ? -gap : gap) / 10;
    return found->from_ms < asked->to_ms + slack && found->to_ms > asked->from_ms - slack;
}

bool pn_date_param_fits(enum pn_date_prefix prefix, const struct pn_date_range *asked,
                        const struct pn_date_range *found, int64_t now_ms)
{
    bool is_inside = asked->from_ms <= found->from_ms && found->to_ms <= asked->to_ms;
    switch (prefix) {
    case PN_DATE_EQ:
        return is_inside;
    case PN_DATE_NE:
        return !is_inside;
    case PN_DATE_GT:
        return found->to_ms > asked->to_ms;
    case PN_DATE_LT:
        return found->from_ms < asked->from_ms;
    case PN_DATE_GE:
        return found->to_ms > asked->to_ms || is_inside || found->from_ms >= asked->from_ms;
    case PN_DATE_LE:
        return found->from_ms < asked->from_ms || is_inside || found->to_ms <= asked->to_ms;
    case PN_DATE_SA:
        return found->from_ms >= asked->to_ms;
    case PN_DATE_EB:
        return found->to_ms <= asked->from_ms;
    case PN_DATE_AP:
        return is_near(asked, found, now_ms);
    }
    return false;
}

// A Period or a dateTime as a range; an open end is open.
static bool found_range(const cJSON *element, struct pn_date_range *ret_range)
{
    if (cJSON_IsString(element)) {
        return range_of(pn_slice_str(element->valuestring), ret_range);
    }
    struct pn_slice start = pn_json_text(element, "start");
    struct pn_slice end = pn_json_text(element, "end");
    struct pn_date_range first = {.from_ms = INT64_MIN};
    struct pn_date_range last = {.to_ms = INT64_MAX};
    if ((start.len > 0 && !range_of(start, &first)) || (end.len > 0 && !range_of(end, &last)) ||
        (start.len == 0 && end.len == 0)) {
        return false;
    }
    ret_range->from_ms = first.from_ms;
    ret_range->to_ms = last.to_ms;
    return true;
}

// --- Tokens --------------------------------------------------------------------------------------

static bool coding_fits(const cJSON *coding, struct pn_slice token)
{
    struct pn_slice code = {0};
    bool has_system = token.len > 0 && memchr(token.ptr, '|', token.len) != NULL;
    struct pn_slice system = has_system ? pn_slice_split(token, '|', &code) : (struct pn_slice){0};
    if (!has_system) {
        code = token;
    }
    if (cJSON_IsString(coding)) {
        return system.len == 0 && pn_slice_is(code, coding->valuestring);
    }
    if (has_system && !pn_slice_eq(pn_json_text(coding, "system"), system)) {
        return false;
    }
    return (has_system && code.len == 0) || pn_slice_eq(pn_json_text(coding, "code"), code);
}

bool pn_token_param_fits(const cJSON *element, struct pn_slice token)
{
    if (!cJSON_IsArray(element)) {
        const cJSON *codings = cJSON_GetObjectItemCaseSensitive(element, "coding");
        if (codings == NULL) {
            return element != NULL && coding_fits(element, token);
        }
        element = codings;
    }
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, element)
    {
        const cJSON *codings = cJSON_GetObjectItemCaseSensitive(item, "coding");
        const cJSON *coding = NULL;
        if (codings == NULL && coding_fits(item, token)) {
            return true;
        }
        cJSON_ArrayForEach(coding, codings)
        {
            if (coding_fits(coding, token)) {
                return true;
            }
        }
    }
    return false;
}

// --- Fitting -------------------------------------------------------------------------------------

static const cJSON *element_of(const struct pn_search_param *param, const cJSON *resource)
{
    const cJSON *element = NULL;
    for (unsigned i = 0; i < PN_SEARCH_ELEMENTS_MAX && element == NULL; i++) {
        if (param->elements[i] != NULL) {
            element = cJSON_GetObjectItemCaseSensitive(resource, param->elements[i]);
        }
    }
    return element;
}

static bool any_token_fits(const cJSON *element, struct pn_slice tokens)
{
    while (tokens.len > 0) {
        struct pn_slice token = pn_slice_split(tokens, ',', &tokens);
        if (token.len > 0 && pn_token_param_fits(element, token)) {
            return true;
        }
    }
    return false;
}

static bool filter_fits(const struct pn_query_filter *filter, const cJSON *resource,
                        int64_t updated_ms)
{
    struct pn_date_range found = {.from_ms = updated_ms, .to_ms = updated_ms + 1};
    switch (filter->param->kind) {
    case PN_SEARCH_TOKEN:
    case PN_SEARCH_ID:
        return any_token_fits(element_of(filter->param, resource), filter->value);
    case PN_SEARCH_DATE:
        if (!found_range(element_of(filter->param, resource), &found)) {
            return false;
        }
        return pn_date_param_fits(filter->prefix, &filter->range, &found, pn_clock_now_ms());
    case PN_SEARCH_LAST_UPDATED:
        return pn_date_param_fits(filter->prefix, &filter->range, &found, pn_clock_now_ms());
    case PN_SEARCH_PATIENT:
    case PN_SEARCH_COUNT:
    case PN_SEARCH_SORT:
    case PN_SEARCH_CURSOR:
    case PN_SEARCH_INCLUDE:
    case PN_SEARCH_FORMAT:
        break;
    }
    return true;
}

bool pn_query_fits(const struct pn_query *query, const cJSON *resource, int64_t updated_ms)
{
    for (unsigned i = 0; i < query->filter_count; i++) {
        if (!filter_fits(&query->filters[i], resource, updated_ms)) {
            return false;
        }
    }
    return true;
}

void pn_query_narrow(const struct pn_query *query, int64_t *ret_from_ms, int64_t *ret_until_ms)
{
    int64_t from_ms = 0, until_ms = 0;
    for (unsigned i = 0; i < query->filter_count; i++) {
        const struct pn_query_filter *filter = &query->filters[i];
        if (filter->param->kind != PN_SEARCH_DATE) {
            continue;
        }
        // Only the upper end bounds the reading by start; what began before may still go on.
        bool has_end = filter->prefix == PN_DATE_EQ || filter->prefix == PN_DATE_LE ||
                       filter->prefix == PN_DATE_LT || filter->prefix == PN_DATE_EB;
        if (has_end && (until_ms == 0 || filter->range.to_ms < until_ms)) {
            until_ms = filter->range.to_ms;
        }
        if (filter->prefix == PN_DATE_EQ && filter->range.from_ms > from_ms) {
            from_ms = filter->range.from_ms;
        }
    }
    *ret_from_ms = from_ms;
    *ret_until_ms = until_ms;
}

// --- Reading the request -------------------------------------------------------------------------

bool pn_page_size_parse(struct pn_slice text, int64_t size_max, unsigned *ret_size)
{
    int64_t size = PN_QUERY_COUNT_DEFAULT;
    if (text.len > 0 && (!pn_slice_to_i64(text, &size) || size < 1)) {
        return false;
    }
    *ret_size = (unsigned)(size < size_max ? size : size_max);
    return true;
}

static enum pn_code refuse(struct pn_err *err, const struct pn_search_param *param,
                           const char *text)
{
    return pn_err_set(err, PN_INVALID, param->name, "%s", text);
}

// "Patient/<key>", an absolute URL that ends so, or the key alone.
static struct pn_slice key_of_reference(struct pn_slice value)
{
    struct pn_slice rest = value;
    while (rest.len > 0) {
        value = pn_slice_split(rest, '/', &rest);
    }
    return value;
}

static enum pn_code read_patient(struct pn_query *query, const struct pn_search_param *param,
                                 struct pn_slice value, struct pn_err *err)
{
    struct pn_slice key = key_of_reference(value);
    if (key.len != PN_CLIENT_KEY_TEXT_BYTES - 1 || memchr(key.ptr, ',', key.len) != NULL) {
        return refuse(err, param, "must be one client, Patient/<key>");
    }
    query->client_key = key;
    return PN_OK;
}

static enum pn_code add_filter(struct pn_query *query, const struct pn_search_param *param,
                               struct pn_slice value, struct pn_err *err)
{
    struct pn_query_filter filter = {.param = param, .value = value};
    bool is_date = param->kind == PN_SEARCH_DATE || param->kind == PN_SEARCH_LAST_UPDATED;
    if (is_date && !pn_date_param_parse(value, &filter.prefix, &filter.range)) {
        return refuse(err, param,
                      "must be a date, with a prefix (eq ne gt lt ge le sa eb ap) or not");
    }
    if (value.len == 0) {
        return refuse(err, param, "must not be empty");
    }
    if (query->filter_count == PN_QUERY_FILTERS_MAX) {
        return pn_err_set(err, PN_LIMIT, param->name, "too many search parameters");
    }
    query->filters[query->filter_count++] = filter;
    return PN_OK;
}

static enum pn_code read_param(struct pn_call *call, struct pn_query *query,
                               const struct pn_search_param *param, struct pn_slice value,
                               struct pn_err *err)
{
    switch (param->kind) {
    case PN_SEARCH_PATIENT:
        return read_patient(query, param, value, err);
    case PN_SEARCH_TOKEN:
    case PN_SEARCH_ID:
    case PN_SEARCH_DATE:
    case PN_SEARCH_LAST_UPDATED:
        return add_filter(query, param, value, err);
    case PN_SEARCH_COUNT:
        if (!pn_page_size_parse(value, call->api->config->api.page_size_max, &query->page_size)) {
            return refuse(err, param, "must be a whole number, at least 1");
        }
        return PN_OK;
    case PN_SEARCH_SORT:
        if (!pn_slice_is(value, query->type->sort)) {
            return pn_err_set(err, PN_INVALID, param->name, "can only be %s", query->type->sort);
        }
        return PN_OK;
    case PN_SEARCH_CURSOR:
        query->cursor = value;
        return PN_OK;
    case PN_SEARCH_INCLUDE:
        if (query->type->include == NULL || !pn_slice_is(value, query->type->include)) {
            return refuse(err, param, "is not one of those in /fhir/metadata");
        }
        query->with_include = true;
        return PN_OK;
    case PN_SEARCH_FORMAT:
        if (memmem(value.ptr, value.len, "json", 4) == NULL) {
            return pn_err_set(err, PN_UNSUPPORTED, param->name, "only JSON is spoken here");
        }
        return PN_OK;
    }
    return PN_OK;
}

static bool is_strict(const struct pn_call *call)
{
    struct pn_slice prefer = pn_http_header(call->exchange, "Prefer");
    return prefer.len > 0 && memmem(prefer.ptr, prefer.len, "handling=strict", 15) != NULL;
}

static enum pn_code read_one(struct pn_call *call, struct pn_query *query,
                             const struct pn_http_parameter *parameter, struct pn_err *err)
{
    struct pn_slice modifier = {0};
    struct pn_slice name = pn_slice_split(parameter->name, ':', &modifier);
    const struct pn_search_param *param = pn_search_param_find(query->type, name);
    if (pn_hetu_is_inside(parameter->name) || pn_hetu_is_inside(parameter->value)) {
        return pn_err_set(err, PN_INVALID, "search",
                          "identity codes do not belong here: POST to Patient/_search first");
    }
    if (param == NULL && is_strict(call)) {
        return pn_err_set(err, PN_INVALID, query->type->name,
                          "a search parameter is not known: see /fhir/metadata");
    }
    if (param == NULL) {
        query->ignored_count++;
        return PN_OK;
    }
    bool is_typed = param->kind == PN_SEARCH_PATIENT && pn_slice_is(modifier, "Patient");
    if (modifier.len > 0 && !is_typed) {
        return refuse(err, param, "has a modifier that is not known here");
    }
    return read_param(call, query, param, parameter->value, err);
}

enum pn_code pn_query_read(struct pn_call *call, const struct pn_api_type *type,
                           struct pn_query *ret_query, struct pn_err *err)
{
    unsigned count = 0;
    const struct pn_http_parameter *parameters = pn_http_parameters(call->exchange, &count);
    struct pn_query query = {.type = type};
    if (!pn_page_size_parse((struct pn_slice){0}, call->api->config->api.page_size_max,
                            &query.page_size)) {
        return pn_err_set(err, PN_INTERNAL, "_count", "no page size");
    }
    for (unsigned i = 0; i < count; i++) {
        enum pn_code code = read_one(call, &query, &parameters[i], err);
        if (code != PN_OK) {
            return code;
        }
    }
    *ret_query = query;
    return PN_OK;
}
