// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/log.h"
#include "services/ingest/poll_source.h"

enum { REQUEST_TIMEOUT_MS = 30 * 1000, MISSING_AT_ONCE = 50 };

// --- Asking --------------------------------------------------------------------------------------

static void ask(struct pn_poll_source *source,
                void (*done)(const struct pn_http_response *response, void *context))
{
    const char *headers[] = {"Accept: application/fhir+json", source->authorization};
    const struct pn_http_request request = {
        .method = "GET",
        .url = source->url.data,
        .headers = headers,
        .header_count = source->authorization[0] == '\0' ? 1 : 2,
        .timeout_ms = REQUEST_TIMEOUT_MS,
    };
    struct pn_err err = {0};
    if (!pn_buf_ok(&source->url)) {
        (void)pn_err_set(&err, PN_LIMIT, "url", "is over %d bytes", PN_POLL_URL_BYTES_MAX);
        pn_poll_fail_kind(source, &err);
    } else if (pn_http_client_send(source->client, &request, done, source, &err) != PN_OK) {
        pn_poll_fail_system(source, &err, 0);
    }
}

static void on_page(const struct pn_http_response *response, void *context);

static void ask_page(struct pn_poll_source *source)
{
    pn_arena_reset(source->arena);
    (void)snprintf(source->searched, sizeof source->searched, "%.*s",
                   PN_SLICE_FMT(pn_buf_slice(&source->url)));
    ask(source, on_page);
}

void pn_poll_ask(struct pn_poll_source *source)
{
    const struct pn_poll_kind *kind = pn_poll_kind_now(source);
    bool is_patient = strcmp(kind->resource_type, "Patient") == 0;
    const struct pn_poll_question question = {
        .base = source->base,
        .resource_type = kind->resource_type,
        .from_ms = source->walk.from_ms,
        .page_size = kind->page_size,
        .with_patients = !is_patient && !kind->without_include,
    };
    pn_poll_search_url(&question, &source->url);
    ask_page(source);
}

// What a status other than 200 means. True when all is said.
static bool is_systems_fault(struct pn_poll_source *source, const struct pn_http_response *response,
                             struct pn_err *err)
{
    int status = response->status;
    if (response->code != PN_OK) {
        (void)pn_err_set(err, PN_UNAVAILABLE, "poll", "%s", response->reason);
        pn_poll_fail_system(source, err, 0);
        return true;
    }
    if (status == 401 || status == 403) {
        (void)pn_err_set(err, PN_DENIED, "poll",
                         "the server answers %d: the token in poll_token_file is not accepted",
                         status);
        pn_poll_fail_system(source, err, 0);
        return true;
    }
    if (status == 408 || status == 425 || status == 429 || status >= 500) {
        (void)pn_err_set(err, PN_UNAVAILABLE, "poll", "the server answers %d", status);
        pn_poll_fail_system(source, err, response->retry_after_ms);
        return true;
    }
    return false;
}

// --- A page --------------------------------------------------------------------------------------

static void on_taken(const struct pn_intake_result *result, void *context)
{
    struct pn_poll_source *source = context;
    source->in_flight--;
    source->was_turned_away = source->was_turned_away || result->outcome == PN_INTAKE_TURNED_AWAY;
    if (source->in_flight == 0) {
        pn_poll_later(source, PN_POLL_PAGE_DONE, 0);
    }
}

static void submit_one(struct pn_poll_source *source, unsigned at, struct pn_buf *text)
{
    struct pn_err err = {0};
    pn_buf_clear(text);
    if (pn_entries_write(source->page, at, text, &err) != PN_OK) {
        // Nothing that quarantine could hold; and it must not stop what comes after it.
        (void)pn_err_within(&err, source->system->conf->name);
        pn_log_error("a polled resource was left out", &err);
        source->system->counts.refused++;
        return;
    }
    const struct pn_intake_message message = {
        .system = source->system,
        .in = pn_ingest_message_in(source->system, pn_buf_slice(text), PN_TRANSPORT_POLL),
        .can_wait = true,
        .done = on_taken,
        .context = source,
    };
    source->in_flight++;
    source->match_count++;
    pn_intake_submit(source->intake, &message);
}

static void submit_page(struct pn_poll_source *source)
{
    struct pn_buf text;
    pn_buf_init(&text, PN_MESSAGE_BYTES_MAX);
    source->was_turned_away = false;
    source->in_flight = 1; // until all are submitted
    for (unsigned i = 0; i < source->page->count; i++) {
        if (pn_poll_is_match(&source->page->items[i], pn_poll_kind_now(source)->resource_type)) {
            submit_one(source, i, &text);
        }
    }
    pn_buf_release(&text);
    source->page_count++;
    if (--source->in_flight == 0) {
        pn_poll_later(source, PN_POLL_PAGE_DONE, 0);
    }
}

// --- Patients that the page refers to and does not bring -----------------------------------------

static bool is_id(struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              c == '-' || c == '.')) {
            return false;
        }
    }
    return text.len > 0 && text.len <= 64;
}

