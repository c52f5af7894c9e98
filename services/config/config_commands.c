// SPDX-License-Identifier: Apache-2.0
/*
 * punos config check FILE, punos config reference.
 */
#include <event2/event.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "net/tls.h"
#include "run/command.h"

enum { ARENA_BYTES_MAX = 64 * 1024 * 1024, CERTIFICATE_DAYS_MIN = 30, SECONDS_PER_DAY = 86400 };

static void warn(const char *key, const char *text, void *context)
{
    (void)context;
    fprintf(stderr, "warning: %s: %s\n", key, text);
}

static void on_tls(const struct pn_tls_event *event, void *context)
{
    int64_t left_s = event->not_after_s - pn_clock_now_ms() / PN_MS_PER_SECOND;
    if (event->happening != PN_TLS_LOADED || event->not_after_s == 0) {
        return;
    }
    if (left_s < 0) {
        warn(context, "the certificate has expired", NULL);
    } else if (left_s < (int64_t)CERTIFICATE_DAYS_MIN * SECONDS_PER_DAY) {
        warn(context, "the certificate ends within 30 days", NULL);
    }
}

// Loads the files as the service would.
static enum pn_code try_tls(struct event_base *base, const struct pn_tls_conf *files,
                            bool is_listener, const char *key, struct pn_err *err)
{
    if (!pn_tls_conf_is_given(files)) {
        return PN_OK;
    }
    const struct pn_tls_options options = {
        .role = is_listener ? PN_TLS_SERVER : PN_TLS_CLIENT,
        .files = *files,
        .happened = on_tls,
        .context = (void *)(uintptr_t)key,
    };
    struct pn_tls *tls = NULL;
    enum pn_code code = pn_tls_open(base, &options, &tls, err);
    pn_tls_close(tls);
    return code == PN_OK ? PN_OK : pn_err_within(err, key);
}

static enum pn_code try_all_tls(const struct pn_config *config, struct pn_err *err)
{
    struct event_base *base = event_base_new();
    if (base == NULL) {
        return pn_err_set(err, PN_MEMORY, "tls", "the heap is exhausted");
    }
    enum pn_code code = try_tls(base, &config->api.tls, true, "api", err);
    code = code == PN_OK ? try_tls(base, &config->ingest.tls, true, "ingest", err) : code;
    for (unsigned i = 0; code == PN_OK && i < config->system_count; i++) {
        const struct pn_system_conf *system = &config->systems[i];
        code = try_tls(base, &system->tls, system->listen[0] != '\0', system->name, err);
    }
    event_base_free(base);
    return code;
}

static int check(const struct pn_arguments *arguments, const struct pn_config *unused)
{
    (void)unused;
    struct pn_arena *arena = pn_arena_new(ARENA_BYTES_MAX);
    if (arena == NULL) {
        fprintf(stderr, "punos: no memory\n");
        return PN_EXIT_BROKEN;
    }
    struct pn_config config;
    struct pn_err err = {0};
    enum pn_code code = pn_config_read(arena, arguments->operands[0], &config, &err);
    if (code == PN_OK) {
        pn_config_warn(&config, warn, NULL);
        code = try_all_tls(&config, &err);
    }
    if (code == PN_OK) {
        printf("%s: valid, %u systems\n", arguments->operands[0], config.system_count);
    } else {
        fprintf(stderr, "%s: %s\n", err.where, err.text);
    }
    pn_arena_free(arena);
    return pn_command_exit(code);
}

static int reference(const struct pn_arguments *arguments, const struct pn_config *unused)
{
    (void)arguments;
    (void)unused;
    pn_config_print_reference(stdout);
    return PN_EXIT_DONE;
}

const struct pn_command pn_command_config_check = {
    .name = "config check",
    .operands = "FILE",
    .summary = "check a configuration file",
    .description = "Reads the file as every other command would, and loads the certificates that "
                   "it names. A fault is named with file, line and field; then the exit status is "
                   "1. What is allowed and unwise, as a listener that other machines reach without "
                   "TLS, is warned of.",
    .operand_min = 1,
    .operand_max = 1,
    .run = check,
};

const struct pn_command pn_command_config_reference = {
    .name = "config reference",
    .summary = "print every configuration key",
    .description = "Every key with its kind, default and meaning, in Markdown.",
    .run = reference,
};
