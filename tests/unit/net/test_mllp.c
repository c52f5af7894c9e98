// SPDX-License-Identifier: Apache-2.0
#include "net_fixture.h"

#include "net/mllp.h"

enum { FRAME_MAX = 64 * 1024, HELD_MAX = 4096 };

// A server that answers "ack:" and the frame, "big" for one that is too large; frames that begin
// with "hold" wait until a frame "free" has come, and are then answered last one first.
struct fixture {
    struct loop loop;
    struct pn_mllp_server *server;
    struct pn_mllp_frame *held[HELD_MAX];
    char held_text[HELD_MAX][16];
    unsigned held_count;
    unsigned received_count;
};

static void answer(struct pn_mllp_frame *frame, struct pn_slice text)
{
    char bytes[FRAME_MAX + 8];
    int len = snprintf(bytes, sizeof bytes, "ack:%.*s", PN_SLICE_FMT(text));
    pn_mllp_answer(frame, pn_slice_of(bytes, (size_t)len));
}

static void on_frame(struct pn_mllp_frame *frame, struct pn_slice bytes, void *context)
{
    struct fixture *fixture = context;
    __atomic_add_fetch(&fixture->received_count, 1, __ATOMIC_SEQ_CST);
    assert_string_equal(pn_mllp_frame_peer(frame), "127.0.0.1");
    if (pn_slice_starts_with(bytes, "hold")) {
        snprintf(fixture->held_text[fixture->held_count], 16, "%.*s", PN_SLICE_FMT(bytes));
        fixture->held[fixture->held_count++] = frame;
        return;
    }
    if (pn_slice_is(bytes, "free")) {
        while (fixture->held_count > 0) {
            fixture->held_count--;
            answer(fixture->held[fixture->held_count],
                   pn_slice_str(fixture->held_text[fixture->held_count]));
        }
    }
    answer(frame, bytes);
}

static void on_too_large(struct pn_mllp_frame *frame, struct pn_slice head, void *context)
{
    (void)context;
    assert_true(pn_slice_starts_with(head, "MSH"));
    pn_mllp_answer(frame, pn_slice_str("big"));
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    loop_init(&fixture->loop);
    const struct pn_mllp_server_options options = {
        .listen = "127.0.0.1:0",
        .frame_bytes_max = FRAME_MAX,
        .connections_max = 16,
        .idle_timeout_ms = 500,
        .context = fixture,
        .frame = on_frame,
        .too_large = on_too_large,
    };
    struct pn_err err = {0};
    assert_int_equal(pn_mllp_server_open(fixture->loop.base, &options, &fixture->server, &err),
                     PN_OK);
    loop_start(&fixture->loop);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    loop_stop(&fixture->loop);
    pn_mllp_server_close(fixture->server);
    while (fixture->held_count > 0) { // whoever holds a frame answers it, also when nobody listens
        pn_mllp_answer(fixture->held[--fixture->held_count], pn_slice_str("x"));
    }
    loop_release(&fixture->loop);
    free(fixture);
    return 0;
}

static int dial(void **state)
{
    struct fixture *fixture = *state;
    return client_connect(pn_mllp_server_port(fixture->server));
}

static char got[256 * 1024];

static void answers_one_frame(void **state)
{
    int fd = dial(state);
    client_send_text(fd, "\x0BMSH|1\r\x1C\r");
    client_read(fd, got, sizeof got, "\x1C\r");
    assert_string_equal(got, "\x0B"
                             "ack:MSH|1\r\x1C\r");
    close(fd);
}

static void answers_a_frame_in_many_writes(void **state)
{
    static const char frame[] = "\x0BMSH|in pieces\r\x1C\r";
    int fd = dial(state);
    for (size_t i = 0; i + 1 < sizeof frame; i++) {
        client_send(fd, frame + i, 1);
    }
    client_read(fd, got, sizeof got, "\x1C\r");
    assert_string_equal(got, "\x0B"
                             "ack:MSH|in pieces\r\x1C\r");
    close(fd);
}

static void answers_several_frames_in_one_write(void **state)
{
    int fd = dial(state);
    client_send_text(fd, "\x0B"
                         "a\x1C\r\x0B"
                         "b\x1C\r\x0B"
                         "c\x1C\r");
    client_read(fd, got, sizeof got, "ack:c\x1C\r");
    assert_string_equal(got, "\x0B"
                             "ack:a\x1C\r\x0B"
                             "ack:b\x1C\r\x0B"
                             "ack:c\x1C\r");
    close(fd);
}

static void keeps_the_wires_order_when_answered_out_of_order(void **state)
{
    int fd = dial(state);
    client_send_text(fd, "\x0Bhold1\x1C\r\x0Bhold2\x1C\r\x0Bhold3\x1C\r\x0Bquick\x1C\r");
    client_send_text(fd, "\x0B"
                         "free\x1C\r");
    client_read(fd, got, sizeof got, "ack:free\x1C\r");
    assert_string_equal(got, "\x0B"
                             "ack:hold1\x1C\r\x0B"
                             "ack:hold2\x1C\r\x0B"
                             "ack:hold3\x1C\r"
                             "\x0B"
                             "ack:quick\x1C\r\x0B"
                             "ack:free\x1C\r");
    close(fd);
}

