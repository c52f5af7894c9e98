// SPDX-License-Identifier: Apache-2.0
/*
 * The MLLP and the HTTP client under TLS, against `openssl s_server` and against our own listeners.
 */
#include "tls_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "net/http_client.h"

static struct event_base *base;
static struct tls_fixture certificates; // and what the client's side tells

static struct {
    enum pn_code code;
    char text[256];
    int status;
} result;

// --- A receiver of ours with a certificate of its choice -----------------------------------------

static void on_frame(struct pn_mllp_frame *frame, struct pn_slice bytes, void *context)
{
    (void)context;
    pn_mllp_answer(frame, bytes);
}

static void on_echo(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    pn_http_answer(exchange, 200, "text/plain", pn_http_body(exchange));
}

static const struct pn_http_route routes[] = {{PN_HTTP_POST, "/echo", on_echo}};

struct receiver {
    struct pn_tls *tls;
    struct pn_mllp_server *mllp;
    struct pn_http_server *http;
};

static void receiver_open(struct receiver *receiver, const char *who, bool asks, bool is_plain)
{
    struct pn_err err = {0};
    char name[32];
    struct pn_tls_options options = {.role = PN_TLS_SERVER};
    snprintf(name, sizeof name, "%s.pem", who);
    options.files.certificate = in_folder(&certificates, name);
    snprintf(name, sizeof name, "%s.key", who);
    options.files.key = in_folder(&certificates, name);
    options.files.ca = asks ? in_folder(&certificates, "ca.pem") : "";
    receiver->tls = NULL;
    if (!is_plain) {
        assert_int_equal(pn_tls_open(base, &options, &receiver->tls, &err), PN_OK);
    }
    const struct pn_mllp_server_options mllp = {
        .listen = "127.0.0.1:0", .tls = receiver->tls, .frame = on_frame, .too_large = on_frame};
    const struct pn_http_server_options http = {.listen = "127.0.0.1:0",
                                                .tls = receiver->tls,
                                                .routes = routes,
                                                .route_count = PN_ARRAY_COUNT(routes)};
    assert_int_equal(pn_mllp_server_open(base, &mllp, &receiver->mllp, &err), PN_OK);
    assert_int_equal(pn_http_server_open(base, &http, &receiver->http, &err), PN_OK);
}

static void receiver_close(struct receiver *receiver)
{
    pn_mllp_server_close(receiver->mllp);
    pn_http_server_close(receiver->http);
    pn_tls_close(receiver->tls);
}

// --- The clients ---------------------------------------------------------------------------------

static struct pn_tls_conf client_files(const char *who, const char *ca)
{
    struct pn_tls_conf files = {"", "", in_folder(&certificates, ca)};
    char name[32];
    if (who != NULL) {
        snprintf(name, sizeof name, "%s.pem", who);
        files.certificate = in_folder(&certificates, name);
        snprintf(name, sizeof name, "%s.key", who);
        files.key = in_folder(&certificates, name);
    }
    return files;
}

static void on_mllp_done(const struct pn_mllp_result *done, void *context)
{
    (void)context;
    result.code = done->code;
    snprintf(result.text, sizeof result.text, "%.*s", PN_SLICE_FMT(done->bytes));
    if (done->reason != NULL) {
        snprintf(result.text, sizeof result.text, "%s", done->reason);
    }
    event_base_loopbreak(base);
}

static void send_mllp(const char *address, const struct pn_tls_conf *files, int64_t timeout_ms)
{
    struct pn_err err = {0};
    struct pn_tls *tls = NULL;
    struct pn_mllp_client *client = NULL;
    const struct pn_tls_options options = {
        .role = PN_TLS_CLIENT, .files = *files, .happened = on_tls_event, .context = &certificates};
    assert_int_equal(pn_tls_open(base, &options, &tls, &err), PN_OK);
    assert_int_equal(pn_mllp_client_open(base, address, tls, &client, &err), PN_OK);
    assert_int_equal(
        pn_mllp_client_send(client, pn_slice_str("MSH|moi"), timeout_ms, on_mllp_done, NULL, &err),
        PN_OK);
    event_base_dispatch(base);
    pn_mllp_client_close(client);
    pn_tls_close(tls);
}

