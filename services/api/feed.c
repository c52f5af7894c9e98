// SPDX-License-Identifier: Apache-2.0
/*
 * GET /feed?types=…&subject=…&from=start
 *
 * types: event types with commas between; one that ends with `*` fits all that begin so. Without
 * Last-Event-ID the feed begins with what comes next, with from=start at the oldest that is kept.
 * Every event has `id:` (its number here), `event:` (its type) and `data:` (a CloudEvent as
 * structured JSON).
 */
#include "services/api/feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "event/facts.h"
#include "services/api/calls.h"

enum {
    ROWS_PER_PUMP = 200,
    BYTES_PER_PUMP_MAX = 256 * 1024, // a quarter of what a slow reader may leave waiting
    PUMP_AGAIN_MS = 20,
    HEARTBEAT_SECONDS = 15,
    FILTER_BYTES_MAX = 1024,
    NOT_READ = -1 // classes: they are in the body
};

const char pn_feed_sql[] =
    "CREATE TABLE feed (feed_no BIGINT PRIMARY KEY, type TEXT NOT NULL, subject TEXT NOT NULL,"
    " sector BIGINT NOT NULL, data_class BIGINT NOT NULL, body TEXT NOT NULL);";
// Rows of the earlier version had one class, which may not have been all: NOT_READ stands there.
const char pn_feed_classes_sql[] = "ALTER TABLE feed RENAME COLUMN data_class TO classes;"
                                   "UPDATE feed SET classes = -1 WHERE classes > 0;";

struct listener {
    struct pn_http_exchange *exchange;
    struct pn_feed_hub *hub;
    struct listener *next;
    int64_t sent_no;
    struct pn_access access;
    char types[FILTER_BYTES_MAX];
    char subject[PN_CLIENT_KEY_TEXT_BYTES];
};

struct pn_feed_hub {
    struct pn_api *api;
    struct listener *first;
    unsigned count;
    struct event *heartbeat;
    struct event *pump_again;
};

// --- Taking in -----------------------------------------------------------------------------------

// The data without what is sealed in it: nobody at the feed may open it.
static enum pn_code cut_seals(struct pn_event *event, struct pn_buf *data, struct pn_err *err)
{
    if (memmem(event->data.ptr, event->data.len, "\"extension\"", 11) == NULL) {
        return PN_OK;
    }
    cJSON *resource = NULL;
    enum pn_code code = pn_json_parse(event->data, &resource, err);
    if (code != PN_OK) {
        return code;
    }
    cJSON *extensions = cJSON_GetObjectItemCaseSensitive(resource, "extension");
    cJSON *next = NULL;
    for (cJSON *item = extensions == NULL ? NULL : extensions->child; item != NULL; item = next) {
        next = item->next;
        struct pn_slice url = pn_json_text(item, "url");
        if (url.len > 0 && memmem(url.ptr, url.len, "/sealed-", 8) != NULL) {
            cJSON_DetachItemViaPointer(extensions, item);
        }
    }
    if (extensions != NULL && extensions->child == NULL) {
        cJSON_DetachItemViaPointer(resource, extensions);
    }
    code = pn_json_print(resource, data, err);
    if (code == PN_OK) {
        event->data = pn_buf_slice(data);
    }
    return code;
}

static enum pn_code insert(struct pn_store *store, const struct pn_event *event,
                           struct pn_slice body, const struct pn_facts *facts, struct pn_err *err)
{
    const struct pn_value values[] = {PN_TEXT(event->type), PN_TEXT(event->subject),
                                      PN_INT(facts->sector), PN_INT(facts->classes), PN_TEXT(body)};
    return pn_store_run(store,
                        "INSERT INTO feed (feed_no, type, subject, sector, classes, body)"
                        " VALUES ((SELECT COALESCE(MAX(feed_no), 0) + 1 FROM feed),"
                        " ?1, ?2, ?3, ?4, ?5)",
                        values, PN_ARRAY_COUNT(values), err);
}

