// SPDX-License-Identifier: Apache-2.0
/*
 * TLS listeners: who gets in, what a handshake may cost, and bytes under TLS as without.
 */
#include "tls_fixture.h"

#include <time.h>

enum { CLIENTS = 12 };

static char got[FRAME_MAX + 64];

static void on_frame(struct pn_mllp_frame *frame, struct pn_slice bytes, void *context)
{
    (void)context;
    char text[64];
    int len = snprintf(text, sizeof text, "ack:%zu:%.*s", bytes.len,
                       (int)(bytes.len < 16 ? bytes.len : 16), bytes.ptr);
    pn_mllp_answer(frame, pn_slice_of(text, (size_t)len));
}

static void on_too_large(struct pn_mllp_frame *frame, struct pn_slice head, void *context)
{
    (void)context;
    pn_mllp_answer(frame, head);
}

static void on_echo(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    const struct pn_conf_names names = {.items = {"SENDER.example.fi"}, .count = 1};
    pn_http_add_header(exchange, "X-Certificate", pn_http_peer_certificate(exchange));
    pn_http_add_header(exchange, "X-Known", pn_http_peer_has_name(exchange, &names) ? "yes" : "no");
    pn_http_answer(exchange, 200, "text/plain", pn_http_body(exchange));
}

static struct pn_http_exchange *held;

static void on_hold(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    held = exchange;
}

static void on_free(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    pn_http_answer(held, 200, "text/plain", pn_slice_str("held"));
    pn_http_answer(exchange, 200, "text/plain", pn_slice_str("free"));
}

static const struct pn_http_route routes[] = {{PN_HTTP_POST, "/echo", on_echo},
                                              {PN_HTTP_POST, "/hold", on_hold},
                                              {PN_HTTP_POST, "/free", on_free}};

static void open_servers(struct tls_fixture *fixture, const char *ca)
{
    struct pn_err err = {0};
    const struct pn_tls_options options = {.role = PN_TLS_SERVER,
                                           .files = server_files(fixture, ca),
                                           .peers = &fixture->peers,
                                           .handshake_ms = HANDSHAKE_MS,
                                           .happened = on_tls_event,
                                           .context = fixture};
    loop_init(&fixture->loop);
    if (pn_tls_open(fixture->loop.base, &options, &fixture->tls, &err) != PN_OK) {
        fail_msg("%s: %s", err.where, err.text);
    }
    const struct pn_mllp_server_options mllp = {.listen = "127.0.0.1:0",
                                                .tls = fixture->tls,
                                                .frame_bytes_max = FRAME_MAX,
                                                .connections_max = CLIENTS,
                                                .context = fixture,
                                                .frame = on_frame,
                                                .too_large = on_too_large};
    assert_int_equal(pn_mllp_server_open(fixture->loop.base, &mllp, &fixture->mllp, &err), PN_OK);
    const struct pn_http_server_options http = {.listen = "127.0.0.1:0",
                                                .tls = fixture->tls,
                                                .routes = routes,
                                                .route_count = PN_ARRAY_COUNT(routes)};
    assert_int_equal(pn_http_server_open(fixture->loop.base, &http, &fixture->http, &err), PN_OK);
    loop_start(&fixture->loop);
}

static int set_up_for(void **state, const char *ca, const char *peer)
{
    struct tls_fixture *fixture = calloc(1, sizeof *fixture);
    take_certificates(fixture);
    if (peer != NULL) {
        fixture->peers.items[fixture->peers.count++] = peer;
        fixture->peers.items[fixture->peers.count++] = "urn:example:oberon";
    }
    open_servers(fixture, ca);
    *state = fixture;
    return 0;
}

static int set_up(void **state)
{
    return set_up_for(state, "ca.pem", "sender.example.fi");
}

static int set_up_any_of_ca(void **state)
{
    return set_up_for(state, "ca.pem", NULL);
}

static int set_up_without_ca(void **state)
{
    return set_up_for(state, "", NULL);
}

static int tear_down(void **state)
{
    struct tls_fixture *fixture = *state;
    loop_stop(&fixture->loop);
    pn_http_server_close(fixture->http);
    pn_mllp_server_close(fixture->mllp);
    pn_tls_close(fixture->tls);
    loop_release(&fixture->loop);
    free(fixture);
    return 0;
}

static unsigned mllp_port(struct tls_fixture *fixture)
{
    return pn_mllp_server_port(fixture->mllp);
}