static void mllp_to(const struct receiver *receiver, const char *host, const char *who,
                    const char *ca)
{
    char address[64];
    snprintf(address, sizeof address, "%s:%u", host, pn_mllp_server_port(receiver->mllp));
    const struct pn_tls_conf files = client_files(who, ca);
    send_mllp(address, &files, 5000);
}

static void on_http_done(const struct pn_http_response *response, void *context)
{
    (void)context;
    result.code = response->code;
    result.status = response->status;
    snprintf(result.text, sizeof result.text, "%.*s", PN_SLICE_FMT(response->body));
    if (response->reason != NULL) {
        snprintf(result.text, sizeof result.text, "%s", response->reason);
    }
    event_base_loopbreak(base);
}

static void http_to(const struct receiver *receiver, const char *host, const char *who,
                    const char *ca)
{
    struct pn_err err = {0};
    struct pn_http_client *client = NULL;
    char url[64];
    snprintf(url, sizeof url, "https://%s:%u/echo", host, pn_http_server_port(receiver->http));
    const struct pn_http_request request = {
        .method = "POST", .url = url, .body = pn_slice_str("moi"), .timeout_ms = 5000};
    const struct pn_tls_conf files = client_files(who, ca);
    assert_int_equal(pn_http_client_open(base, &client, &err), PN_OK);
    pn_http_client_use_tls(client, &files);
    assert_int_equal(pn_http_client_send(client, &request, on_http_done, NULL, &err), PN_OK);
    event_base_dispatch(base);
    pn_http_client_close(client);
}

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    certificates = (struct tls_fixture){0};
    take_certificates(&certificates);
    memset(&result, 0, sizeof result);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    event_base_free(base);
    return 0;
}

// --- Tests ---------------------------------------------------------------------------------------

static void reach_a_receiver_that_proves_itself(void **state)
{
    (void)state;
    struct receiver receiver;
    receiver_open(&receiver, "hub", true, false);
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(hosts); i++) {
        mllp_to(&receiver, hosts[i], "sender", "ca.pem");
        assert_int_equal(result.code, PN_OK);
        assert_string_equal(result.text, "MSH|moi");
        http_to(&receiver, hosts[i], "sender", "ca.pem");
        assert_int_equal(result.status, 200);
        assert_string_equal(result.text, "moi");
    }
    assert_int_equal(count_of(&certificates, PN_TLS_OPENED), 2);
    assert_true(certificates.not_after_s > 0);
    receiver_close(&receiver);
}

static void refuse_another_name_and_another_authority(void **state)
{
    (void)state;
    struct receiver receiver;
    receiver_open(&receiver, "elsewhere", false, false);
    mllp_to(&receiver, "127.0.0.1", NULL, "ca.pem");
    assert_int_equal(result.code, PN_UNAVAILABLE);
    assert_string_equal(result.text, "IP address mismatch");
    mllp_to(&receiver, "localhost", NULL, "ca.pem");
    assert_string_equal(result.text, "hostname mismatch");
    http_to(&receiver, "localhost", NULL, "ca.pem");
    assert_int_equal(result.code, PN_UNAVAILABLE);
    receiver_close(&receiver);
    receiver_open(&receiver, "hub", false, false);
    mllp_to(&receiver, "localhost", NULL, "stranger-ca.pem");
    assert_int_equal(result.code, PN_UNAVAILABLE);
    http_to(&receiver, "localhost", NULL, "stranger-ca.pem");
    assert_int_equal(result.code, PN_UNAVAILABLE);
    receiver_close(&receiver);
    receiver_open(&receiver, "hub-expired", false, false);
    mllp_to(&receiver, "localhost", NULL, "ca.pem");
    assert_string_equal(result.text, "certificate has expired");
    http_to(&receiver, "localhost", NULL, "ca.pem");
    assert_int_equal(result.code, PN_UNAVAILABLE);
    assert_int_equal(count_of(&certificates, PN_TLS_FAILED), 4);
    receiver_close(&receiver);
}

static void are_refused_without_a_certificate(void **state)
{
    (void)state;
    struct receiver receiver;
    receiver_open(&receiver, "hub", true, false);
    mllp_to(&receiver, "localhost", NULL, "ca.pem");
    assert_int_equal(result.code, PN_UNAVAILABLE);
    assert_non_null(strstr(result.text, "certificate required"));
    http_to(&receiver, "localhost", NULL, "ca.pem");
    assert_int_equal(result.code, PN_UNAVAILABLE);
    receiver_close(&receiver);
}

