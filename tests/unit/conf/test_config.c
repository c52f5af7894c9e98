// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/config.h"

static struct pn_arena *arena;
static struct pn_err err;
static char path[64];

static int set_up(void **state)
{
    (void)state;
    arena = pn_arena_new(16 * 1024 * 1024);
    snprintf(path, sizeof path, "/tmp/punos-config-XXXXXX");
    int file = mkstemp(path);
    if (file >= 0) {
        close(file);
    }
    return arena == NULL || file < 0;
}

static int tear_down(void **state)
{
    (void)state;
    pn_arena_free(arena);
    return unlink(path);
}

static enum pn_code read_text(const char *text, struct pn_config *config)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    err = (struct pn_err){0};
    return pn_config_read(arena, path, config, &err);
}

static void an_empty_file_is_the_default(void **state)
{
    (void)state;
    struct pn_config config;
    assert_int_equal(read_text("", &config), PN_OK);
    assert_string_equal(config.data_dir, "/var/lib/punos");
    assert_int_equal(config.stream.kind, PN_STREAM_EMBEDDED);
    assert_int_equal(config.store.kind, PN_STORE_EMBEDDED);
    assert_string_equal(config.stream.topic_prefix, "punos.");
    assert_string_equal(config.api.listen, "127.0.0.1:8080");
    assert_int_equal(config.deliver.backoff_first_ms, 1000);
    assert_int_equal(config.system_count, 0);
    assert_true(strlen(config.adapters_dir) > 0);
    assert_false(config.log_json);
    assert_int_equal(pn_config_log_level(&config), PN_LOG_INFO);
}

static void reads_what_is_given(void **state)
{
    (void)state;
    struct pn_config config;
    assert_int_equal(read_text("data: /srv/punos\n"
                               "log: {level: debug, json: true}\n"
                               "stream: {kind: kafka, brokers: 'a:9092,b:9092', partitions: 12}\n"
                               "store:\n  kind: postgres\n  conninfo: host=db user=punos\n"
                               "api:\n"
                               "systems:\n"
                               "  - name: oberon-1\n    adapter: oberon\n    listen: '[::1]:2575'\n"
                               "    receipt_timeout_ms: 5000\n"
                               "  - {name: lifecare, deliver: 'http://127.0.0.1:1/plan'}\n",
                               &config),
                     PN_OK);
    assert_string_equal(config.data_dir, "/srv/punos");
    assert_int_equal(pn_config_log_level(&config), PN_LOG_DEBUG);
    assert_true(config.log_json);
    assert_int_equal(config.stream.kind, PN_STREAM_KAFKA);
    assert_string_equal(config.stream.brokers, "a:9092,b:9092");
    assert_int_equal(config.stream.partitions, 12);
    assert_int_equal(config.store.kind, PN_STORE_POSTGRES);
    assert_int_equal(config.system_count, 2);
    assert_string_equal(config.systems[0].adapter, "oberon");
    assert_string_equal(config.systems[0].listen, "[::1]:2575");
    assert_int_equal(config.systems[0].receipt_timeout_ms, 5000);
    assert_string_equal(config.systems[1].adapter, "lifecare");
    assert_int_equal(config.systems[1].receipt_timeout_ms, 30000);
    assert_string_equal(config.systems[1].listen, "");
}