// Whether a sender with that certificate gets an acknowledgement.
static bool is_served_as(struct tls_fixture *fixture, const char *who, int version_max)
{
    struct tls_client client;
    bool is_open = tls_client_open(fixture, mllp_port(fixture), who, version_max, &client);
    bool is_served = is_open && tls_client_send(&client, "\x0BMSH|x\x1C\r", 8) &&
                     tls_client_read(&client, got, sizeof got, "\x1C\r") > 0;
    if (is_served) {
        assert_string_equal(got, "\x0B"
                                 "ack:5:MSH|x\x1C\r");
    }
    tls_client_close(&client);
    return is_served;
}

// --- Who gets in ---------------------------------------------------------------------------------

static void takes_the_named_certificates_only(void **state)
{
    struct tls_fixture *fixture = *state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(versions); i++) {
        assert_true(is_served_as(fixture, "sender", versions[i]));
        assert_true(is_served_as(fixture, "uri", versions[i]));
        assert_false(is_served_as(fixture, "other", versions[i]));
        assert_true(comes_to(fixture, PN_TLS_REFUSED, i + 1));
        assert_string_equal(fixture->certificate, "other.example.fi");
    }
    assert_int_equal(count_of(fixture, PN_TLS_OPENED), 4);
    assert_int_equal(count_of(fixture, PN_TLS_FAILED), 0);
}

static void refuses_the_missing_expired_and_foreign(void **state)
{
    struct tls_fixture *fixture = *state;
    static const struct {
        const char *who;
        const char *reason;
        const char *certificate;
    } cases[] = {{NULL, "the other side showed no certificate", ""},
                 {"expired", "certificate has expired", "sender.example.fi"},
                 {"stranger", "unable to get local issuer certificate", "sender.example.fi"}};
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    unsigned failures = 0;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(versions); i++) {
        for (unsigned k = 0; k < PN_ARRAY_COUNT(cases); k++) {
            assert_false(is_served_as(fixture, cases[k].who, versions[i]));
            assert_true(comes_to(fixture, PN_TLS_FAILED, ++failures));
            assert_string_equal(fixture->reason, cases[k].reason);
            assert_string_equal(fixture->certificate, cases[k].certificate);
        }
    }
    assert_int_equal(count_of(fixture, PN_TLS_OPENED), 0);
}

static void a_persons_name_is_not_told(void **state)
{
    struct tls_fixture *fixture = *state;
    assert_false(is_served_as(fixture, "person", TLS1_3_VERSION));
    assert_true(comes_to(fixture, PN_TLS_REFUSED, 1));
    assert_memory_equal(fixture->certificate, "sha256:", 7);
    assert_int_equal(strlen(fixture->certificate), 7 + 16);
}

static void without_names_takes_whoever_the_authority_signed_for(void **state)
{
    assert_true(is_served_as(*state, "other", TLS1_3_VERSION));
    assert_true(is_served_as(*state, "person", TLS1_3_VERSION));
    assert_false(is_served_as(*state, "stranger", TLS1_3_VERSION));
    assert_false(is_served_as(*state, NULL, TLS1_3_VERSION));
}

static void without_authorities_asks_for_no_certificate(void **state)
{
    assert_true(is_served_as(*state, NULL, TLS1_3_VERSION));
    assert_true(is_served_as(*state, NULL, TLS1_2_VERSION));
}

static void refuses_tls_1_1(void **state)
{
    struct tls_fixture *fixture = *state;
    assert_false(is_served_as(fixture, "sender", TLS1_1_VERSION));
    assert_true(comes_to(fixture, PN_TLS_FAILED, 1));
    assert_string_equal(fixture->reason, "unsupported protocol");
    assert_true(is_served_as(fixture, "sender", TLS1_2_VERSION));
}

static void does_not_renegotiate_or_resume(void **state)
{
    struct tls_fixture *fixture = *state;
    struct tls_client client;
    assert_true(tls_client_open(fixture, mllp_port(fixture), "sender", TLS1_2_VERSION, &client));
    assert_int_equal(SSL_get_secure_renegotiation_support(client.ssl), 1);
    // What the server answers is a refusal, whatever that does to the connection.
    assert_int_equal(SSL_renegotiate(client.ssl), 1);
    assert_int_not_equal(SSL_do_handshake(client.ssl) == 1 && SSL_renegotiate_pending(client.ssl),
                         1);
    (void)tls_client_send(&client, "\x0Bx\x1C\r", 4);
    assert_int_equal(tls_client_read(&client, got, sizeof got, "\x1C\r"), 0);
    tls_client_close(&client);
    assert_true(tls_client_open(fixture, mllp_port(fixture), "sender", TLS1_3_VERSION, &client));
    assert_true(tls_client_send(&client, "\x0Bx\x1C\r", 4));
    assert_true(tls_client_read(&client, got, sizeof got, "\x1C\r") > 0);
    assert_int_equal(SSL_SESSION_is_resumable(SSL_get_session(client.ssl)), 0);
    tls_client_close(&client);
}

