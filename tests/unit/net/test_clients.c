// SPDX-License-Identifier: Apache-2.0
/*
 * The MLLP and the HTTP client, in one loop with a receiver that misbehaves as it is told to.
 */
#include "net_fixture.h"

#include "base/clock.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/mllp.h"

struct fixture {
    struct event_base *base;
    struct pn_mllp_server *receiver;
    struct pn_mllp_client *client;
    struct pn_http_server *server;
    struct pn_http_client *http;
    struct pn_mllp_frame *held;
    char address[64];
    unsigned calls;
    enum pn_code code;
    char text[256];
    char seen[1024];      // all answers, in order
    const char *wait_for; // waits on until an answer is this one
    int status;
    size_t body_bytes;
    char location[64];
};

static void on_frame(struct pn_mllp_frame *frame, struct pn_slice bytes, void *context)
{
    struct fixture *fixture = context;
    if (pn_slice_is(bytes, "silence")) {
        fixture->held = frame;
        return;
    }
    if (fixture->held != NULL) {
        pn_mllp_answer(fixture->held, pn_slice_str("late"));
        fixture->held = NULL;
    }
    pn_mllp_answer(frame, bytes);
}

static void on_too_large(struct pn_mllp_frame *frame, struct pn_slice head, void *context)
{
    (void)context;
    pn_mllp_answer(frame, head);
}

static void open_receiver(struct fixture *fixture, const char *listen)
{
    const struct pn_mllp_server_options options = {
        .listen = listen, .context = fixture, .frame = on_frame, .too_large = on_too_large};
    struct pn_err err = {0};
    assert_int_equal(pn_mllp_server_open(fixture->base, &options, &fixture->receiver, &err), PN_OK);
    snprintf(fixture->address, sizeof fixture->address, "127.0.0.1:%u",
             pn_mllp_server_port(fixture->receiver));
}

static void on_hello(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    pn_http_add_header(exchange, "Location", "/made/1");
    pn_http_answer(exchange, 201, "text/plain", pn_http_body(exchange));
}

static void on_never(struct pn_http_exchange *exchange, void *context)
{
    (void)exchange;
    (void)context;
}

static void on_huge(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    size_t bytes = 17U * 1024 * 1024;
    char *body = calloc(1, bytes);
    pn_http_answer(exchange, 200, "text/plain", pn_slice_of(body, bytes));
    free(body);
}

static const struct pn_http_route routes[] = {
    {PN_HTTP_POST, "/hello", on_hello},
    {PN_HTTP_GET, "/never", on_never},
    {PN_HTTP_GET, "/huge", on_huge},
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct pn_err err = {0};
    fixture->base = event_base_new();
    open_receiver(fixture, "127.0.0.1:0");
    assert_int_equal(
        pn_mllp_client_open(fixture->base, fixture->address, NULL, &fixture->client, &err), PN_OK);
    const struct pn_http_server_options options = {.listen = "127.0.0.1:0",
                                                   .routes = routes,
                                                   .route_count = PN_ARRAY_COUNT(routes),
                                                   .context = fixture};
    assert_int_equal(pn_http_server_open(fixture->base, &options, &fixture->server, &err), PN_OK);
    assert_int_equal(pn_http_client_open(fixture->base, &fixture->http, &err), PN_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    pn_http_client_close(fixture->http);
    pn_http_server_close(fixture->server);
    pn_mllp_client_close(fixture->client);
    pn_mllp_server_close(fixture->receiver);
    if (fixture->held != NULL) {
        pn_mllp_answer(fixture->held, pn_slice_str(""));
    }
    event_base_free(fixture->base);
    free(fixture);
    return 0;
}

static void on_done(const struct pn_mllp_result *result, void *context)
{
    struct fixture *fixture = context;
    fixture->calls++;
    fixture->code = result->code;
    snprintf(fixture->text, sizeof fixture->text, "%.*s", PN_SLICE_FMT(result->bytes));
    size_t len = strlen(fixture->seen);
    snprintf(fixture->seen + len, sizeof fixture->seen - len, "%s,", fixture->text);
    if (result->code == PN_OK && fixture->wait_for != NULL &&
        !pn_slice_is(result->bytes, fixture->wait_for)) {
        pn_mllp_client_wait_on(fixture->client);
        return;
    }
    event_base_loopbreak(fixture->base);
}

static void exchange(struct fixture *fixture, const char *text, int64_t timeout_ms)
{
    struct pn_err err = {0};
    assert_int_equal(pn_mllp_client_send(fixture->client, pn_slice_str(text), timeout_ms, on_done,
                                         fixture, &err),
                     PN_OK);
    event_base_dispatch(fixture->base);
}

static void sends_and_is_answered(void **state)
{
    struct fixture *fixture = *state;
    exchange(fixture, "one", 5000);
    assert_int_equal(fixture->code, PN_OK);
    assert_string_equal(fixture->text, "one");
    exchange(fixture, "two", 5000);
    assert_string_equal(fixture->seen, "one,two,");
    assert_int_equal(pn_mllp_server_connection_count(fixture->receiver), 1);
}

static void sends_one_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err = {0};
    assert_int_equal(
        pn_mllp_client_send(fixture->client, pn_slice_str("a"), 5000, on_done, fixture, &err),
        PN_OK);
    assert_int_equal(
        pn_mllp_client_send(fixture->client, pn_slice_str("b"), 5000, on_done, fixture, &err),
        PN_CONFLICT);
    event_base_dispatch(fixture->base);
    assert_string_equal(fixture->seen, "a,");
}