static void refuses_with_file_line_and_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *says;
    } cases[] = {
        {"dta: /x\n", ":1 dta", "did you mean data?"},
        {"api:\n  lisen: x\n", ":2 api.lisen", "did you mean api.listen?"},
        {"system: []\n", ":1 system", "did you mean systems?"},
        {"zzzzzz: 1\n", ":1 zzzzzz", "punos config reference"},
        {"api.listen: x\n", ":1 api.listen", "no such key"},
        {"api: 3\n", ":1 api", "map"},
        {"api: {listen: nowhere}\n", ":1 api.listen", "host:port"},
        {"api: {listen: 'a:70000'}\n", ":1 api.listen", "65535"},
        {"stream: {partitions: 0}\n", ":1 stream.partitions", "from 1 to 1024"},
        {"stream: {partitions: 1x}\n", ":1 stream.partitions", "whole number"},
        {"stream: {kind: carrier}\n", ":1 stream.kind", "embedded kafka"},
        {"log: {level: loud}\n", ":1 log.level", "debug info warning error"},
        {"log: {json: 1}\n", ":1 log.json", "true or false"},
        {"data: [1]\n", ":1 data", "text"},
        {"[1]\n", ":1", "map"},
        {"systems: 3\n", ":1 systems", "list"},
        {"systems:\n - adapter: x\n", ":2 systems[0]", "needs a name"},
        {"systems:\n - name: A\n", ":2 systems[0].name", "small letters"},
        {"systems:\n - name: a\n - name: a\n", ":3 systems[1].name", "already"},
        {"systems:\n - name: a\n   lisen: x\n", ":3 systems[0].lisen", "did you mean listen?"},
        {"stream: {kind: kafka}\n", ":1 stream", "brokers"},
        {"store: {kind: postgres}\n", ":1 store", "conninfo"},
        {"store: {kind: postgres, conninfo: 'host=h password=p'}\n", ":1 store", "secrets"},
        {"api: {tls: {certificat: x}}\n", ":1 api.tls.certificat", "api.tls.certificate?"},
        {"api: {tls.key: x}\n", ":1 api.tls.key", "no such key"},
        {"api: {tls: x}\n", ":1 api.tls", "map"},
        {"api: {tls: {certificate: x}}\n", ":1 api.tls", "together"},
        {"ingest: {tls: {ca: x}}\n", ":1 ingest.tls", "needs a certificate"},
        {"systems:\n - name: a\n   tls: {key: x}\n", ":3 systems[0].tls", "together"},
        {"systems:\n - name: a\n   listen: 'b:1'\n   tls: {certificate: x, key: y, peer: z}\n",
         ":4 systems[0].tls", "peer needs ca"},
        {"systems:\n - name: a\n   tls: {peer: [[x]]}\n", ":3 systems[0].tls.peer[0]", "list of"},
        {"systems:\n - name: a\n   tls: {peer: x}\n", ":1 systems", "ingest.tls.ca"},
        {"deliver: {backoff_first_ms: 5000, backoff_max_ms: 50}\n", ":1 deliver", "more than"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(cases); i++) {
        struct pn_config config = {.data_dir = "untouched"};
        assert_int_equal(read_text(cases[i].text, &config), PN_INVALID);
        assert_string_equal(config.data_dir, "untouched");
        assert_memory_equal(err.where, path, strlen(path));
        assert_string_equal(err.where + strlen(path), cases[i].place);
        assert_non_null(strstr(err.text, cases[i].says));
    }
}

static void reads_tls(void **state)
{
    (void)state;
    struct pn_config config;
    const char *text = "api: {tls: {certificate: a.pem, key: a.key}}\n"
                       "systems:\n"
                       " - name: x\n"
                       "   listen: '0.0.0.0:1'\n"
                       "   tls:\n"
                       "     certificate: x.pem\n"
                       "     key: x.key\n"
                       "     ca: ca.pem\n"
                       "     peer: [x.example.fi, 'urn:example:x']\n"
                       " - name: y\n"
                       "   listen: '0.0.0.0:2'\n"
                       "   tls: {certificate: y.pem, key: y.key, ca: ca.pem, peer: one}\n"
                       " - name: z\n";
    assert_int_equal(read_text(text, &config), PN_OK);
    assert_string_equal(config.api.tls.key, "a.key");
    assert_string_equal(config.api.tls.ca, "");
    assert_true(pn_tls_conf_is_given(&config.api.tls));
    assert_false(pn_tls_conf_is_given(&config.ingest.tls));
    assert_string_equal(config.systems[0].tls.ca, "ca.pem");
    assert_int_equal(config.systems[0].peer.count, 2);
    assert_string_equal(config.systems[0].peer.items[1], "urn:example:x");
    assert_int_equal(config.systems[1].peer.count, 1);
    assert_string_equal(config.systems[1].peer.items[0], "one");
    assert_int_equal(config.systems[2].peer.count, 0);
    assert_false(pn_tls_conf_is_given(&config.systems[2].tls));
}