// --- Peers that do not speak, or not TLS ---------------------------------------------------------

static void a_plain_sender_is_cut_off(void **state)
{
    struct tls_fixture *fixture = *state;
    int fd = client_connect(mllp_port(fixture));
    client_send_text(fd, "\x0BMSH|^~\\&|plain\r\x1C\r");
    got[0] = '\0';
    client_read(fd, got, sizeof got, NULL);
    assert_null(strstr(got, "ack:"));
    assert_true(comes_to(fixture, PN_TLS_FAILED, 1));
    assert_string_equal(fixture->reason, "the other side does not speak TLS");
    close(fd);
    fd = client_connect(pn_http_server_port(fixture->http));
    client_send_text(fd, "POST /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(fd, got, sizeof got, NULL);
    assert_null(strstr(got, "200"));
    assert_true(comes_to(fixture, PN_TLS_FAILED, 2));
    close(fd);
}

// All places are taken by peers that begin a handshake and leave it: they are cut off in time.
static void a_hanging_handshake_holds_no_place_for_ever(void **state)
{
    struct tls_fixture *fixture = *state;
    int hanging[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        hanging[i] = client_connect(mllp_port(fixture));
        // A record's head that promises a ClientHello which never comes whole.
        client_send(hanging[i], "\x16\x03\x01\x02\x00\x01\x00", i % 2 == 0 ? 7 : 0);
    }
    assert_true(is_served_as(fixture, "sender", TLS1_3_VERSION));
    for (unsigned i = 0; i < CLIENTS; i++) {
        assert_int_equal(client_read(hanging[i], got, sizeof got, NULL), 0);
        close(hanging[i]);
    }
    assert_true(comes_to(fixture, PN_TLS_FAILED, CLIENTS));
    assert_string_equal(fixture->reason, "the handshake was not done in time");
}

static void a_look_at_the_port_is_no_failure(void **state)
{
    struct tls_fixture *fixture = *state;
    close(client_connect(mllp_port(fixture)));
    assert_true(is_served_as(fixture, "sender", TLS1_3_VERSION));
    assert_int_equal(count_of(fixture, PN_TLS_FAILED), 0);
}

// --- Bytes ---------------------------------------------------------------------------------------

static void takes_a_big_message(void **state)
{
    struct tls_fixture *fixture = *state;
    enum { BYTES = 3 * 1024 * 1024 + 123 };
    char *message = malloc(BYTES + 3);
    memset(message, 'x', BYTES + 3);
    message[0] = '\x0B';
    memcpy(message + 1 + BYTES, "\x1C\r", 2);
    struct tls_client client;
    assert_true(tls_client_open(fixture, mllp_port(fixture), "sender", TLS1_3_VERSION, &client));
    for (int i = 0; i < 3; i++) {
        assert_true(tls_client_send(&client, message, BYTES + 3));
        assert_true(tls_client_read(&client, got, sizeof got, "\x1C\r") > 0);
        assert_memory_equal(got + 1, "ack:3145851:", 12);
    }
    tls_client_close(&client);
    free(message);
}

// More than the window and in records whose ends fall within frames, so that OpenSSL holds bytes
// while reading is paused.
static void takes_pipelined_frames(void **state)
{
    struct tls_fixture *fixture = *state;
    enum { FRAMES = 3000, FRAME_BYTES = 1500 };
    char *all = malloc(FRAMES * (FRAME_BYTES + 3));
    size_t len = 0;
    for (int i = 0; i < FRAMES; i++) {
        char *frame = all + len;
        memset(frame, 'y', FRAME_BYTES + 3);
        frame[0] = '\x0B';
        frame[1 + snprintf(frame + 1, 16, "%06d", i)] = 'y';
        memcpy(frame + 1 + FRAME_BYTES, "\x1C\r", 2);
        len += FRAME_BYTES + 3;
    }
    struct tls_client client;
    assert_true(tls_client_open(fixture, mllp_port(fixture), "sender", TLS1_3_VERSION, &client));
    for (size_t sent = 0; sent < len;) {
        size_t piece = len - sent < 70000 ? len - sent : 70000;
        assert_true(tls_client_send(&client, all + sent, piece));
        sent += piece;
    }
    tls_client_read(&client, got, sizeof got, "ack:1500:002999");
    assert_non_null(strstr(got, "ack:1500:000000"));
    assert_non_null(strstr(got, "ack:1500:002999"));
    tls_client_close(&client);
    free(all);
}

static void serves_http(void **state)
{
    struct tls_fixture *fixture = *state;
    enum { BYTES = 1000 * 1000 };
    struct tls_client client;
    assert_true(tls_client_open(fixture, pn_http_server_port(fixture->http), "sender",
                                TLS1_3_VERSION, &client));
    char *body = malloc(BYTES);
    memset(body, 'z', BYTES);
    char head[128];
    int head_len = snprintf(head, sizeof head,
                            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", BYTES);
    for (int i = 0; i < 2; i++) {
        assert_true(tls_client_send(&client, head, (size_t)head_len));
        assert_true(tls_client_send(&client, body, BYTES));
        size_t len = tls_client_read(&client, got, sizeof got, "\r\n\r\n");
        assert_non_null(strstr(got, "X-Certificate: sender.example.fi"));
        assert_non_null(strstr(got, "X-Known: yes"));
        const char *begin = strstr(got, "\r\n\r\n") + 4;
        size_t left = BYTES - (len - (size_t)(begin - got));
        while (left > 0) {
            size_t piece = tls_client_read(&client, got, left < 60000 ? left + 1 : 60000, NULL);
            assert_true(piece > 0);
            left -= piece;
        }
    }
    tls_client_close(&client);
    free(body);
}

static void post_empty(struct tls_client *client, const char *path)
{
    char text[128];
    int len = snprintf(text, sizeof text,
                       "POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", path);
    assert_true(tls_client_send(client, text, (size_t)len));
}

// While a request is being answered the next one is read up to a bound. What OpenSSL holds then of
// a record that was read in part, no socket wakes the server for.
static void reads_on_where_it_stopped_within_a_record(void **state)
{
    struct tls_fixture *fixture = *state;
    enum { RECORD_BYTES = 16 * 1024, RECORDS = 4, READ_AHEAD_BYTES = 64 * 1024, TURNS = 20 };
    enum { FIRST_BYTES = READ_AHEAD_BYTES - (RECORDS - 1) * RECORD_BYTES - 100 };
    unsigned port = pn_http_server_port(fixture->http);
    struct tls_client client;
    struct tls_client other;
    assert_true(tls_client_open(fixture, port, "sender", TLS1_3_VERSION, &client));
    assert_true(tls_client_open(fixture, port, "sender", TLS1_3_VERSION, &other));
    post_empty(&client, "hold");
    // 100 bytes under the bound, and then a whole record more.
    static char record[RECORD_BYTES];
    enum { HEAD_BYTES = 59 };
    assert_int_equal(snprintf(record, sizeof record,
                              "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %09d\r\n\r\n",
                              FIRST_BYTES + RECORDS * RECORD_BYTES - HEAD_BYTES),
                     HEAD_BYTES);
    assert_true(tls_client_send(&client, record, FIRST_BYTES));
    for (int i = 0; i < RECORDS; i++) {
        assert_true(tls_client_send(&client, record, sizeof record));
    }
    // The loop is single: after some turns of the other it has read what it may of this one.
    for (int i = 0; i < TURNS; i++) {
        post_empty(&other, "echo");
        tls_client_read(&other, got, sizeof got, "\r\n\r\n");
    }
    post_empty(&other, "free");
    tls_client_read(&client, got, sizeof got, "X-Known: yes");
    assert_non_null(strstr(got, "X-Known: yes"));
    tls_client_close(&client);
    tls_client_close(&other);
}

// The answer to a request that is not read is still read by its sender, and ends with close_notify.
static void a_refused_body_is_answered(void **state)
{
    struct tls_fixture *fixture = *state;
    struct tls_client client;
    assert_true(tls_client_open(fixture, pn_http_server_port(fixture->http), "sender",
                                TLS1_2_VERSION, &client));
    static const char head[] =
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000\r\n\r\nbeginning";
    assert_true(tls_client_send(&client, head, sizeof head - 1));
    tls_client_read(&client, got, sizeof got, NULL);
    assert_non_null(strstr(got, "413"));
    assert_int_equal(SSL_get_shutdown(client.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    tls_client_close(&client);
}

static void serves_many_one_after_another(void **state)
{
    for (int i = 0; i < 40; i++) {
        assert_true(is_served_as(*state, "sender", i % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION));
    }
}

// --- Files ---------------------------------------------------------------------------------------

static void takes_renewed_files_without_a_restart(void **state)
{
    struct tls_fixture *fixture = *state;
    assert_true(fixture->not_after_s > (int64_t)time(NULL) + 29 * 24 * 3600);
    struct tls_client old;
    assert_true(tls_client_open(fixture, mllp_port(fixture), "sender", TLS1_3_VERSION, &old));
    char command[600];
    // The key alone is half a renewal: told of, and the old one stays in force.
    snprintf(command, sizeof command, "cp %s/elsewhere.key %s/hub.key", fixture->folder,
             fixture->folder);
    run_command(command);
    assert_true(comes_to(fixture, PN_TLS_LOAD_FAILED, 1));
    assert_true(is_served_as(fixture, "sender", TLS1_3_VERSION));
    snprintf(command, sizeof command, "cp %s/elsewhere.pem %s/hub.pem", fixture->folder,
             fixture->folder);
    run_command(command);
    assert_true(comes_to(fixture, PN_TLS_LOADED, 2));
    assert_int_equal(count_of(fixture, PN_TLS_LOAD_FAILED), 1);
    assert_false(is_served_as(fixture, "sender", TLS1_3_VERSION)); // not localhost any more
    assert_true(tls_client_send(&old, "\x0Bstill\x1C\r", 8));
    assert_true(tls_client_read(&old, got, sizeof got, "\x1C\r") > 0);
    tls_client_close(&old);
}

static void refuses_files_with_a_clear_word(void **state)
{
    struct tls_fixture *fixture = *state;
    static const struct {
        const char *certificate, *key, *ca;
        const char *where, *text;
    } cases[] = {
        {"none.pem", "hub.key", "", "tls.certificate", "No such file"},
        {"hub.key", "hub.key", "", "tls.certificate", "no certificate"},
        {"hub.pem", "none.key", "", "tls.key", "No such file"},
        {"hub.pem", "other.key", "", "tls.key", "another certificate's key"},
        {"hub.pem", "open.key", "", "tls.key", "chmod 600"},
        {"hub.pem", "locked.key", "", "tls.key", "passphrase"},
        {"hub.pem", "hub.key", "hub.key", "tls.ca", "no certificate"},
        {"hub.pem", "hub.key", "", "tls.ca", "peers are named"},
    };
    char command[600];
    snprintf(command, sizeof command,
             "cd %s && cp hub.key open.key && chmod 640 open.key && umask 077 && openssl pkey -in "
             "hub.key -aes256 -passout pass:secret -out locked.key",
             fixture->folder);
    run_command(command);
    struct event_base *base = event_base_new();
    for (unsigned i = 0; i < PN_ARRAY_COUNT(cases); i++) {
        struct pn_tls_options options = {.role = PN_TLS_SERVER, .peers = NULL};
        options.files.certificate = in_folder(fixture, cases[i].certificate);
        options.files.key = in_folder(fixture, cases[i].key);
        options.files.ca = cases[i].ca[0] == '\0' ? "" : in_folder(fixture, cases[i].ca);
        options.peers = strcmp(cases[i].text, "peers are named") == 0 ? &fixture->peers : NULL;
        struct pn_tls *tls = NULL;
        struct pn_err err = {0};
        assert_int_equal(pn_tls_open(base, &options, &tls, &err), PN_INVALID);
        assert_string_equal(err.where, cases[i].where);
        if (strstr(err.text, cases[i].text) == NULL) {
            fail_msg("%u: %s", i, err.text);
        }
    }
    event_base_free(base);
}

#define WITH(test, with) cmocka_unit_test_setup_teardown(test, with, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(takes_the_named_certificates_only, set_up),
        WITH(refuses_the_missing_expired_and_foreign, set_up),
        WITH(a_persons_name_is_not_told, set_up),
        WITH(without_names_takes_whoever_the_authority_signed_for, set_up_any_of_ca),
        WITH(without_authorities_asks_for_no_certificate, set_up_without_ca),
        WITH(refuses_tls_1_1, set_up),
        WITH(does_not_renegotiate_or_resume, set_up),
        WITH(a_plain_sender_is_cut_off, set_up),
        WITH(a_hanging_handshake_holds_no_place_for_ever, set_up),
        WITH(a_look_at_the_port_is_no_failure, set_up),
        WITH(takes_a_big_message, set_up),
        WITH(takes_pipelined_frames, set_up),
        WITH(serves_http, set_up),
        WITH(reads_on_where_it_stopped_within_a_record, set_up),
        WITH(a_refused_body_is_answered, set_up),
        WITH(serves_many_one_after_another, set_up),
        WITH(takes_renewed_files_without_a_restart, set_up),
        WITH(refuses_files_with_a_clear_word, set_up),
    };
    return cmocka_run_group_tests(tests, make_all_certificates, remove_all_certificates);
}