enum pn_code pn_feed_add(struct pn_api *api, const struct pn_event *event, struct pn_err *err)
{
    struct pn_event open_event = *event;
    struct pn_facts facts = {0};
    struct pn_buf data, body;
    pn_buf_init(&data, PN_EVENT_BYTES_MAX);
    pn_buf_init(&body, 2 * PN_EVENT_BYTES_MAX);
    pn_json_use_arena(pn_run_arena(api->run));
    enum pn_code code = pn_facts_read(event, &facts, err);
    if (code == PN_OK) {
        code = cut_seals(&open_event, &data, err);
    }
    if (code == PN_OK) {
        code = pn_event_write_json(&open_event, &body, err);
    }
    if (code == PN_OK) {
        code = insert(pn_run_store(api->run), event, pn_buf_slice(&body), &facts, err);
    }
    pn_buf_release(&data);
    pn_buf_release(&body);
    return code;
}

enum pn_code pn_feed_trim(struct pn_api *api, struct pn_err *err)
{
    struct pn_store *store = pn_run_store(api->run);
    const struct pn_value values[] = {PN_INT(PN_FEED_KEPT_MAX)};
    return pn_store_run(store,
                        "DELETE FROM feed WHERE feed_no <= (SELECT MAX(feed_no) FROM feed) - ?1",
                        values, 1, err);
}

// --- Sending on ----------------------------------------------------------------------------------

static bool type_fits(const struct listener *listener, struct pn_slice type)
{
    struct pn_slice rest = pn_slice_str(listener->types);
    if (rest.len == 0) {
        return true;
    }
    while (rest.len > 0) {
        struct pn_slice one = pn_slice_split(rest, ',', &rest);
        bool is_stem = one.len > 0 && one.ptr[one.len - 1] == '*';
        size_t length = is_stem ? one.len - 1 : one.len;
        if ((is_stem ? type.len >= length : type.len == length) &&
            memcmp(type.ptr, one.ptr, length) == 0) {
            return true;
        }
    }
    return false;
}

// What can't be read is under all of them.
static uint32_t classes_of(const struct pn_rows *rows)
{
    const int64_t stored = pn_rows_int(rows, 4);
    uint32_t classes = UINT32_MAX;
    struct pn_err ignored;
    if (stored != NOT_READ) {
        return (uint32_t)stored;
    }
    return pn_facts_classes(pn_rows_text(rows, 5), &classes, &ignored) == PN_OK ? classes
                                                                                : UINT32_MAX;
}

static bool row_fits(const struct listener *listener, const struct pn_rows *rows)
{
    return type_fits(listener, pn_rows_text(rows, 1)) &&
           (listener->subject[0] == '\0' ||
            pn_slice_is(pn_rows_text(rows, 2), listener->subject)) &&
           pn_access_shows(&listener->access, (enum pn_sector)pn_rows_int(rows, 3),
                           classes_of(rows));
}

static void write_row(struct pn_buf *out, const struct pn_rows *rows)
{
    pn_buf_printf(out, "id: %lld\nevent: %.*s\ndata: ", (long long)pn_rows_int(rows, 0),
                  PN_SLICE_FMT(pn_rows_text(rows, 1)));
    pn_buf_add_slice(out, pn_rows_text(rows, 5));
    pn_buf_add_str(out, "\n\n");
}

// Rows after listener->sent_no into `out`. *ret_more: there may be more at once.
static enum pn_code read_rows(struct listener *listener, struct pn_buf *out, bool *ret_more,
                              struct pn_err *err)
{
    struct pn_store *store = pn_run_store(listener->hub->api->run);
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(listener->sent_no), PN_INT(ROWS_PER_PUMP)};
    enum pn_code code = pn_store_ask(store,
                                     "SELECT feed_no, type, subject, sector, classes, body"
                                     " FROM feed WHERE feed_no > ?1 ORDER BY feed_no LIMIT ?2",
                                     values, 2, &rows, err);
    unsigned count = 0;
    bool has_row = code == PN_OK;
    while (has_row && out->len < BYTES_PER_PUMP_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        has_row = has_row && code == PN_OK;
        if (has_row) {
            count++;
            listener->sent_no = pn_rows_int(rows, 0);
            if (row_fits(listener, rows)) {
                write_row(out, rows);
            }
        }
    }
    pn_rows_close(rows);
    *ret_more = count == ROWS_PER_PUMP || out->len >= BYTES_PER_PUMP_MAX;
    return code;
}

