// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "net/socket.h"

enum { CONNECTIONS_MAX = 64, CONNECT_TIMEOUT_MS = 10 * 1000, HEADER_VALUE_BYTES_MAX = 4096 };

#define RETRY_AFTER_MAX_S INT64_C(86400)

// The headers of an answer that are kept.
enum kept { KEPT_LOCATION, KEPT_ETAG, KEPT_DATE, KEPT_RETRY_AFTER, KEPT_COUNT };
static const char *const kept_names[KEPT_COUNT] = {"location", "etag", "date", "retry-after"};

struct transfer {
    LIST_ENTRY(transfer) entry;
    struct pn_http_client *client;
    CURL *easy;
    struct curl_slist *headers;
    struct pn_buf body;
    struct pn_buf kept[KEPT_COUNT];
    void (*done)(const struct pn_http_response *response, void *context);
    void *context;
};

struct pn_http_client {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    struct pn_tls_conf tls;
    LIST_HEAD(, transfer) transfers;
};

static void transfer_free(struct transfer *transfer)
{
    LIST_REMOVE(transfer, entry);
    if (transfer->easy != NULL) {
        curl_multi_remove_handle(transfer->client->multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->headers);
    pn_buf_release(&transfer->body);
    for (unsigned i = 0; i < KEPT_COUNT; i++) {
        pn_buf_release(&transfer->kept[i]);
    }
    free(transfer);
}

static int64_t header_date_ms(const struct transfer *transfer, enum kept which)
{
    const struct pn_buf *text = &transfer->kept[which];
    time_t seconds = text->len == 0 ? -1 : curl_getdate(text->data, NULL);
    return seconds < 0 ? 0 : (int64_t)seconds * PN_MS_PER_SECOND;
}

// Seconds, or a moment (RFC 9110 10.2.3).
static int64_t retry_after_ms(const struct transfer *transfer)
{
    int64_t number = 0;
    if (pn_slice_to_i64(pn_buf_slice(&transfer->kept[KEPT_RETRY_AFTER]), &number)) {
        return number < RETRY_AFTER_MAX_S ? number * PN_MS_PER_SECOND
                                          : RETRY_AFTER_MAX_S * PN_MS_PER_SECOND;
    }
    int64_t date_ms = header_date_ms(transfer, KEPT_DATE);
    int64_t wait_ms =
        header_date_ms(transfer, KEPT_RETRY_AFTER) - (date_ms > 0 ? date_ms : pn_clock_now_ms());
    return wait_ms > 0 ? wait_ms : 0;
}

static void finish(struct transfer *transfer, CURLcode result)
{
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    bool has_answer = result == CURLE_OK && status > 0;
    const char *reason =
        pn_buf_ok(&transfer->body) ? curl_easy_strerror(result) : "the answer is too large";
    const struct pn_http_response response = {
        .code = has_answer ? PN_OK : PN_UNAVAILABLE,
        .status = has_answer ? (int)status : 0,
        .body = has_answer ? pn_buf_slice(&transfer->body) : pn_slice_of(NULL, 0),
        .location = pn_buf_slice(&transfer->kept[KEPT_LOCATION]),
        .etag = pn_buf_slice(&transfer->kept[KEPT_ETAG]),
        .date_ms = header_date_ms(transfer, KEPT_DATE),
        .retry_after_ms = retry_after_ms(transfer),
        .is_too_large = !pn_buf_ok(&transfer->body),
        .reason = has_answer ? NULL : reason,
    };
    transfer->done(&response, transfer->context);
    transfer_free(transfer);
}

static void finish_completed(struct pn_http_client *client)
{
    int left = 0;
    CURLMsg *message = curl_multi_info_read(client->multi, &left);
    while (message != NULL) {
        if (message->msg == CURLMSG_DONE) {
            struct transfer *transfer = NULL;
            CURLcode result = message->data.result;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
            finish(transfer, result);
        }
        message = curl_multi_info_read(client->multi, &left);
    }
}

static void on_socket_ready(evutil_socket_t fd, short what, void *context)
{
    struct pn_http_client *client = context;
    int running = 0;
    int action = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
                 ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(client->multi, fd, action, &running);
    finish_completed(client);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_http_client *client = context;
    int running = 0;
    curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    finish_completed(client);
}

// curl asks to watch a socket; its libevent event hangs on the socket.
static int on_watch(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    (void)easy;
    struct pn_http_client *client = context;
    struct event *watch = socket_context;
    if (watch != NULL) {
        event_free(watch);
        watch = NULL;
    }
    if (what != CURL_POLL_REMOVE) {
        short events = (short)(((what & CURL_POLL_IN) != 0 ? EV_READ : 0) |
                               ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0) | EV_PERSIST);
        watch = event_new(client->base, fd, events, on_socket_ready, client);
        if (watch == NULL || event_add(watch, NULL) != 0) {
            return -1;
        }
    }
    curl_multi_assign(client->multi, fd, watch);
    return 0;
}