static void find_a_plain_receiver_out(void **state)
{
    (void)state;
    struct receiver receiver;
    receiver_open(&receiver, "hub", false, true);
    mllp_to(&receiver, "localhost", NULL, "ca.pem"); // skips the handshake as noise, says nothing
    assert_int_equal(result.code, PN_UNAVAILABLE);
    http_to(&receiver, "localhost", NULL, "ca.pem");
    assert_int_equal(result.code, PN_UNAVAILABLE);
    receiver_close(&receiver);
}

// The receiver takes the connection and says nothing: the message's own time-out ends it.
static void a_silent_handshake_ends_with_the_messages_time(void **state)
{
    (void)state;
    int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in bound = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof bound;
    assert_int_equal(bind(silent, (struct sockaddr *)&bound, bytes), 0);
    assert_int_equal(listen(silent, 1), 0);
    assert_int_equal(getsockname(silent, (struct sockaddr *)&bound, &bytes), 0);
    char address[64];
    snprintf(address, sizeof address, "127.0.0.1:%u", ntohs(bound.sin_port));
    const struct pn_tls_conf files = client_files(NULL, "ca.pem");
    send_mllp(address, &files, 300);
    assert_int_equal(result.code, PN_UNAVAILABLE);
    assert_string_equal(result.text, "no answer came in time");
    close(silent);
}

// A server not written here, of TLS 1.1 at most and then of 1.2 at most.
static pid_t start_s_server(const char *version, unsigned port)
{
    pid_t pid = fork();
    if (pid == 0) {
        int quiet = open("/dev/null", O_RDWR | O_CLOEXEC);
        (void)dup2(quiet, STDERR_FILENO);
        char listen_port[16];
        snprintf(listen_port, sizeof listen_port, "%u", port);
        const char *const arguments[] = {"openssl",
                                         "s_server",
                                         version,
                                         "-cipher",
                                         "DEFAULT:@SECLEVEL=0",
                                         "-quiet",
                                         "-rev",
                                         "-accept",
                                         listen_port,
                                         "-cert",
                                         in_folder(&certificates, "hub.pem"),
                                         "-key",
                                         in_folder(&certificates, "hub.key"),
                                         NULL};
        execvp("openssl", (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    return pid;
}

// Held as long as the certificates' folder is there.
static unsigned held_port(void)
{
    char command[512];
    snprintf(command, sizeof command, "python3 tests/lib/ports.py '%s'",
             in_folder(&certificates, ""));
    FILE *ports = popen(command, "r");
    assert_non_null(ports);
    unsigned port = 0;
    assert_int_equal(fscanf(ports, "%u", &port), 1);
    assert_int_equal(pclose(ports), 0);
    return port;
}

static void wait_for_listener(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < 1000; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool is_there = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
        close(fd);
        if (is_there) {
            return;
        }
        usleep(10000);
    }
    fail_msg("openssl s_server does not listen");
}

static void speak_no_older_than_1_2_with_openssl(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        bool is_taken;
    } cases[] = {{"-tls1_1", false}, {"-tls1_2", true}};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(cases); i++) {
        unsigned port = held_port();
        pid_t pid = start_s_server(cases[i].version, port);
        char address[64];
        snprintf(address, sizeof address, "localhost:%u", port);
        const struct pn_tls_conf files = client_files(NULL, "ca.pem");
        const unsigned before = count_of(&certificates, PN_TLS_OPENED);
        wait_for_listener(port);
        send_mllp(address, &files, 500); // what it sends back is no frame, so no answer comes
        assert_int_equal(count_of(&certificates, PN_TLS_OPENED) - before, cases[i].is_taken);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
}

#define WITH_ALL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ALL(reach_a_receiver_that_proves_itself),
        WITH_ALL(refuse_another_name_and_another_authority),
        WITH_ALL(are_refused_without_a_certificate),
        WITH_ALL(find_a_plain_receiver_out),
        WITH_ALL(a_silent_handshake_ends_with_the_messages_time),
        WITH_ALL(speak_no_older_than_1_2_with_openssl),
    };
    return cmocka_run_group_tests(tests, make_all_certificates, remove_all_certificates);
}