static bool pump_one(struct listener *listener)
{
    struct pn_buf out;
    struct pn_err err;
    bool has_more = false;
    pn_buf_init(&out, BYTES_PER_PUMP_MAX + 3 * PN_EVENT_BYTES_MAX);
    if (read_rows(listener, &out, &has_more, &err) != PN_OK) {
        pn_log_error("feed not read", &err);
    } else if (out.len > 0 && pn_buf_ok(&out)) {
        pn_http_stream_chunk(listener->exchange, pn_buf_slice(&out));
    }
    pn_buf_release(&out);
    return has_more;
}

void pn_feed_pump(struct pn_api *api)
{
    struct pn_feed_hub *hub = api->feed;
    bool has_more = false;
    struct listener *next = NULL;
    // A chunk may cut a slow listener off, which takes it out of the list.
    for (struct listener *listener = hub->first; listener != NULL; listener = next) {
        next = listener->next;
        has_more = pump_one(listener) || has_more;
    }
    if (has_more) {
        const struct timeval soon = {.tv_usec = PUMP_AGAIN_MS * 1000};
        event_add(hub->pump_again, &soon);
    }
}

static void on_pump_again(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct pn_feed_hub *hub = context;
    pn_feed_pump(hub->api);
}

static void on_heartbeat(evutil_socket_t socket, short what, void *context)
{
    (void)socket;
    (void)what;
    struct pn_feed_hub *hub = context;
    struct listener *next = NULL;
    for (struct listener *listener = hub->first; listener != NULL; listener = next) {
        next = listener->next;
        pn_http_stream_chunk(listener->exchange, pn_slice_str(": still here\n\n"));
    }
}

// --- Listening -----------------------------------------------------------------------------------

static void on_gone(struct pn_http_exchange *exchange, void *context)
{
    (void)exchange;
    struct listener *listener = context;
    struct pn_feed_hub *hub = listener->hub;
    for (struct listener **at = &hub->first; *at != NULL; at = &(*at)->next) {
        if (*at == listener) {
            *at = listener->next;
            hub->count--;
            break;
        }
    }
    free(listener);
}

static enum pn_code read_bounds(struct pn_api *api, int64_t *ret_oldest, int64_t *ret_newest,
                                struct pn_err *err)
{
    struct pn_store *store = pn_run_store(api->run);
    struct pn_rows *rows = NULL;
    bool has_row = false;
    enum pn_code code =
        pn_store_ask(store, "SELECT COALESCE(MIN(feed_no), 0), COALESCE(MAX(feed_no), 0) FROM feed",
                     NULL, 0, &rows, err);
    if (code == PN_OK) {
        code = pn_rows_next(rows, &has_row, err);
    }
    if (code == PN_OK && has_row) {
        *ret_oldest = pn_rows_int(rows, 0);
        *ret_newest = pn_rows_int(rows, 1);
    }
    pn_rows_close(rows);
    return code;
}

// Where to begin, and whether something that was asked for is no longer kept.
static enum pn_code begin_at(const struct pn_call *call, int64_t *ret_after_no, int64_t *ret_gap_to,
                             struct pn_err *err)
{
    int64_t oldest = 0, newest = 0, last_seen = 0;
    struct pn_slice header = pn_http_header(call->exchange, "Last-Event-ID");
    enum pn_code code = read_bounds(call->api, &oldest, &newest, err);
    if (code != PN_OK) {
        return code;
    }
    if (header.len == 0) {
        bool is_from_start = pn_slice_is(pn_http_parameter(call->exchange, "from"), "start");
        *ret_after_no = is_from_start ? 0 : newest;
        return PN_OK;
    }
    if (!pn_slice_to_i64(header, &last_seen)) {
        return pn_err_set(err, PN_INVALID, "Last-Event-ID", "must be an id that the feed gave");
    }
    *ret_gap_to = oldest > last_seen + 1 && last_seen > 0 ? oldest : 0;
    *ret_after_no = last_seen > newest ? newest : last_seen;
    return PN_OK;
}