static void waits_at_the_window_and_goes_on(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(state);
    for (int i = 0; i < PN_MLLP_WINDOW + 20; i++) {
        char frame[32];
        snprintf(frame, sizeof frame, "\x0Bhold%d\x1C\r", i);
        client_send_text(fd, frame);
    }
    int other = dial(state);
    // The loop is single: when the other connection is answered, the first one's bytes are read
    // too.
    while (__atomic_load_n(&fixture->received_count, __ATOMIC_SEQ_CST) < PN_MLLP_WINDOW) {
        client_send_text(other, "\x0Bx\x1C\r");
        client_read(other, got, sizeof got, "\x1C\r");
    }
    client_send_text(other, "\x0B"
                            "free\x1C\r");
    client_read(other, got, sizeof got, "\x1C\r");
    char last[32];
    snprintf(last, sizeof last, "ack:hold%d\x1C\r", PN_MLLP_WINDOW - 1);
    client_read(fd, got, sizeof got, last);
    assert_non_null(strstr(got, last));
    // What lay behind the window is taken now.
    client_send_text(other, "\x0B"
                            "free\x1C\r");
    snprintf(last, sizeof last, "ack:hold%d\x1C\r", PN_MLLP_WINDOW + 19);
    for (int i = 0; i < 1000 && strstr(got, last) == NULL; i++) {
        client_send_text(other, "\x0B"
                                "free\x1C\r");
        client_read(fd, got, sizeof got, last);
    }
    assert_non_null(strstr(got, last));
    close(fd);
    close(other);
}

static void skips_10_mb_of_noise(void **state)
{
    struct fixture *fixture = *state;
    enum { NOISE_BYTES = 10 * 1024 * 1024 };
    char *noise = malloc(NOISE_BYTES);
    unsigned random = 12345;
    for (size_t i = 0; i < NOISE_BYTES; i++) {
        random = random * 1103515245U + 12345U;
        noise[i] = (char)(random >> 16);
        noise[i] = noise[i] == '\x0B' ? ' ' : noise[i];
    }
    int fd = dial(state);
    client_send(fd, noise, NOISE_BYTES);
    client_send_text(fd, "\x0BMSH|after\x1C\r");
    client_read(fd, got, sizeof got, "\x1C\r");
    assert_string_equal(got, "\x0B"
                             "ack:MSH|after\x1C\r");
    close(fd);
    loop_stop(&fixture->loop);
    assert_int_equal(pn_mllp_server_noise_bytes(fixture->server), NOISE_BYTES);
    loop_start(&fixture->loop);
    free(noise);
}

static void refuses_a_frame_that_is_too_large(void **state)
{
    enum { BYTES = 3 * FRAME_MAX };
    char *frame = malloc(BYTES + 16);
    memcpy(frame, "\x0BMSH|", 5);
    memset(frame + 5, 'x', BYTES);
    memcpy(frame + 5 + BYTES, "\x1C\r", 3);
    int fd = dial(state);
    client_send(fd, frame, 5 + BYTES + 2);
    client_send_text(fd, "\x0Bnext\x1C\r");
    client_read(fd, got, sizeof got, "next\x1C\r");
    assert_string_equal(got, "\x0B"
                             "big\x1C\r\x0B"
                             "ack:next\x1C\r");
    free(frame);
    close(fd);
}

static void answers_before_it_follows_a_peers_close(void **state)
{
    int fd = dial(state);
    client_send_text(fd, "\x0Bhold\x1C\r");
    shutdown(fd, SHUT_WR);
    int other = dial(state);
    struct fixture *fixture = *state;
    while (__atomic_load_n(&fixture->received_count, __ATOMIC_SEQ_CST) == 0) {
        sched_yield();
    }
    client_send_text(other, "\x0B"
                            "free\x1C\r");
    client_read(fd, got, sizeof got, NULL);
    assert_string_equal(got, "\x0B"
                             "ack:hold\x1C\r");
    close(fd);
    close(other);
}

static void drops_the_answers_of_a_peer_that_left(void **state)
{
    struct fixture *fixture = *state;
    int fd = dial(state);
    client_send_text(fd, "\x0Bhold\x1C\r");
    while (__atomic_load_n(&fixture->received_count, __ATOMIC_SEQ_CST) == 0) {
        sched_yield();
    }
    struct linger reset = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    int other = dial(state);
    client_send_text(other, "\x0B"
                            "free\x1C\r");
    client_read(other, got, sizeof got, "\x1C\r");
    assert_string_equal(got, "\x0B"
                             "ack:free\x1C\r");
    close(other);
}

static void stops_reading_a_peer_that_does_not_read(void **state)
{
    int fd = dial(state);
    char *frame = malloc(FRAME_MAX);
    memset(frame, 'y', FRAME_MAX);
    frame[0] = '\x0B';
    memcpy(frame + FRAME_MAX - 2, "\x1C\r", 2);
    struct timeval wait = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    size_t sent = 0;
    ssize_t now = 1;
    while (now > 0 && sent < 512U * 1024 * 1024) {
        now = send(fd, frame, FRAME_MAX, MSG_NOSIGNAL);
        sent += now > 0 ? (size_t)now : 0;
    }
    assert_true(sent < 512U * 1024 * 1024); // the peer is pushed back, nothing grows without end
    free(frame);
    close(fd);
}

static void cuts_an_idle_connection(void **state)
{
    int fd = dial(state);
    assert_int_equal(client_read(fd, got, sizeof got, NULL), 0);
    close(fd);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(answers_one_frame),
        WITH_SERVER(answers_a_frame_in_many_writes),
        WITH_SERVER(answers_several_frames_in_one_write),
        WITH_SERVER(keeps_the_wires_order_when_answered_out_of_order),
        WITH_SERVER(waits_at_the_window_and_goes_on),
        WITH_SERVER(skips_10_mb_of_noise),
        WITH_SERVER(refuses_a_frame_that_is_too_large),
        WITH_SERVER(answers_before_it_follows_a_peers_close),
        WITH_SERVER(drops_the_answers_of_a_peer_that_left),
        WITH_SERVER(stops_reading_a_peer_that_does_not_read),
        WITH_SERVER(cuts_an_idle_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
