// SPDX-License-Identifier: Apache-2.0
/*
 * How fast the embedded stream appends and reads, beside a floor: a loop that writes the same bytes
 * to a file and syncs it once per batch.
 *
 *   bench_stream FOLDER [EVENTS]      FOLDER should not exist; EVENTS are per batch size
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/ids.h"
#include "stream/stream.h"

enum {
    BATCH_MAX = PN_BATCH_EVENTS_MAX,
    DATA_BYTES = 900,               // an Encounter of the made-up county
    EVENT_BYTES = DATA_BYTES + 180, // with the attributes
    CLIENTS = 164000,
    SMALL_EVENTS_MAX = 10000 // at batches that a sync each makes slow
};

static struct pn_record_out records[BATCH_MAX];
static char ids[BATCH_MAX][PN_UUID_TEXT_BYTES];
static char subjects[BATCH_MAX][PN_CLIENT_KEY_TEXT_BYTES];
static char data[DATA_BYTES];
static int64_t made;

static void make_batch(size_t count)
{
    for (size_t i = 0; i < count; i++, made++) {
        char number[24];
        snprintf(number, sizeof number, "%" PRId64, made);
        const struct pn_slice part = pn_slice_str(number);
        pn_uuid5("bench", &part, 1, ids[i]);
        snprintf(subjects[i], sizeof subjects[i], "%032" PRIx64, made * 7919 % CLIENTS);
        records[i] = (struct pn_record_out){
            .topic = PN_TOPIC_EVENT,
            .event =
                {
                    .id = pn_slice_str(ids[i]),
                    .source = pn_slice_str("/adapter/oberon/ward"),
                    .type = pn_slice_str("fi.punos.visit.finished.v1"),
                    .subject = pn_slice_str(subjects[i]),
                    .sector = pn_slice_str("specialist"),
                    .time_ms = made,
                    .recorded_ms = made,
                    .data = pn_slice_of(data, sizeof data),
                },
        };
    }
}

static void stop_on(enum pn_code code, const struct pn_err *err)
{
    if (code != PN_OK) {
        fprintf(stderr, "bench_stream: %s %s\n", err->where, err->text);
        exit(1);
    }
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static double per_second(int64_t count, int64_t spent_ns)
{
    return (double)count * 1e9 / (double)(spent_ns > 0 ? spent_ns : 1);
}

static int64_t events_for(size_t batch, int64_t events)
{
    return batch < 64 && events > SMALL_EVENTS_MAX ? SMALL_EVENTS_MAX : events;
}

static double append_rate(struct pn_stream *stream, size_t batch, int64_t events)
{
    struct pn_err err;
    int64_t spent_ns = 0;
    int64_t done = 0;
    for (; done < events; done += (int64_t)batch) {
        make_batch(batch); // hashing the ids is not the stream's work
        int64_t started_ns = now_ns();
        stop_on(pn_stream_append(stream, records, batch, &err), &err);
        spent_ns += now_ns() - started_ns;
    }
    return per_second(done, spent_ns);
}

// Appends and syncs the same bytes in a bare loop.
static double floor_rate(const char *folder, size_t batch, int64_t events)
{
    char path[4096];
    static char bytes[BATCH_MAX * EVENT_BYTES];
    snprintf(path, sizeof path, "%s/floor", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    int64_t started_ns = now_ns();
    int64_t done = 0;
    for (; done < events; done += (int64_t)batch) {
        size_t length = batch * EVENT_BYTES;
        if (write(fd, bytes, length) != (ssize_t)length || fdatasync(fd) != 0) {
            perror("bench_stream: floor");
            exit(1);
        }
    }
    double rate = per_second(done, now_ns() - started_ns);
    close(fd);
    unlink(path);
    return rate;
}

static void read_all(struct pn_stream *stream)
{
    static struct pn_record found[BATCH_MAX];
    static const char *const topics[] = {PN_TOPIC_EVENT};
    const struct pn_consumer_options options = {.group = "bench",
                                                .topics = topics,
                                                .topic_count = 1,
                                                .load_position = pn_stream_from_start};
    struct pn_consumer *consumer = NULL;
    struct pn_err err;
    stop_on(pn_consumer_open(stream, &options, &consumer, &err), &err);
    int64_t started_ns = now_ns();
    int64_t count = 0;
    size_t got = 0;
    do {
        stop_on(pn_consumer_poll(consumer, 0, found, BATCH_MAX, &got, &err), &err);
        count += (int64_t)got;
    } while (got > 0);
    int64_t spent_ns = now_ns() - started_ns;
    pn_consumer_close(consumer);
    printf("read %" PRId64 " events: %.0f/s\n", count, per_second(count, spent_ns));
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: bench_stream FOLDER [EVENTS]\n");
        return 2;
    }
    int64_t events = argc > 2 ? strtoll(argv[2], NULL, 10) : 200000;
    struct pn_config config = {.data_dir = argv[1]};
    config.stream.partitions = 8;
    struct pn_stream *stream = NULL;
    struct pn_err err;
    memset(data, 'x', sizeof data);
    stop_on(pn_stream_open(&config, &stream, &err), &err);
    stop_on(pn_stream_create_topics(stream, &err), &err);
    static const size_t batches[] = {1, 8, 64, 1000};
    printf("%8s %14s %14s %8s\n", "batch", "append/s", "floor/s", "ratio");
    for (size_t i = 0; i < PN_ARRAY_COUNT(batches); i++) {
        int64_t count = events_for(batches[i], events);
        double appended = append_rate(stream, batches[i], count);
        double bare = floor_rate(argv[1], batches[i], count);
        printf("%8zu %14.0f %14.0f %8.2f\n", batches[i], appended, bare, appended / bare);
    }
    read_all(stream);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("resident at most %ld KiB\n", usage.ru_maxrss);
    pn_stream_close(stream);
    return 0;
}
