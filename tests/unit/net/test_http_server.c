// SPDX-License-Identifier: Apache-2.0
#include "net_fixture.h"

#include <sys/ioctl.h>

#include "net/http_parse.h"
#include "net/http_server.h"

enum { BODY_MAX = 256 * 1024, BIG_BYTES = 3 * 1024 * 1024 };

struct fixture {
    struct loop loop;
    struct pn_http_server *server;
    struct pn_http_exchange *kept;
    struct event *later;
    struct event *ticker;
    char *big;
    int gone_pipe[2];
};

static void on_echo(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    pn_http_add_header(exchange, "X-Kind", "echo");
    pn_http_answer(exchange, 200, "text/plain", pn_http_body(exchange));
}

static void on_item(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    struct pn_slice id = pn_http_path_value(exchange, "id");
    struct pn_slice q = pn_http_parameter(exchange, "q");
    char *text = pn_arena_printf(pn_http_arena(exchange), "id=%.*s q=%.*s", PN_SLICE_FMT(id),
                                 PN_SLICE_FMT(q));
    pn_http_answer(exchange, 200, "text/plain", pn_slice_str(text));
}

static void on_special(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    pn_http_answer(exchange, 200, "text/plain", pn_slice_str("special"));
}

static void on_later(struct pn_http_exchange *exchange, void *context)
{
    struct fixture *fixture = context;
    const struct timeval wait = {.tv_usec = 50 * 1000};
    fixture->kept = exchange;
    evtimer_add(fixture->later, &wait);
}

static void answer_later(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct fixture *fixture = context;
    pn_http_answer(fixture->kept, 200, "text/plain", pn_slice_str("later"));
}

static void on_gone(struct pn_http_exchange *exchange, void *context)
{
    (void)exchange;
    struct fixture *fixture = context;
    fixture->kept = NULL;
    assert_int_equal(write(fixture->gone_pipe[1], "g", 1), 1);
}

static void on_stream(struct pn_http_exchange *exchange, void *context)
{
    pn_http_stream_start(exchange, 200, "text/event-stream", on_gone, context);
    pn_http_stream_chunk(exchange, pn_slice_str("one\n"));
    pn_http_stream_chunk(exchange, pn_slice_str("two\n"));
    pn_http_stream_end(exchange);
}

static void on_flood(struct pn_http_exchange *exchange, void *context)
{
    struct fixture *fixture = context;
    const struct timeval every = {.tv_usec = 1000};
    pn_http_stream_start(exchange, 200, "text/event-stream", on_gone, context);
    fixture->kept = exchange;
    evtimer_add(fixture->ticker, &every);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct fixture *fixture = context;
    if (fixture->kept == NULL) {
        event_del(fixture->ticker);
        return;
    }
    pn_http_stream_chunk(fixture->kept, pn_slice_of(fixture->big, 512 * 1024));
}

static void on_big(struct pn_http_exchange *exchange, void *context)
{
    struct fixture *fixture = context;
    pn_http_answer(exchange, 200, "application/octet-stream", pn_slice_of(fixture->big, BIG_BYTES));
}

static bool before(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    if (pn_slice_is(pn_http_bearer(pn_http_header(exchange, "Authorization")), "wrong")) {
        struct pn_err err = {0};
        (void)pn_err_set(&err, PN_DENIED, "Authorization", "no");
        pn_http_answer_status(exchange, 401, &err);
        return false;
    }
    return true;
}

static const char *error_body(int status, const struct pn_err *err, struct pn_buf *ret_body)
{
    pn_buf_printf(ret_body, "E%d %s", status, err->where);
    return "application/x-error";
}