static void add_key(const char *key, const char *text, void *context)
{
    char *all = context;
    assert_true(strlen(text) > 20);
    snprintf(all + strlen(all), 256 - strlen(all), "%s ", key);
}

static void warns_of_listeners_that_others_reach(void **state)
{
    (void)state;
    static const struct {
        const char *text, *keys;
    } cases[] = {
        {"", ""},
        {"api: {listen: 'localhost:1'}\ningest: {http_listen: '[::1]:2'}\n", ""},
        {"api: {listen: '0.0.0.0:1'}\n", "api.listen "},
        {"api: {listen: '0.0.0.0:1', tls: {certificate: a, key: b}}\n", ""},
        {"ingest: {http_listen: 'hub.example.fi:1'}\n", "ingest.http_listen "},
        {"systems:\n - name: a\n   listen: '[::]:1'\n - name: b\n   listen: '127.0.0.1:2'\n",
         "systems[a].listen "},
        {"systems:\n - name: a\n   listen: '[::]:1'\n   tls: {certificate: a, key: b}\n",
         "systems[a].listen "},
        {"systems:\n - name: a\n   listen: '[::]:1'\n   tls: {certificate: a, key: b, ca: c}\n",
         ""},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(cases); i++) {
        struct pn_config config;
        char keys[256] = "";
        assert_int_equal(read_text(cases[i].text, &config), PN_OK);
        pn_config_warn(&config, add_key, keys);
        assert_string_equal(keys, cases[i].keys);
    }
}

static void too_many_systems(void **state)
{
    (void)state;
    static char text[4096];
    size_t len = (size_t)snprintf(text, sizeof text, "systems:\n");
    for (int i = 0; i <= PN_SYSTEMS_MAX; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, " - name: s%d\n", i);
    }
    struct pn_config config;
    assert_int_equal(read_text(text, &config), PN_INVALID);
    assert_non_null(strstr(err.text, "more than 64"));
}

static void the_default_file_says_the_defaults(void **state)
{
    (void)state;
    struct pn_config plain;
    struct pn_config given;
    pn_config_defaults(&plain);
    assert_int_equal(pn_config_read(arena, "config/punos.yaml", &given, &err), PN_OK);
    assert_string_equal(given.data_dir, plain.data_dir);
    assert_string_equal(given.log_level, plain.log_level);
    assert_string_equal(given.api.listen, plain.api.listen);
    assert_string_equal(given.ingest.http_listen, plain.ingest.http_listen);
    assert_int_equal(given.stream.partitions, plain.stream.partitions);
    assert_int_equal(given.api.page_size_max, plain.api.page_size_max);
    assert_int_equal(given.ingest.connections_max, plain.ingest.connections_max);
    assert_int_equal(given.deliver.backoff_first_ms, plain.deliver.backoff_first_ms);
    assert_int_equal(given.deliver.backoff_max_ms, plain.deliver.backoff_max_ms);
}

static char *read_stream(FILE *file, size_t *ret_len)
{
    static char text[2][128 * 1024];
    static unsigned which;
    char *into = text[which++ % 2];
    *ret_len = fread(into, 1, sizeof text[0], file);
    return into;
}

static void the_committed_reference_is_fresh(void **state)
{
    (void)state;
    FILE *printed = tmpfile();
    FILE *committed = fopen("config/reference.md", "r");
    assert_non_null(printed);
    assert_non_null(committed);
    pn_config_print_reference(printed);
    rewind(printed);
    size_t printed_len = 0;
    size_t committed_len = 0;
    const char *now = read_stream(printed, &printed_len);
    const char *then = read_stream(committed, &committed_len);
    fclose(printed);
    fclose(committed);
    // When this fails: build/punos config reference > config/reference.md
    assert_int_equal(printed_len, committed_len);
    assert_memory_equal(now, then, printed_len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_is_the_default),
        cmocka_unit_test(reads_what_is_given),
        cmocka_unit_test(refuses_with_file_line_and_field),
        cmocka_unit_test(reads_tls),
        cmocka_unit_test(warns_of_listeners_that_others_reach),
        cmocka_unit_test(too_many_systems),
        cmocka_unit_test(the_default_file_says_the_defaults),
        cmocka_unit_test(the_committed_reference_is_fresh),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
