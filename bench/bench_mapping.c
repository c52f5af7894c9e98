// SPDX-License-Identifier: Apache-2.0
/*
 * How fast one processor maps an adapter's own samples to FHIR, and how fast a parser that is not
 * Punos's reads the same bytes without mapping anything: libxml2 for XML, cJSON for JSON.
 *
 *   bench_mapping ADAPTER_FOLDER SECONDS [LIST]
 *
 * Only samples that the adapter takes count. Their paths are written to LIST, so that other peers
 * can read the same. Prints lines of: what, messages, bytes, seconds.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/limits.h"
#include "fhir/json.h"
#include "map/adapter.h"
#include "services/tool/adapter_samples.h"

#define BOOT_BYTES_MAX ((size_t)256 * 1024 * 1024)
static const int64_t received_ms = 1790000000000; // 2026-09-21: samples do not lie in its future

struct sample {
    const char *name;
    const char *path;
    struct pn_slice bytes;
};

struct bench {
    struct pn_arena *boot, *arena;
    struct pn_adapter *adapter;
    struct sample samples[PN_SAMPLES_MAX];
    unsigned count;
    double seconds;
};

static void stop_on(enum pn_code code, const struct pn_err *err)
{
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s\n", err->where, err->text);
        exit(1);
    }
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool ends_with(struct pn_slice text, const char *ending)
{
    size_t length = strlen(ending);
    return text.len > length && memcmp(text.ptr + text.len - length, ending, length) == 0;
}

// True when the reader took the sample.
typedef bool (*read_sample)(struct bench *bench, const struct sample *sample);

static bool map_sample(struct bench *bench, const struct sample *sample)
{
    struct pn_err err = {0};
    struct pn_mapped mapped = {0};
    const struct pn_message_in message = {.bytes = sample->bytes,
                                          .transport = PN_TRANSPORT_NONE,
                                          .received_ms = received_ms,
                                          .content_type = "",
                                          .file_name = sample->name};
    pn_arena_reset(bench->arena);
    pn_json_use_arena(bench->arena);
    enum pn_code code = pn_adapter_decode(bench->adapter, bench->arena, &message, &mapped, &err);
    pn_json_use_arena(NULL);
    return code == PN_OK;
}

static bool libxml2_sample(struct bench *bench, const struct sample *sample)
{
    (void)bench;
    xmlDocPtr document = xmlReadMemory(sample->bytes.ptr, (int)sample->bytes.len, NULL, NULL,
                                       XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    xmlFreeDoc(document);
    return document != NULL;
}

static bool cjson_sample(struct bench *bench, const struct sample *sample)
{
    (void)bench;
    cJSON *root = cJSON_ParseWithLength(sample->bytes.ptr, sample->bytes.len);
    cJSON_Delete(root);
    return root != NULL;
}

static void run(struct bench *bench, const char *what, const char *ending, read_sample reader)
{
    int64_t messages = 0, bytes = 0;
    double started = now_seconds(), spent = 0;
    while (spent < bench->seconds) {
        int64_t before = messages;
        for (unsigned i = 0; i < bench->count; i++) {
            struct pn_slice path = pn_slice_str(bench->samples[i].path);
            if (ends_with(path, ending) && reader(bench, &bench->samples[i])) {
                messages++;
                bytes += (int64_t)bench->samples[i].bytes.len;
            }
        }
        if (messages == before) {
            return; // it has none of that kind
        }
        spent = now_seconds() - started;
    }
    printf("%s %" PRId64 " %" PRId64 " %.6f\n", what, messages, bytes, spent);
}

// Keeps the messages that the adapter takes.
static void gather(struct bench *bench, const char *folder)
{
    const char *names[PN_SAMPLES_MAX];
    unsigned count = 0;
    struct pn_err err = {0};
    stop_on(pn_adapter_samples(bench->boot, folder, names, &count, &err), &err);
    for (unsigned i = 0; i < count; i++) {
        struct sample *sample = &bench->samples[bench->count];
        if (ends_with(pn_slice_str(names[i]), ".plan.json")) {
            continue;
        }
        sample->name = names[i];
        sample->path = pn_arena_printf(bench->boot, "%s/samples/%s", folder, names[i]);
        stop_on(pn_file_read(bench->boot, sample->path, PN_MESSAGE_BYTES_MAX, &sample->bytes, &err),
                &err);
        bench->count += map_sample(bench, sample);
    }
}

static void write_list(const struct bench *bench, const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    for (unsigned i = 0; i < bench->count; i++) {
        fprintf(file, "%s\n", bench->samples[i].path);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fputs("bench_mapping ADAPTER_FOLDER SECONDS [LIST]\n", stderr);
        return 2;
    }
    static struct bench bench;
    struct pn_err err = {0};
    bench.seconds = strtod(argv[2], NULL);
    bench.boot = pn_arena_new(BOOT_BYTES_MAX);
    bench.arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
    if (bench.boot == NULL || bench.arena == NULL) {
        fputs("no memory\n", stderr);
        return 1;
    }
    stop_on(pn_adapter_load(bench.boot, argv[1], &bench.adapter, &err), &err);
    gather(&bench, argv[1]);
    if (argc == 4) {
        write_list(&bench, argv[3]);
    }
    for (const char *const *ending = (const char *const[]){".hl7", ".json", ".xml", ".csv", NULL};
         *ending != NULL; ending++) {
        const char *what = pn_arena_printf(bench.boot, "punos%s", *ending);
        run(&bench, what, *ending, map_sample);
    }
    run(&bench, "libxml2.xml", ".xml", libxml2_sample);
    run(&bench, "cjson.json", ".json", cjson_sample);
    pn_arena_free(bench.arena);
    pn_arena_free(bench.boot);
    return 0;
}