static const struct pn_http_route routes[] = {
    {PN_HTTP_POST, "/echo", on_echo},
    {PN_HTTP_PUT, "/echo", on_echo},
    {PN_HTTP_GET, "/item/{id}", on_item},
    {PN_HTTP_POST, "/item/{id}", on_item},
    {PN_HTTP_GET, "/item/special", on_special},
    {PN_HTTP_GET, "/later", on_later},
    {PN_HTTP_GET, "/stream", on_stream},
    {PN_HTTP_GET, "/flood", on_flood},
    {PN_HTTP_GET, "/big", on_big},
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    loop_init(&fixture->loop);
    fixture->later = evtimer_new(fixture->loop.base, answer_later, fixture);
    fixture->ticker = event_new(fixture->loop.base, -1, EV_PERSIST, on_tick, fixture);
    fixture->big = malloc(BIG_BYTES);
    memset(fixture->big, 'b', BIG_BYTES);
    assert_int_equal(pipe(fixture->gone_pipe), 0);
    const struct pn_http_server_options options = {
        .listen = "127.0.0.1:0",
        .routes = routes,
        .route_count = PN_ARRAY_COUNT(routes),
        .body_bytes_max = BODY_MAX,
        .connections_max = 8,
        .idle_timeout_ms = 400,
        .context = fixture,
        .before = before,
        .error_body = error_body,
    };
    struct pn_err err = {0};
    assert_int_equal(pn_http_server_open(fixture->loop.base, &options, &fixture->server, &err),
                     PN_OK);
    loop_start(&fixture->loop);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    loop_stop(&fixture->loop);
    pn_http_server_close(fixture->server);
    event_free(fixture->later);
    event_free(fixture->ticker);
    loop_release(&fixture->loop);
    close(fixture->gone_pipe[0]);
    close(fixture->gone_pipe[1]);
    free(fixture->big);
    free(fixture);
    return 0;
}

static int dial(void **state)
{
    struct fixture *fixture = *state;
    return client_connect(pn_http_server_port(fixture->server));
}

// One request on a connection of its own, everything until the server closes.
static char answer[64 * 1024];
static const char *ask(void **state, const char *request)
{
    int fd = dial(state);
    client_send_text(fd, request);
    client_read(fd, answer, sizeof answer, NULL);
    close(fd);
    return answer;
}

#define TAIL " HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n"

static void assert_status(const char *text, int status)
{
    char start[32];
    snprintf(start, sizeof start, "HTTP/1.1 %d ", status);
    if (strncmp(text, start, strlen(start)) != 0) {
        fail_msg("expected %d: %.200s", status, text);
    }
}

static void routes_and_decodes(void **state)
{
    const char *text = ask(state, "GET /item/a%20b?q=x%2By+z" TAIL "\r\n");
    assert_status(text, 200);
    assert_non_null(strstr(text, "\r\n\r\nid=a b q=x+y z"));
    assert_non_null(strstr(ask(state, "GET //item//special/" TAIL "\r\n"), "\r\n\r\nspecial"));
    text = ask(state, "POST /item/1" TAIL "Content-Type: application/x-www-form-urlencoded\r\n"
                      "Content-Length: 5\r\n\r\nq=%41");
    assert_non_null(strstr(text, "id=1 q=A"));
}

static void answers_errors_in_its_own_form(void **state)
{
    const char *text = ask(state, "GET /nothing" TAIL "\r\n");
    assert_status(text, 404);
    assert_non_null(strstr(text, "Content-Type: application/x-error\r\n"));
    assert_non_null(strstr(text, "\r\n\r\nE404 path"));
    text = ask(state, "DELETE /item/1" TAIL "\r\n");
    assert_status(text, 405);
    assert_non_null(strstr(text, "Allow: GET, HEAD, POST\r\n"));
    assert_status(ask(state, "PATCH /item/1" TAIL "\r\n"), 405);
    assert_status(ask(state, "BREW /pot" TAIL "\r\n"), 404);
    assert_status(ask(state, "GET /item/%00" TAIL "\r\n"), 400);
    assert_status(ask(state, "nonsense\r\n\r\n"), 400);
    assert_status(ask(state, "GET / HTTP/3.0\r\n\r\n"), 505);
    assert_status(ask(state, "GET /item/1" TAIL "Authorization: Bearer wrong\r\n\r\n"), 401);
}