static void times_out_and_passes_the_late_answer_on(void **state)
{
    struct fixture *fixture = *state;
    int64_t start_ms = pn_clock_monotonic_ms();
    exchange(fixture, "silence", 100);
    assert_int_equal(fixture->code, PN_UNAVAILABLE);
    assert_true(pn_clock_monotonic_ms() - start_ms >= 90);
    // The late answer comes first; whoever asked sees that it is another message's and waits on.
    fixture->wait_for = "second";
    exchange(fixture, "second", 5000);
    assert_int_equal(fixture->code, PN_OK);
    assert_string_equal(fixture->seen, ",late,second,");
}

static void waiting_on_ends_with_the_first_deadline(void **state)
{
    struct fixture *fixture = *state;
    fixture->wait_for = "never comes";
    exchange(fixture, "other", 150);
    assert_int_equal(fixture->code, PN_UNAVAILABLE);
    assert_int_equal(fixture->calls, 2);
}

static void is_refused_and_later_served(void **state)
{
    struct fixture *fixture = *state;
    exchange(fixture, "first", 5000);
    pn_mllp_server_close(fixture->receiver);
    fixture->receiver = NULL;
    exchange(fixture, "away", 2000);
    assert_int_equal(fixture->code, PN_UNAVAILABLE);
    exchange(fixture, "away", 2000);
    assert_int_equal(fixture->code, PN_UNAVAILABLE);
    open_receiver(fixture, fixture->address);
    exchange(fixture, "back", 5000);
    assert_int_equal(fixture->code, PN_OK);
    assert_string_equal(fixture->text, "back");
}

static void on_response(const struct pn_http_response *response, void *context)
{
    struct fixture *fixture = context;
    fixture->calls++;
    fixture->code = response->code;
    fixture->status = response->status;
    fixture->body_bytes = response->body.len;
    snprintf(fixture->text, sizeof fixture->text, "%.*s", PN_SLICE_FMT(response->body));
    snprintf(fixture->location, sizeof fixture->location, "%.*s", PN_SLICE_FMT(response->location));
    event_base_loopbreak(fixture->base);
}

static void request(struct fixture *fixture, const char *method, const char *path, const char *body)
{
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", pn_http_server_port(fixture->server), path);
    static const char *const headers[] = {"Content-Type: text/plain"};
    const struct pn_http_request made = {.method = method,
                                         .url = url,
                                         .headers = headers,
                                         .header_count = 1,
                                         .body = pn_slice_str(body),
                                         .timeout_ms = 1500};
    struct pn_err err = {0};
    assert_int_equal(pn_http_client_send(fixture->http, &made, on_response, fixture, &err), PN_OK);
    event_base_dispatch(fixture->base);
}

static void http_posts_and_reads_the_answer(void **state)
{
    struct fixture *fixture = *state;
    request(fixture, "POST", "/hello", "moi");
    assert_int_equal(fixture->code, PN_OK);
    assert_int_equal(fixture->status, 201);
    assert_string_equal(fixture->text, "moi");
    assert_string_equal(fixture->location, "/made/1");
    request(fixture, "DELETE", "/hello", "");
    assert_int_equal(fixture->status, 405);
    request(fixture, "HEAD", "/huge", "");
    assert_int_equal(fixture->status, 200);
}

static void http_times_out(void **state)
{
    struct fixture *fixture = *state;
    request(fixture, "GET", "/never", "");
    assert_int_equal(fixture->code, PN_UNAVAILABLE);
}

static void http_bounds_an_answer(void **state)
{
    struct fixture *fixture = *state;
    request(fixture, "GET", "/huge", "");
    assert_int_equal(fixture->code, PN_UNAVAILABLE);
    assert_int_equal(fixture->body_bytes, 0);
}

