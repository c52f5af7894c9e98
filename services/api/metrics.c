// SPDX-License-Identifier: Apache-2.0
/*
 * GET /metrics: the figures of all services on this machine, in Prometheus' text format 0.0.4.
 */
#include <stdlib.h>
#include <string.h>

#include "services/api/api.h"
#include "services/api/calls.h"

enum { SAMPLES_MAX = 8192, TEXT_BYTES_MAX = 2 * 1024 * 1024 };

struct sample {
    const char *name, *service, *label, *label_value;
    unsigned process;
    int64_t value;
};

struct samples {
    struct pn_arena *arena;
    struct sample *rows;
    unsigned count;
};

static void gather(void *context, const struct pn_metric *metric)
{
    struct samples *samples = context;
    if (samples->count == SAMPLES_MAX || !metric->is_alive) {
        return;
    }
    struct sample *sample = &samples->rows[samples->count];
    sample->name = pn_arena_copy(samples->arena, pn_slice_str(metric->name));
    sample->service = pn_arena_copy(samples->arena, pn_slice_str(metric->service));
    sample->label = pn_arena_copy(samples->arena, pn_slice_str(metric->label));
    sample->label_value = pn_arena_copy(samples->arena, pn_slice_str(metric->label_value));
    sample->process = metric->process;
    sample->value = metric->value;
    if (sample->name != NULL && sample->service != NULL && sample->label != NULL &&
        sample->label_value != NULL) {
        samples->count++;
    }
}

static int compare(const void *a, const void *b)
{
    const struct sample *left = a;
    const struct sample *right = b;
    int by_name = strcmp(left->name, right->name);
    return by_name != 0 ? by_name : strcmp(left->service, right->service);
}

static bool is_counter(const char *name)
{
    size_t length = strlen(name);
    return length > 6 && strcmp(name + length - 6, "_total") == 0;
}

static void print_label_value(struct pn_buf *out, struct pn_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"' || value.ptr[i] == '\\') {
            pn_buf_add_char(out, '\\');
        }
        pn_buf_add_char(out, value.ptr[i] == '\n' ? ' ' : value.ptr[i]);
    }
}

// Several stand with commas between.
static void print_labels(struct pn_buf *out, const struct sample *sample)
{
    struct pn_slice names = pn_slice_str(sample->label);
    struct pn_slice values = pn_slice_str(sample->label_value);
    bool has_many = memchr(names.ptr, ',', names.len) != NULL;
    while (names.len > 0) {
        struct pn_slice name = pn_slice_split(names, ',', &names);
        struct pn_slice value = has_many ? pn_slice_split(values, ',', &values) : values;
        pn_buf_printf(out, ",%.*s=\"", PN_SLICE_FMT(name));
        print_label_value(out, value);
        pn_buf_add_char(out, '"');
    }
}

// Samples of one name stand together, under their TYPE line.
static void print_samples(const struct samples *samples, struct pn_buf *out)
{
    for (unsigned i = 0; i < samples->count; i++) {
        const struct sample *sample = &samples->rows[i];
        if (i == 0 || strcmp(sample->name, samples->rows[i - 1].name) != 0) {
            pn_buf_printf(out, "# TYPE %s %s\n", sample->name,
                          is_counter(sample->name) ? "counter" : "gauge");
        }
        pn_buf_printf(out, "%s{service=\"%s\",process=\"%u\"", sample->name, sample->service,
                      sample->process);
        print_labels(out, sample);
        pn_buf_printf(out, "} %lld\n", (long long)sample->value);
    }
}

void pn_metrics_call(struct pn_http_exchange *exchange, void *context)
{
    struct pn_call call;
    struct pn_err err;
    pn_call_begin(&call, exchange, context);
    if (!pn_caller_could(call.caller, PN_ACTION_METRICS)) {
        pn_err_set(&err, PN_DENIED, "metrics", "no role of the caller allows this");
        pn_call_answer_error(&call, &err);
        return;
    }
    struct samples samples = {.arena = call.arena};
    samples.rows = pn_arena_alloc_array(call.arena, SAMPLES_MAX, sizeof *samples.rows);
    enum pn_code code = samples.rows == NULL ? pn_err_set(&err, PN_LIMIT, "metrics", "no memory")
                                             : pn_metrics_read_all(call.api->config->data_dir,
                                                                   gather, &samples, &err);
    if (code != PN_OK) {
        pn_call_answer_error(&call, &err);
        return;
    }
    qsort(samples.rows, samples.count, sizeof *samples.rows, compare);
    struct pn_buf out;
    pn_buf_init(&out, TEXT_BYTES_MAX);
    print_samples(&samples, &out);
    pn_http_add_header(exchange, "Cache-Control", "no-store");
    pn_http_answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", pn_buf_slice(&out));
    pn_buf_release(&out);
}