static int on_timer_wish(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct pn_http_client *client = context;
    if (timeout_ms < 0) {
        evtimer_del(client->timer);
        return 0;
    }
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    evtimer_add(client->timer, &timeout);
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    pn_buf_add(&transfer->body, bytes, size * count);
    return pn_buf_ok(&transfer->body) ? size * count : 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct pn_slice value = {0};
    struct pn_slice name = pn_slice_split(pn_slice_of(bytes, size * count), ':', &value);
    struct pn_buf *kept = NULL;
    for (unsigned i = 0; kept == NULL && i < KEPT_COUNT; i++) {
        kept = pn_slice_is_nocase(name, kept_names[i]) ? &transfer->kept[i] : NULL;
    }
    if (kept != NULL) {
        pn_buf_clear(kept);
        pn_buf_add_slice(kept, pn_slice_trim(value));
        if (!pn_buf_ok(kept)) {
            pn_buf_clear(kept);
        }
    }
    return size * count;
}

static bool set_method(CURL *easy, const struct pn_http_request *request)
{
    if (strcmp(request->method, "HEAD") == 0) {
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    }
    bool is_set = true;
    if (request->body.len > 0 || strcmp(request->method, "GET") != 0) {
        curl_off_t body_bytes = (curl_off_t)request->body.len;
        const char *body = request->body.len > 0 ? request->body.ptr : "";
        is_set = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, body_bytes) == CURLE_OK &&
                 curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body) == CURLE_OK;
    }
    return is_set && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
}

static bool add_headers(struct transfer *transfer, const struct pn_http_request *request)
{
    // No waiting for 100-continue: a receiver that refuses says so after the body as well.
    transfer->headers = curl_slist_append(NULL, "Expect:");
    for (unsigned i = 0; i < request->header_count && transfer->headers != NULL; i++) {
        if (strpbrk(request->headers[i], "\r\n") != NULL) {
            return false;
        }
        struct curl_slist *longer = curl_slist_append(transfer->headers, request->headers[i]);
        if (longer == NULL) {
            return false;
        }
        transfer->headers = longer;
    }
    return transfer->headers != NULL &&
           curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
}

static bool set_file(CURL *easy, CURLoption option, const char *file)
{
    return file[0] == '\0' || curl_easy_setopt(easy, option, file) == CURLE_OK;
}

// Certificates and host names are verified: that is curl's default and stays so. Nothing is kept of
// the files or of earlier handshakes, so that what is renewed or withdrawn counts at once.
static bool set_up_tls(CURL *easy, const struct pn_tls_conf *tls)
{
    return curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L) == CURLE_OK &&
           set_file(easy, CURLOPT_SSLCERT, tls->certificate) &&
           set_file(easy, CURLOPT_SSLKEY, tls->key) && set_file(easy, CURLOPT_CAINFO, tls->ca);
}

static bool set_up(struct transfer *transfer, const struct pn_http_request *request)
{
    CURL *easy = transfer->easy;
    long timeout_ms = (long)request->timeout_ms;
    long connect_ms = timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : CONNECT_TIMEOUT_MS;
    return easy != NULL && curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
           set_up_tls(easy, &transfer->client->tls) && set_method(easy, request) &&
           add_headers(transfer, request) &&
           curl_multi_add_handle(transfer->client->multi, easy) == CURLM_OK;
}