static void http_is_refused_and_later_served(void **state)
{
    struct fixture *fixture = *state;
    char listen[64];
    unsigned port = pn_http_server_port(fixture->server);
    snprintf(listen, sizeof listen, "127.0.0.1:%u", port);
    pn_http_server_close(fixture->server);
    fixture->server = NULL;
    char url[128];
    snprintf(url, sizeof url, "http://%s/hello", listen);
    const struct pn_http_request made = {
        .method = "POST", .url = url, .body = pn_slice_str("x"), .timeout_ms = 1500};
    struct pn_err err = {0};
    assert_int_equal(pn_http_client_send(fixture->http, &made, on_response, fixture, &err), PN_OK);
    event_base_dispatch(fixture->base);
    assert_int_equal(fixture->code, PN_UNAVAILABLE);
    const struct pn_http_server_options options = {.listen = listen,
                                                   .routes = routes,
                                                   .route_count = PN_ARRAY_COUNT(routes),
                                                   .context = fixture};
    assert_int_equal(pn_http_server_open(fixture->base, &options, &fixture->server, &err), PN_OK);
    request(fixture, "POST", "/hello", "back");
    assert_int_equal(fixture->status, 201);
}

static void http_refuses_other_schemes_and_header_tricks(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err = {0};
    static const char *const tricks[] = {"A: b\r\nC: d"};
    const struct pn_http_request trick = {.method = "GET",
                                          .url = "http://127.0.0.1:1/",
                                          .headers = tricks,
                                          .header_count = 1,
                                          .timeout_ms = 1000};
    assert_int_equal(pn_http_client_send(fixture->http, &trick, on_response, fixture, &err),
                     PN_INVALID);
    const struct pn_http_request file = {
        .method = "GET", .url = "file:///etc/hostname", .timeout_ms = 1000};
    assert_int_equal(pn_http_client_send(fixture->http, &file, on_response, fixture, &err), PN_OK);
    event_base_dispatch(fixture->base);
    assert_int_equal(fixture->code, PN_UNAVAILABLE);
}

static void links_are_followed_within_their_origin(void **state)
{
    static const struct {
        const char *reference, *url; // NULL: not to be followed
    } cases[] = {
        {"https://a.example/fhir/next?p=2", "https://a.example/fhir/next?p=2"},
        {"https://A.example:443/fhir?x", "https://A.example:443/fhir?x"},
        {"?page=2", "https://a.example/fhir/Encounter?page=2"},
        {"/other?page=2", "https://a.example/other?page=2"},
        {"//b.example/fhir", NULL},
        {"http://a.example/fhir", NULL},
        {"https://a.example:8443/fhir", NULL},
        {"https://a.example.evil/fhir", NULL},
        {"https://user@b.example/", NULL},
        {"file:///etc/hostname", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < PN_ARRAY_COUNT(cases); i++) {
        struct pn_buf url;
        pn_buf_init(&url, 256);
        bool is_good = pn_http_resolve_same_origin("https://a.example/fhir/Encounter?_count=2",
                                                   pn_slice_str(cases[i].reference), &url);
        assert_int_equal(is_good, cases[i].url != NULL);
        if (is_good) {
            assert_string_equal(url.data, cases[i].url);
        }
        pn_buf_release(&url);
    }
}

static void closing_forgets_what_is_under_way(void **state)
{
    struct fixture *fixture = *state;
    struct pn_err err = {0};
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/never", pn_http_server_port(fixture->server));
    const struct pn_http_request made = {.method = "GET", .url = url, .timeout_ms = 5000};
    assert_int_equal(pn_http_client_send(fixture->http, &made, on_response, fixture, &err), PN_OK);
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    pn_http_client_close(fixture->http);
    fixture->http = NULL;
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(fixture->calls, 0);
}

#define WITH_ALL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ALL(sends_and_is_answered),
        WITH_ALL(sends_one_at_a_time),
        WITH_ALL(times_out_and_passes_the_late_answer_on),
        WITH_ALL(waiting_on_ends_with_the_first_deadline),
        WITH_ALL(is_refused_and_later_served),
        WITH_ALL(http_posts_and_reads_the_answer),
        WITH_ALL(http_times_out),
        WITH_ALL(http_bounds_an_answer),
        WITH_ALL(http_is_refused_and_later_served),
        WITH_ALL(http_refuses_other_schemes_and_header_tricks),
        cmocka_unit_test(links_are_followed_within_their_origin),
        WITH_ALL(closing_forgets_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