static bool copy_filter(struct pn_call *call, const char *name, char *to, size_t to_bytes)
{
    struct pn_slice text = pn_http_parameter(call->exchange, name);
    if (text.len >= to_bytes) {
        struct pn_err err;
        pn_err_set(&err, PN_LIMIT, name, "is too long");
        pn_call_answer_error(call, &err);
        return false;
    }
    memcpy(to, text.len == 0 ? "" : text.ptr, text.len);
    to[text.len] = '\0';
    return true;
}

static void start_listening(struct pn_call *call, struct listener *listener, int64_t gap_to)
{
    struct pn_feed_hub *hub = call->api->feed;
    listener->exchange = call->exchange;
    listener->hub = hub;
    listener->access = call->access;
    listener->next = hub->first;
    hub->first = listener;
    hub->count++;
    pn_http_add_header(call->exchange, "Cache-Control", "no-store");
    pn_http_add_header(call->exchange, "X-Accel-Buffering", "no");
    pn_http_stream_start(call->exchange, 200, "text/event-stream; charset=utf-8", on_gone,
                         listener);
    struct pn_buf hello;
    pn_buf_init(&hello, 256);
    pn_buf_add_str(&hello, "retry: 2000\n");
    if (gap_to > 0) {
        pn_buf_printf(&hello, "event: gap\ndata: {\"oldest\":\"%lld\"}\n", (long long)gap_to);
    }
    pn_buf_add_str(&hello, "\n");
    pn_http_stream_chunk(call->exchange, pn_buf_slice(&hello));
    pn_buf_release(&hello);
    const struct timeval at_once = {0};
    event_add(hub->pump_again, &at_once);
}

void pn_feed_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_err err;
    int64_t gap_to = 0;
    pn_call_begin(&call, exchange, context);
    if (!pn_call_may(&call, PN_ACTION_FEED, NULL, "event feed")) {
        return;
    }
    if (call.api->feed->count == PN_FEED_LISTENERS_MAX) {
        pn_err_set(&err, PN_UNAVAILABLE, "feed", "has as many listeners as it can take");
        pn_call_answer_error(&call, &err);
        return;
    }
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        pn_err_set(&err, PN_UNAVAILABLE, "feed", "no memory for a listener");
        pn_call_answer_error(&call, &err);
        return;
    }
    if (!copy_filter(&call, "types", listener->types, sizeof listener->types) ||
        !copy_filter(&call, "subject", listener->subject, sizeof listener->subject)) {
        free(listener);
        return;
    }
    if (begin_at(&call, &listener->sent_no, &gap_to, &err) != PN_OK) {
        pn_call_answer_error(&call, &err);
        free(listener);
        return;
    }
    start_listening(&call, listener, gap_to);
}

// --- Begin and end -------------------------------------------------------------------------------

enum pn_code pn_feed_open(struct pn_api *api, struct pn_err *err)
{
    struct pn_feed_hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL) {
        return pn_err_set(err, PN_MEMORY, "feed", "no memory");
    }
    hub->api = api;
    api->feed = hub;
    struct event_base *base = pn_run_base(api->run);
    hub->heartbeat = event_new(base, -1, EV_PERSIST, on_heartbeat, hub);
    hub->pump_again = evtimer_new(base, on_pump_again, hub);
    const struct timeval every = {.tv_sec = HEARTBEAT_SECONDS};
    if (hub->heartbeat == NULL || hub->pump_again == NULL ||
        event_add(hub->heartbeat, &every) != 0) {
        return pn_err_set(err, PN_MEMORY, "feed", "no timer");
    }
    return PN_OK;
}

// After the server is closed: it has told every listener to go.
void pn_feed_close(struct pn_api *api)
{
    struct pn_feed_hub *hub = api->feed;
    if (hub == NULL) {
        return;
    }
    if (hub->heartbeat != NULL) {
        event_free(hub->heartbeat);
    }
    if (hub->pump_again != NULL) {
        event_free(hub->pump_again);
    }
    free(hub);
    api->feed = NULL;
}