static void answers_head_without_a_body(void **state)
{
    const char *text = ask(state, "HEAD /item/special" TAIL "\r\n");
    assert_status(text, 200);
    assert_non_null(strstr(text, "Content-Length: 7\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
    text = ask(state, "HEAD /nothing" TAIL "\r\n");
    assert_status(text, 404);
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
    assert_string_equal(strstr(ask(state, "HEAD /stream" TAIL "\r\n"), "\r\n\r\n"), "\r\n\r\n");
}

static void answers_pipelined_requests_in_order(void **state)
{
    const char *text = ask(state, "GET /item/1 HTTP/1.1\r\nHost: h\r\n\r\n"
                                  "GET /later HTTP/1.1\r\nHost: h\r\n\r\n"
                                  "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
                                  "GET /item/3" TAIL "\r\n");
    const char *at = strstr(text, "id=1");
    assert_non_null(at);
    at = strstr(at, "later");
    assert_non_null(at);
    at = strstr(at, "abc");
    assert_non_null(at);
    assert_non_null(strstr(at, "id=3"));
}

static void reads_a_request_byte_by_byte(void **state)
{
    static const char request[] = "POST /echo" TAIL "Transfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    int fd = dial(state);
    for (size_t i = 0; i + 1 < sizeof request; i++) {
        client_send(fd, request + i, 1);
    }
    client_read(fd, answer, sizeof answer, NULL);
    assert_non_null(strstr(answer, "\r\n\r\nabcde"));
    close(fd);
}

static void bounds_heads_and_bodies(void **state)
{
    char *request = malloc(BODY_MAX * 2);
    int len = snprintf(request, BODY_MAX, "GET /item/1" TAIL "X: ");
    memset(request + len, 'x', PN_HTTP_HEAD_BYTES_MAX);
    request[len + PN_HTTP_HEAD_BYTES_MAX] = '\0';
    assert_status(ask(state, request), 431);
    // Told before a byte of the body, and with all of it behind.
    assert_status(ask(state, "POST /echo" TAIL "Content-Length: 262145\r\n\r\n"), 413);
    len = snprintf(request, BODY_MAX, "POST /echo" TAIL "Content-Length: 300000\r\n\r\n");
    memset(request + len, 'x', 300000);
    request[len + 300000] = '\0';
    assert_status(ask(state, request), 413);
    len = snprintf(request, BODY_MAX,
                   "POST /echo" TAIL "Transfer-Encoding: chunked\r\n\r\n"
                   "493E0\r\n");
    memset(request + len, 'x', 300000);
    request[len + 300000] = '\0';
    assert_status(ask(state, request), 413);
    free(request);
}

static void tells_a_waiting_client_to_go_on(void **state)
{
    int fd = dial(state);
    client_send_text(fd, "PUT /echo" TAIL "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    client_read(fd, answer, sizeof answer, "\r\n\r\n");
    assert_status(answer, 100);
    client_send_text(fd, "ok");
    client_read(fd, answer, sizeof answer, NULL);
    assert_status(answer, 200);
    close(fd);
}

static void answers_a_client_that_has_shut_its_half(void **state)
{
    int fd = dial(state);
    client_send_text(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    shutdown(fd, SHUT_WR);
    client_read(fd, answer, sizeof answer, NULL);
    assert_non_null(strstr(answer, "later"));
    close(fd);
}

static void survives_a_client_that_left_before_its_answer(void **state)
{
    int fd = dial(state);
    client_send_text(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    struct linger reset = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    assert_non_null(strstr(ask(state, "GET /later" TAIL "\r\n"), "later"));
}

static void times_out(void **state)
{
    int idle = dial(state);
    assert_int_equal(client_read(idle, answer, sizeof answer, NULL), 0); // closed without a word
    close(idle);
    assert_status(ask(state, "GET /item/1 HTTP/1.1\r\n"), 408);
}

static void streams(void **state)
{
    const char *text = ask(state, "GET /stream" TAIL "\r\n");
    assert_non_null(strstr(text, "Transfer-Encoding: chunked\r\n"));
    assert_non_null(strstr(text, "\r\n\r\n4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n"));
    text = ask(state, "GET /stream HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(text, "\r\n\r\none\ntwo\n"));
}

static void wait_for_gone(struct fixture *fixture)
{
    char byte = 0;
    assert_int_equal(read(fixture->gone_pipe[0], &byte, 1), 1);
}

static void cuts_off_a_slow_reader(void **state)
{
    int fd = dial(state);
    client_send_text(fd, "GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_gone(*state); // it never reads, so the server must give up
    close(fd);
    assert_status(ask(state, "GET /item/1" TAIL "\r\n"), 200);
}

static void tells_a_stream_that_its_reader_left(void **state)
{
    int fd = dial(state);
    client_send_text(fd, "GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(client_read(fd, answer, 16, "HTTP") > 0);
    close(fd);
    wait_for_gone(*state);
}

static void sends_a_big_answer_whole(void **state)
{
    int fd = dial(state);
    client_send_text(fd, "GET /big HTTP/1.1\r\nHost: h\r\n\r\nGET /big" TAIL "\r\n");
    char *all = malloc(BIG_BYTES * 3);
    size_t len = client_read(fd, all, BIG_BYTES * 3, NULL);
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += all[i] == 'b';
    }
    assert_true(count >= 2 * BIG_BYTES && count < 2 * BIG_BYTES + 20);
    free(all);
    close(fd);
}

static void lets_no_more_in_than_it_may(void **state)
{
    int idle[8];
    for (int i = 0; i < 8; i++) {
        idle[i] = dial(state);
    }
    // The ninth waits in the kernel's queue until the idle ones have been sent away.
    assert_status(ask(state, "GET /item/1" TAIL "\r\n"), 200);
    for (int i = 0; i < 8; i++) {
        close(idle[i]);
    }
}

static void splits_addresses(void **state)
{
    (void)state;
    char host[64];
    unsigned port = 0;
    struct pn_err err = {0};
    assert_int_equal(pn_net_split_address("127.0.0.1:80", host, sizeof host, &port, &err), PN_OK);
    assert_string_equal(host, "127.0.0.1");
    assert_int_equal(port, 80);
    assert_int_equal(pn_net_split_address("[::1]:8080", host, sizeof host, &port, &err), PN_OK);
    assert_string_equal(host, "::1");
    static const char *const wrong[] = {"", "host", ":80", "::1:80", "h:65536", "h:-1", "h:x"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        assert_int_equal(pn_net_split_address(wrong[i], host, sizeof host, &port, &err),
                         PN_INVALID);
    }
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static int64_t loop_cpu_us(struct fixture *fixture)
{
    clockid_t clock;
    struct timespec used = {0};
    assert_int_equal(pthread_getcpuclockid(fixture->loop.thread, &clock), 0);
    assert_int_equal(clock_gettime(clock, &used), 0);
    return used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

// A sender that pipelines more than is read ahead costs nothing while it waits for its answers.
static void waits_idly_behind_an_answer(void **state)
{
    struct fixture *fixture = *state;
    enum { TURNS = 4, AHEAD_BYTES = 50 * 1024, CPU_US_MAX = 40 * 1000 };
    static char ahead[AHEAD_BYTES];
    char head[128];
    int len = snprintf(head, sizeof head,
                       "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", AHEAD_BYTES);
    char got[8];
    int fd = dial(state);
    for (int i = 0; i < TURNS; i++) {
        client_send_text(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
        client_send(fd, head, (size_t)len);
        client_send(fd, ahead, sizeof ahead);
    }
    int64_t before_us = loop_cpu_us(fixture);
    unsigned count = 0;
    while (count < TURNS && client_read(fd, got, 2, NULL) == 1) {
        count += got[0] == 'l' && client_read(fd, got, 5, NULL) == 4 && strcmp(got, "ater") == 0;
    }
    assert_int_equal(count, TURNS);
    assert_true(loop_cpu_us(fixture) - before_us < CPU_US_MAX);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(routes_and_decodes),
        WITH_SERVER(answers_errors_in_its_own_form),
        WITH_SERVER(answers_head_without_a_body),
        WITH_SERVER(answers_pipelined_requests_in_order),
        WITH_SERVER(reads_a_request_byte_by_byte),
        WITH_SERVER(bounds_heads_and_bodies),
        WITH_SERVER(tells_a_waiting_client_to_go_on),
        WITH_SERVER(answers_a_client_that_has_shut_its_half),
        WITH_SERVER(survives_a_client_that_left_before_its_answer),
        WITH_SERVER(times_out),
        WITH_SERVER(streams),
        WITH_SERVER(cuts_off_a_slow_reader),
        WITH_SERVER(tells_a_stream_that_its_reader_left),
        WITH_SERVER(sends_a_big_answer_whole),
        WITH_SERVER(lets_no_more_in_than_it_may),
        WITH_SERVER(waits_idly_behind_an_answer),
        cmocka_unit_test(splits_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