enum pn_code
pn_http_client_send(struct pn_http_client *client, const struct pn_http_request *request,
                    void (*done)(const struct pn_http_response *response, void *context),
                    void *context, struct pn_err *err)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);
    if (transfer == NULL) {
        return pn_err_set(err, PN_MEMORY, "http", "the heap is exhausted");
    }
    transfer->client = client;
    transfer->done = done;
    transfer->context = context;
    pn_buf_init(&transfer->body, PN_HTTP_BODY_BYTES_MAX);
    for (unsigned i = 0; i < KEPT_COUNT; i++) {
        pn_buf_init(&transfer->kept[i], HEADER_VALUE_BYTES_MAX);
    }
    LIST_INSERT_HEAD(&client->transfers, transfer, entry);
    transfer->easy = curl_easy_init();
    if (!set_up(transfer, request)) {
        transfer_free(transfer);
        return pn_err_set(err, PN_INVALID, "http", "the request's URL or headers are not usable");
    }
    return PN_OK;
}

enum pn_code pn_http_client_open(struct event_base *base, struct pn_http_client **ret_client,
                                 struct pn_err *err)
{
    pn_net_ignore_sigpipe();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return pn_err_set(err, PN_INTERNAL, "http", "libcurl does not start");
    }
    struct pn_http_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return pn_err_set(err, PN_MEMORY, "http", "the heap is exhausted");
    }
    client->base = base;
    client->tls = (struct pn_tls_conf){"", "", ""};
    LIST_INIT(&client->transfers);
    client->timer = evtimer_new(base, on_timer, client);
    client->multi = curl_multi_init();
    if (client->timer == NULL || client->multi == NULL) {
        pn_http_client_close(client);
        return pn_err_set(err, PN_MEMORY, "http", "the heap is exhausted");
    }
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_watch);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
    *ret_client = client;
    return PN_OK;
}

void pn_http_client_use_tls(struct pn_http_client *client, const struct pn_tls_conf *files)
{
    client->tls = *files;
}

void pn_http_client_close(struct pn_http_client *client)
{
    if (client == NULL) {
        return;
    }
    while (!LIST_EMPTY(&client->transfers)) {
        transfer_free(LIST_FIRST(&client->transfers));
    }
    if (client->multi != NULL) {
        curl_multi_cleanup(client->multi);
    }
    if (client->timer != NULL) {
        event_free(client->timer);
    }
    free(client);
}

// --- URLs ----------------------------------------------------------------------------------------

static bool same_part(CURLU *one, CURLU *other, CURLUPart part)
{
    char *a = NULL, *b = NULL;
    bool is_same = curl_url_get(one, part, &a, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                   curl_url_get(other, part, &b, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                   pn_slice_is_nocase(pn_slice_str(a), b);
    curl_free(a);
    curl_free(b);
    return is_same;
}

bool pn_http_resolve_same_origin(const char *base, struct pn_slice reference,
                                 struct pn_buf *ret_url)
{
    struct pn_buf text;
    char *url = NULL;
    CURLU *one = curl_url(), *other = curl_url();
    pn_buf_init(&text, PN_HTTP_BODY_BYTES_MAX);
    pn_buf_add_slice(&text, reference);
    bool is_good = one != NULL && other != NULL && text.len > 0 && pn_buf_ok(&text) &&
                   memchr(text.data, '\0', text.len) == NULL &&
                   curl_url_set(one, CURLUPART_URL, base, 0) == CURLUE_OK &&
                   curl_url_set(other, CURLUPART_URL, base, 0) == CURLUE_OK &&
                   curl_url_set(other, CURLUPART_URL, text.data, 0) == CURLUE_OK &&
                   same_part(one, other, CURLUPART_SCHEME) &&
                   same_part(one, other, CURLUPART_HOST) && same_part(one, other, CURLUPART_PORT) &&
                   curl_url_get(other, CURLUPART_URL, &url, 0) == CURLUE_OK;
    if (is_good) {
        pn_buf_add_str(ret_url, url);
        is_good = pn_buf_ok(ret_url);
    }
    curl_free(url);
    curl_url_cleanup(one);
    curl_url_cleanup(other);
    pn_buf_release(&text);
    return is_good;
}