static void note_missing(void *context, struct pn_slice reference)
{
    struct pn_poll_source *source = context;
    struct pn_slice rest = {0}, relative = pn_entries_relative(reference);
    bool is_ours = relative.len == reference.len || pn_slice_starts_with(reference, source->base);
    struct pn_slice type = pn_slice_split(relative, '/', &rest);
    if (!is_ours || !pn_slice_is(type, "Patient") || !is_id(rest) ||
        source->missing_count == PN_POLL_MISSING_MAX ||
        pn_entries_find(source->page, reference) != NULL) {
        return;
    }
    for (unsigned i = 0; i < source->missing_count; i++) {
        if (pn_slice_is(rest, source->missing[i])) {
            return;
        }
    }
    const char *copy = pn_arena_copy(source->arena, rest);
    if (copy != NULL) {
        source->missing[source->missing_count++] = copy;
    }
}

static void ask_missing(struct pn_poll_source *source);

// Whoever is not found: the mapping refuses what is about them, naming the place.
static void on_patients(const struct pn_http_response *response, void *context)
{
    struct pn_poll_source *source = context;
    struct pn_entries *found = NULL;
    struct pn_err err = {0};
    if (is_systems_fault(source, response, &err)) {
        return;
    }
    const char *body =
        response->status == 200 ? pn_arena_copy(source->arena, response->body) : NULL;
    if (body != NULL && pn_entries_read(source->arena, pn_slice_of(body, response->body.len),
                                        &found, &err) == PN_OK) {
        source->last_context->also = found;
        source->last_context = found;
    }
    ask_missing(source);
}

static void ask_missing(struct pn_poll_source *source)
{
    unsigned count = source->missing_count - source->missing_asked;
    count = count > MISSING_AT_ONCE ? MISSING_AT_ONCE : count;
    if (count == 0) {
        submit_page(source);
        return;
    }
    pn_buf_clear(&source->url);
    pn_buf_printf(&source->url, "%s/Patient?_count=%u&_id=", source->base, count);
    for (unsigned i = 0; i < count; i++) {
        pn_buf_printf(&source->url, "%s%s", i == 0 ? "" : ",",
                      source->missing[source->missing_asked++]);
    }
    ask(source, on_patients);
}

static void take_page(struct pn_poll_source *source)
{
    source->missing_count = 0;
    source->missing_asked = 0;
    source->last_context = source->page;
    for (unsigned i = 0; i < source->page->count; i++) {
        const struct pn_entry *entry = &source->page->items[i];
        if (pn_poll_is_match(entry, pn_poll_kind_now(source)->resource_type)) {
            pn_entries_references(entry, note_missing, source);
        }
    }
    ask_missing(source);
}

// --- The answer to a search ----------------------------------------------------------------------

static void smaller_pages(struct pn_poll_source *source)
{
    struct pn_poll_kind *kind = pn_poll_kind_now(source);
    struct pn_err err = {0};
    if (kind->page_size == 1) {
        (void)pn_err_set(&err, PN_LIMIT, "_count", "a page of one resource is over %d bytes",
                         PN_HTTP_BODY_BYTES_MAX);
        pn_poll_fail_kind(source, &err);
        return;
    }
    kind->page_size = (kind->page_size + 1) / 2;
    pn_poll_walk_start(&source->walk, source->walk.from_ms);
    pn_poll_ask(source);
}

static enum pn_code read_page(struct pn_poll_source *source,
                              const struct pn_http_response *response, struct pn_err *err)
{
    const char *body = pn_arena_copy(source->arena, response->body);
    if (body == NULL) {
        return pn_err_set(err, PN_LIMIT, "Bundle", "the page needs too much memory");
    }
    enum pn_code code =
        pn_entries_read(source->arena, pn_slice_of(body, response->body.len), &source->page, err);
    if (code == PN_OK && !pn_slice_is(source->page->type, "searchset")) {
        code = pn_err_set(err, PN_INVALID, "Bundle.type", "the answer to a search is no searchset");
    }
    return code;
}

static void on_page(const struct pn_http_response *response, void *context)
{
    struct pn_poll_source *source = context;
    struct pn_poll_kind *kind = pn_poll_kind_now(source);
    struct pn_err err = {0};
    if (response->is_too_large) {
        smaller_pages(source);
        return;
    }
    if (is_systems_fault(source, response, &err)) {
        return;
    }
    if (response->status == 400 && !kind->without_include &&
        strcmp(kind->resource_type, "Patient") != 0) {
        kind->without_include = true;
        pn_poll_ask(source);
        return;
    }
    if (response->status != 200) {
        (void)pn_err_set(&err, PN_INVALID, "search", "the server answers %d", response->status);
        pn_poll_fail_kind(source, &err);
        return;
    }
    source->server_ms = response->date_ms;
    if (read_page(source, response, &err) != PN_OK) {
        pn_poll_fail_kind(source, &err);
        return;
    }
    take_page(source);
}

void pn_poll_follow(struct pn_poll_source *source)
{
    struct pn_err err = {0};
    pn_buf_clear(&source->url);
    if (!pn_http_resolve_same_origin(source->searched, source->page->next, &source->url)) {
        (void)pn_err_set(&err, PN_DENIED, "Bundle.link",
                         "the next page is on another server: it is not followed");
        pn_poll_fail_kind(source, &err);
    } else if (!pn_poll_walk_visit(&source->walk, pn_buf_slice(&source->url))) {
        (void)pn_err_set(&err, PN_INVALID, "Bundle.link", "the pages go round in a circle");
        pn_poll_fail_kind(source, &err);
    } else {
        ask_page(source);
    }
}
