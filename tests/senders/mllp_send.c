// SPDX-License-Identifier: Apache-2.0
/*
 * Sends HL7 v2 messages from files over MLLP, as a records system does, and prints the answers.
 *
 *   mllp_send --to HOST:PORT [options] FILE…
 *
 *   --connections N   at once (default 1); messages are dealt out in turn
 *   --window N        messages under way on one connection (default 1: wait for each answer)
 *   --count N         send N messages, starting over at the first file (default: each once)
 *   --renumber TEXT   give every message a new MSH-10: TEXT and a running number
 *   --rate N          at most N messages a second over all connections
 *   --quiet           print the last line only
 *
 * A file may hold several messages; each begins with a line that starts with MSH. Prints one line
 * for every answer that is not AA (every answer without --quiet) and at last how many were answered
 * how, how fast, and the latencies. Exit status 0 when all were answered AA, 1 when not, 3 when the
 * receiver cannot be reached or goes away.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 256,
    WINDOW_MAX = 64,
    MESSAGES_MAX = 1000 * 1000,
    INPUT_BYTES = 64 * 1024,
    CONTROL_ID_BYTES_MAX = 32,
    MSH_10 = 9 // field separators before it
};

struct message {
    char *bytes;
    size_t len;
    size_t id_at, id_len; // of MSH-10
};

struct connection {
    int fd;
    char *out;
    size_t out_len, out_at, out_capacity;
    char in[INPUT_BYTES];
    size_t in_len;
    int64_t sent_ns[WINDOW_MAX]; // of those under way, oldest first
    unsigned under_way;
};

static struct {
    const char *to, *renumber;
    unsigned connection_count, window;
    int64_t count, rate;
    bool is_quiet;
} options = {.connection_count = 1, .window = 1};

static struct message *messages;
static size_t message_count;
static struct connection *connections;
static int64_t sent_count, answered_count, accepted_count, error_count, reject_count;
static uint32_t *latencies_us;
static int64_t start_ns;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("mllp_send: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(3);
}

static void *must(void *memory)
{
    if (memory == NULL) {
        die("no memory");
    }
    return memory;
}

// --- Messages ------------------------------------------------------------------------------------

static void find_control_id(struct message *message)
{
    const char *at = message->bytes;
    const char *end = message->bytes + message->len;
    char separator = message->len > 3 ? message->bytes[3] : '|';
    for (int i = 0; i < MSH_10 && at != NULL; i++) {
        at = memchr(at, separator, (size_t)(end - at));
        at = at == NULL ? NULL : at + 1;
    }
    if (at == NULL) {
        return;
    }
    const char *id_end = memchr(at, separator, (size_t)(end - at));
    message->id_at = (size_t)(at - message->bytes);
    message->id_len = id_end == NULL ? 0 : (size_t)(id_end - at);
}

static void add_message(char *bytes, size_t len)
{
    if (message_count == MESSAGES_MAX) {
        die("more than %d messages", MESSAGES_MAX);
    }
    if ((message_count & (message_count + 1)) == 0) {
        messages = must(realloc(messages, (2 * message_count + 2) * sizeof *messages));
    }
    messages[message_count] = (struct message){.bytes = bytes, .len = len};
    find_control_id(&messages[message_count++]);
}

// Where the next message begins after `from`; len when there is none.
static size_t next_start(const char *bytes, size_t len, size_t from)
{
    for (size_t i = from; i + 3 < len; i++) {
        if ((bytes[i] == '\n' || bytes[i] == '\r') && memcmp(bytes + i + 1, "MSH", 3) == 0) {
            return i + 1;
        }
    }
    return len;
}

static void read_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) {
        die("%s: %s", path, strerror(errno));
    }
    size_t len = (size_t)status.st_size;
    char *bytes = must(malloc(len + 1));
    size_t got = 0;
    while (got < len) {
        ssize_t now = read(fd, bytes + got, len - got);
        if (now <= 0) {
            die("%s: cannot be read", path);
        }
        got += (size_t)now;
    }
    close(fd);
    for (size_t at = 0; at < len;) {
        size_t end = next_start(bytes, len, at);
        add_message(bytes + at, end - at);
        at = end;
    }
}

// --- Connections ---------------------------------------------------------------------------------

static int dial(void)
{
    char host[256];
    const char *colon = strrchr(options.to, ':');
    if (colon == NULL || (size_t)(colon - options.to) >= sizeof host) {
        die("--to is HOST:PORT");
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - options.to), options.to);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        die("cannot resolve %s", options.to);
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        die("cannot connect to %s: %s", options.to, strerror(errno));
    }
    freeaddrinfo(found);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

static void out_add(struct connection *connection, const char *bytes, size_t len)
{
    if (connection->out_len + len > connection->out_capacity) {
        connection->out_capacity = 2 * (connection->out_len + len);
        connection->out = must(realloc(connection->out, connection->out_capacity));
    }
    memcpy(connection->out + connection->out_len, bytes, len);
    connection->out_len += len;
}

static void queue_message(struct connection *connection)
{
    const struct message *message = &messages[(size_t)sent_count % message_count];
    out_add(connection, "\x0B", 1);
    if (options.renumber != NULL && message->id_len > 0) {
        char id[CONTROL_ID_BYTES_MAX];
        int id_len = snprintf(id, sizeof id, "%s%lld", options.renumber, (long long)sent_count);
        size_t rest_at = message->id_at + message->id_len;
        out_add(connection, message->bytes, message->id_at);
        out_add(connection, id, (size_t)id_len);
        out_add(connection, message->bytes + rest_at, message->len - rest_at);
    } else {
        out_add(connection, message->bytes, message->len);
    }
    out_add(connection, "\x1C\r", 2);
    connection->sent_ns[connection->under_way++] = now_ns();
    sent_count++;
}

static void flush(struct connection *connection)
{
    while (connection->out_at < connection->out_len) {
        ssize_t sent = send(connection->fd, connection->out + connection->out_at,
                            connection->out_len - connection->out_at, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (sent < 0) {
            die("the receiver has gone away: %s", strerror(errno));
        }
        connection->out_at += (size_t)sent;
    }
    connection->out_at = 0;
    connection->out_len = 0;
}

static bool may_send(void)
{
    if (sent_count >= options.count) {
        return false;
    }
    return options.rate == 0 ||
           sent_count * INT64_C(1000000000) / options.rate <= now_ns() - start_ns;
}

static void fill(struct connection *connection)
{
    while (connection->under_way < options.window && may_send()) {
        queue_message(connection);
    }
    flush(connection);
}

// --- Answers -------------------------------------------------------------------------------------

static void take_answer(struct connection *connection, const char *bytes, size_t len)
{
    const char *msa = memmem(bytes, len, "MSA|", 4);
    char code[3] = "??";
    if (msa != NULL && (size_t)(msa - bytes) + 6 <= len) {
        memcpy(code, msa + 4, 2);
    }
    bool is_accepted = strcmp(code, "AA") == 0 || strcmp(code, "CA") == 0;
    accepted_count += is_accepted;
    reject_count += strcmp(code, "AR") == 0;
    error_count += !is_accepted && strcmp(code, "AR") != 0;
    latencies_us[answered_count++] = (uint32_t)((now_ns() - connection->sent_ns[0]) / 1000);
    connection->under_way--;
    memmove(connection->sent_ns, connection->sent_ns + 1,
            connection->under_way * sizeof connection->sent_ns[0]);
    if (!options.is_quiet) {
        const char *end = msa == NULL ? NULL : memchr(msa, '\r', len - (size_t)(msa - bytes));
        size_t line = msa == NULL   ? 0
                      : end == NULL ? len - (size_t)(msa - bytes)
                                    : (size_t)(end - msa);
        printf("%.*s\n", (int)line, msa == NULL ? "" : msa);
    }
}

static void take_answers(struct connection *connection)
{
    size_t at = 0;
    while (at < connection->in_len && connection->under_way > 0) {
        const char *start = connection->in + at;
        const char *end = memchr(start, '\x1C', connection->in_len - at);
        if (end == NULL) {
            break;
        }
        take_answer(connection, start, (size_t)(end - start));
        at = (size_t)(end - connection->in) + 1;
    }
    memmove(connection->in, connection->in + at, connection->in_len - at);
    connection->in_len -= at;
}

static void receive(struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->in + connection->in_len,
                       sizeof connection->in - connection->in_len, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        die("the receiver closed the connection with %lld messages unanswered",
            (long long)(sent_count - answered_count));
    }
    connection->in_len += (size_t)got;
    take_answers(connection);
}

static void run(void)
{
    struct pollfd polls[CONNECTIONS_MAX];
    start_ns = now_ns();
    while (answered_count < options.count) {
        for (unsigned i = 0; i < options.connection_count; i++) {
            struct connection *connection = &connections[i];
            fill(connection);
            bool has_more = connection->out_at < connection->out_len;
            polls[i] = (struct pollfd){.fd = connection->fd,
                                       .events = (short)(POLLIN | (has_more ? POLLOUT : 0))};
        }
        int wait_ms = options.rate > 0 && sent_count < options.count ? 1 : -1;
        if (poll(polls, options.connection_count, wait_ms) < 0 && errno != EINTR) {
            die("poll: %s", strerror(errno));
        }
        for (unsigned i = 0; i < options.connection_count; i++) {
            if ((polls[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
                receive(&connections[i]);
            }
        }
    }
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static int report(void)
{
    double seconds = (double)(now_ns() - start_ns) / 1e9;
    size_t count = (size_t)answered_count;
    qsort(latencies_us, count, sizeof *latencies_us, by_size);
    printf("%lld messages: %lld AA, %lld AE, %lld AR in %.3f s, %.0f/s, latency ms p50 %.3f p99 "
           "%.3f max %.3f\n",
           (long long)answered_count, (long long)accepted_count, (long long)error_count,
           (long long)reject_count, seconds, (double)answered_count / seconds,
           latencies_us[count / 2] / 1e3, latencies_us[count * 99 / 100] / 1e3,
           latencies_us[count - 1] / 1e3);
    return accepted_count == answered_count ? 0 : 1;
}

// --- Options -------------------------------------------------------------------------------------

static int64_t number(const char *text, int64_t max)
{
    char *end = NULL;
    long long value = text == NULL ? 0 : strtoll(text, &end, 10);
    if (text == NULL || *end != '\0' || value < 1 || value > max) {
        fprintf(stderr, "mllp_send: a number from 1 to %lld is needed\n", (long long)max);
        exit(2);
    }
    return value;
}

// Returns how many arguments it took.
static int take_option(const char *name, const char *value)
{
    if (strcmp(name, "--quiet") == 0) {
        options.is_quiet = true;
        return 1;
    }
    if (strcmp(name, "--to") == 0) {
        options.to = value;
    } else if (strcmp(name, "--renumber") == 0) {
        options.renumber = value;
    } else if (strcmp(name, "--connections") == 0) {
        options.connection_count = (unsigned)number(value, CONNECTIONS_MAX);
    } else if (strcmp(name, "--window") == 0) {
        options.window = (unsigned)number(value, WINDOW_MAX);
    } else if (strcmp(name, "--count") == 0) {
        options.count = number(value, INT64_C(1000000000));
    } else if (strcmp(name, "--rate") == 0) {
        options.rate = number(value, INT64_C(10000000));
    } else {
        fprintf(stderr, "mllp_send: unknown option %s; see the top of its source\n", name);
        exit(2);
    }
    return 2;
}

int main(int argc, char **argv)
{
    int at = 1;
    while (at < argc && strncmp(argv[at], "--", 2) == 0) {
        at += take_option(argv[at], at + 1 < argc ? argv[at + 1] : NULL);
    }
    for (; at < argc; at++) {
        read_file(argv[at]);
    }
    if (options.to == NULL || message_count == 0) {
        fprintf(stderr, "usage: mllp_send --to HOST:PORT [options] FILE…\n");
        return 2;
    }
    options.count = options.count == 0 ? (int64_t)message_count : options.count;
    latencies_us = must(calloc((size_t)options.count, sizeof *latencies_us));
    connections = must(calloc(options.connection_count, sizeof *connections));
    for (unsigned i = 0; i < options.connection_count; i++) {
        connections[i].fd = dial();
    }
    run();
    return report();
}
