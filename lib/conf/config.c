// SPDX-License-Identifier: Apache-2.0
#include "conf/config.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/near.h"
#include "base/words.h"
#include "conf/config_rows.h"
#include "conf/yaml.h"

enum { KEY_BYTES_MAX = 128, SYSTEM_NAME_BYTES_MAX = 40 };

struct reader {
    const char *name; // the file
    const struct pn_conf_table *table;
    void *target;
    struct pn_err *err;
};

// --- One value -----------------------------------------------------------------------------------

static bool is_listen(struct pn_slice text)
{
    if (text.len == 0) {
        return true;
    }
    const char *colon = memrchr(text.ptr, ':', text.len);
    if (colon == NULL || colon == text.ptr) {
        return false;
    }
    int64_t port = 0;
    size_t host_len = (size_t)(colon - text.ptr);
    return pn_slice_to_i64(pn_slice_of(colon + 1, text.len - host_len - 1), &port) && port >= 0 &&
           port <= 65535;
}

static bool is_name(struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '-' && i > 0);
        if (!good) {
            return false;
        }
    }
    return text.len > 0 && text.len <= SYSTEM_NAME_BYTES_MAX;
}

static int choice_of(const struct pn_conf_row *row, struct pn_slice text)
{
    for (int i = 0; row->choices[i] != NULL; i++) {
        if (pn_slice_is(text, row->choices[i])) {
            return i;
        }
    }
    return -1;
}

static bool set_number(const struct pn_conf_row *row, struct pn_slice text, void *place)
{
    int64_t value = 0;
    if (!pn_slice_to_i64(text, &value) || value < row->min || value > row->max) {
        return false;
    }
    memcpy(place, &value, sizeof value);
    return true;
}

static bool set_bool(struct pn_slice text, void *place)
{
    bool value = pn_slice_is(text, "true");
    if (!value && !pn_slice_is(text, "false")) {
        return false;
    }
    memcpy(place, &value, sizeof value);
    return true;
}

static bool set_choice(const struct pn_conf_row *row, struct pn_slice text, void *place)
{
    _Static_assert(sizeof(enum pn_stream_kind) == sizeof(int), "an enum is stored as an int");
    int value = choice_of(row, text);
    if (value >= 0) {
        memcpy(place, &value, sizeof value);
    }
    return value >= 0;
}

static bool add_name(struct pn_slice text, struct pn_conf_names *names)
{
    if (text.len == 0 || text.len > PN_CONF_TEXT_BYTES_MAX || names->count == PN_CONF_NAMES_MAX) {
        return false;
    }
    names->items[names->count++] = text.ptr;
    return true;
}

// `text` is NUL-terminated and lives as long as the configuration.
static bool set_value(const struct pn_conf_row *row, struct pn_slice text, void *target)
{
    void *place = (char *)target + row->offset;
    bool good = text.len <= PN_CONF_TEXT_BYTES_MAX;
    switch (row->type) {
    case PN_CONF_INT:
        return set_number(row, text, place);
    case PN_CONF_BOOL:
        return set_bool(text, place);
    case PN_CONF_CHOICE:
        return set_choice(row, text, place);
    case PN_CONF_WORD:
        good = choice_of(row, text) >= 0;
        break;
    case PN_CONF_LISTEN:
        good = good && is_listen(text);
        break;
    case PN_CONF_NAME:
        good = is_name(text);
        break;
    case PN_CONF_NAMES:
        return text.len == 0 || add_name(text, place);
    case PN_CONF_TEXT:
        break;
    }
    if (good) {
        memcpy(place, &text.ptr, sizeof text.ptr);
    }
    return good;
}

static enum pn_code refuse_value(const struct reader *reader, const struct pn_conf_row *row,
                                 const struct pn_yaml *node)
{
    char expected[PN_ERR_TEXT_BYTES] = "a text";
    size_t len = 0;
    switch (row->type) {
    case PN_CONF_INT:
        snprintf(expected, sizeof expected, "a whole number from %lld to %lld", (long long)row->min,
                 (long long)row->max);
        break;
    case PN_CONF_BOOL:
        snprintf(expected, sizeof expected, "true or false");
        break;
    case PN_CONF_LISTEN:
        snprintf(expected, sizeof expected, "host:port, the port from 0 to 65535");
        break;
    case PN_CONF_NAME:
        snprintf(expected, sizeof expected, "small letters, digits and hyphens, at most %d",
                 SYSTEM_NAME_BYTES_MAX);
        break;
    case PN_CONF_CHOICE:
    case PN_CONF_WORD:
        len = (size_t)snprintf(expected, sizeof expected, "one of:");
        for (int i = 0; row->choices[i] != NULL; i++) {
            len += (size_t)snprintf(expected + len, sizeof expected - len, " %s", row->choices[i]);
        }
        break;
    case PN_CONF_NAMES:
        snprintf(expected, sizeof expected, "a name or a list of at most %d names",
                 PN_CONF_NAMES_MAX);
        break;
    case PN_CONF_TEXT:
        snprintf(expected, sizeof expected, "a text of at most %d bytes", PN_CONF_TEXT_BYTES_MAX);
        break;
    }
    return pn_yaml_fault(reader->err, reader->name, node, "expected %s", expected);
}

// --- A map of them -------------------------------------------------------------------------------

static const struct pn_conf_row *find_row(const struct pn_conf_table *table, const char *key)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].key, key) == 0) {
            return &table->rows[i];
        }
    }
    return NULL;
}

static bool is_section(const struct pn_conf_table *table, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < table->count; i++) {
        if (strncmp(table->rows[i].key, key, len) == 0 && table->rows[i].key[len] == '.') {
            return true;
        }
    }
    return false;
}

static enum pn_code refuse_key(const struct reader *reader, const char *key,
                               const struct pn_yaml *node)
{
    struct pn_near near;
    pn_near_init(&near, pn_slice_str(key));
    for (size_t i = 0; i < reader->table->count; i++) {
        pn_near_offer(&near, reader->table->rows[i].key);
    }
    if (reader->table == &pn_conf_hub) {
        pn_near_offer(&near, "systems");
    }
    if (near.best == NULL) {
        return pn_yaml_fault(reader->err, reader->name, node,
                             "no such key; see punos config reference");
    }
    return pn_yaml_fault(reader->err, reader->name, node, "no such key; did you mean %s?",
                         near.best);
}

static enum pn_code read_names(const struct reader *reader, const struct pn_conf_row *row,
                               const struct pn_yaml *list)
{
    struct pn_conf_names *names = (void *)((char *)reader->target + row->offset);
    for (const struct pn_yaml *node = list->first_child; node != NULL; node = node->next) {
        if (node->kind != PN_YAML_SCALAR || !add_name(node->scalar, names)) {
            return refuse_value(reader, row, node);
        }
    }
    return PN_OK;
}

static enum pn_code read_value(const struct reader *reader, const struct pn_conf_row *row,
                               const struct pn_yaml *node)
{
    if (row->type == PN_CONF_NAMES && node->kind == PN_YAML_LIST) {
        return read_names(reader, row, node);
    }
    if (node->kind != PN_YAML_SCALAR) {
        return refuse_value(reader, row, node);
    }
    // A key with nothing behind it is a key that is not given.
    if (node->scalar.len == 0 && !node->is_quoted) {
        return PN_OK;
    }
    return set_value(row, node->scalar, reader->target) ? PN_OK : refuse_value(reader, row, node);
}

// `section` is what stands before the node's key, with its dot: "", "api.", "api.tls.". A dot
// inside a key as it is written is no section.
static enum pn_code read_key(const struct reader *reader, const char *section,
                             const struct pn_yaml *node)
{
    char key[KEY_BYTES_MAX];
    snprintf(key, sizeof key, "%s%.*s", section, (int)(node->key.len > 40 ? 40 : node->key.len),
             node->key.ptr);
    const struct pn_conf_row *row = find_row(reader->table, key);
    bool is_dotted = memchr(node->key.ptr, '.', node->key.len) != NULL;
    if (row != NULL && !is_dotted) {
        return read_value(reader, row, node);
    }
    if (is_dotted || !is_section(reader->table, key)) {
        return refuse_key(reader, key, node);
    }
    bool is_empty = node->kind == PN_YAML_SCALAR && node->scalar.len == 0;
    if (node->kind != PN_YAML_MAP) {
        return is_empty ? PN_OK
                        : pn_yaml_fault(reader->err, reader->name, node, "expected a map of keys");
    }
    char inner[KEY_BYTES_MAX + 1];
    snprintf(inner, sizeof inner, "%s.", key);
    enum pn_code code = PN_OK;
    const struct pn_yaml *child = node->first_child;
    for (; code == PN_OK && child != NULL; child = child->next) {
        code = read_key(reader, inner, child);
    }
    return code;
}

static void set_defaults(const struct pn_conf_table *table, void *target)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct pn_conf_row *row = &table->rows[i];
        if (row->type == PN_CONF_NAME) {
            memcpy((char *)target + row->offset, &row->otherwise, sizeof row->otherwise);
            continue;
        }
        bool good = set_value(row, pn_slice_str(row->otherwise), target);
        assert(good);
        (void)good;
    }
}

static enum pn_code check_tls(const struct reader *reader, const struct pn_tls_conf *tls,
                              const struct pn_yaml *node)
{
    if ((tls->certificate[0] == '\0') != (tls->key[0] == '\0')) {
        return pn_yaml_fault(reader->err, reader->name, node,
                             "certificate and key are given together");
    }
    return PN_OK;
}

// Of a listener: who asks its peers for certificates has one itself.
static enum pn_code check_listener_tls(const struct reader *reader, const struct pn_tls_conf *tls,
                                       const struct pn_yaml *node)
{
    if (tls->ca[0] != '\0' && tls->certificate[0] == '\0') {
        return pn_yaml_fault(reader->err, reader->name, node, "ca needs a certificate and key");
    }
    return check_tls(reader, tls, node);
}

// --- Systems -------------------------------------------------------------------------------------

static enum pn_code check_system(const struct reader *reader, const struct pn_config *config,
                                 const struct pn_yaml *node)
{
    struct pn_system_conf *system = reader->target;
    if (system->name[0] == '\0') {
        return pn_yaml_fault(reader->err, reader->name, node, "a system needs a name");
    }
    for (unsigned i = 0; i < config->system_count; i++) {
        if (strcmp(config->systems[i].name, system->name) == 0) {
            return pn_yaml_fault(reader->err, reader->name, pn_yaml_get(node, "name"),
                                 "another system has this name already");
        }
    }
    if (system->adapter[0] == '\0') {
        system->adapter = system->name;
    }
    const struct pn_yaml *tls = pn_yaml_get(node, "tls");
    if (system->listen[0] != '\0' && system->peer.count > 0 && system->tls.ca[0] == '\0') {
        return pn_yaml_fault(reader->err, reader->name, tls, "peer needs ca: who signs for them");
    }
    return system->listen[0] != '\0' ? check_listener_tls(reader, &system->tls, tls)
                                     : check_tls(reader, &system->tls, tls);
}

static enum pn_code read_system(const struct reader *outer, struct pn_config *config,
                                const struct pn_yaml *node)
{
    if (node->kind != PN_YAML_MAP) {
        return pn_yaml_fault(outer->err, outer->name, node, "expected a map of keys");
    }
    if (config->system_count == PN_SYSTEMS_MAX) {
        return pn_yaml_fault(outer->err, outer->name, node, "more than %d systems", PN_SYSTEMS_MAX);
    }
    struct pn_system_conf *system = &config->systems[config->system_count];
    struct reader reader = {
        .name = outer->name, .table = &pn_conf_system, .target = system, .err = outer->err};
    set_defaults(&pn_conf_system, system);
    enum pn_code code = PN_OK;
    const struct pn_yaml *child = node->first_child;
    for (; code == PN_OK && child != NULL; child = child->next) {
        code = read_key(&reader, "", child);
    }
    if (code == PN_OK) {
        code = check_system(&reader, config, node);
    }
    if (code == PN_OK) {
        config->system_count++;
    }
    return code;
}

static enum pn_code read_systems(const struct reader *reader, struct pn_config *config,
                                 const struct pn_yaml *list)
{
    if (list->kind == PN_YAML_SCALAR && list->scalar.len == 0) {
        return PN_OK;
    }
    if (list->kind != PN_YAML_LIST) {
        return pn_yaml_fault(reader->err, reader->name, list, "expected a list of systems");
    }
    enum pn_code code = PN_OK;
    const struct pn_yaml *node = list->first_child;
    for (; code == PN_OK && node != NULL; node = node->next) {
        code = read_system(reader, config, node);
    }
    return code;
}

// --- The whole -----------------------------------------------------------------------------------

static enum pn_code check_whole(const struct reader *reader, const struct pn_config *config,
                                const struct pn_yaml *root)
{
    if (config->stream.kind == PN_STREAM_KAFKA && config->stream.brokers[0] == '\0') {
        return pn_yaml_fault(reader->err, reader->name, pn_yaml_get(root, "stream"),
                             "kafka needs brokers");
    }
    if (config->store.kind == PN_STORE_POSTGRES && config->store.conninfo[0] == '\0') {
        return pn_yaml_fault(reader->err, reader->name, pn_yaml_get(root, "store"),
                             "postgres needs conninfo");
    }
    if (strstr(config->store.conninfo, "password") != NULL) {
        return pn_yaml_fault(reader->err, reader->name, pn_yaml_get(root, "store"),
                             "no secrets in this file; put the password in ~/.pgpass");
    }
    enum pn_code code = check_listener_tls(reader, &config->ingest.tls,
                                           pn_yaml_get(pn_yaml_get(root, "ingest"), "tls"));
    if (code == PN_OK) {
        code = check_listener_tls(reader, &config->api.tls,
                                  pn_yaml_get(pn_yaml_get(root, "api"), "tls"));
    }
    for (unsigned i = 0; code == PN_OK && i < config->system_count; i++) {
        const struct pn_system_conf *system = &config->systems[i];
        if (system->peer.count > 0 && system->listen[0] == '\0' &&
            config->ingest.tls.ca[0] == '\0') {
            code =
                pn_yaml_fault(reader->err, reader->name, pn_yaml_get(root, "systems"),
                              "%s: peer needs listen and tls.ca, or ingest.tls.ca", system->name);
        }
    }
    if (code != PN_OK) {
        return code;
    }
    if (config->deliver.backoff_first_ms > config->deliver.backoff_max_ms) {
        return pn_yaml_fault(reader->err, reader->name, pn_yaml_get(root, "deliver"),
                             "backoff_first_ms is more than backoff_max_ms");
    }
    return PN_OK;
}

enum pn_code pn_config_read(struct pn_arena *arena, const char *path, struct pn_config *ret_config,
                            struct pn_err *err)
{
    assert(arena != NULL && path != NULL && ret_config != NULL && err != NULL);
    const struct pn_yaml *root = NULL;
    enum pn_code code = pn_yaml_read_file(arena, path, &root, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_config *config = pn_arena_alloc(arena, sizeof *config);
    if (config == NULL) {
        return pn_err_set(err, PN_LIMIT, path, "the configuration needs more memory than it may");
    }
    struct reader reader = {.name = path, .table = &pn_conf_hub, .target = config, .err = err};
    pn_config_defaults(config);
    if (root->kind != PN_YAML_MAP) {
        return pn_yaml_fault(err, path, root, "expected a map of keys");
    }
    for (const struct pn_yaml *node = root->first_child; node != NULL; node = node->next) {
        code = pn_slice_is(node->key, "systems") ? read_systems(&reader, config, node)
                                                 : read_key(&reader, "", node);
        if (code != PN_OK) {
            return code;
        }
    }
    code = check_whole(&reader, config, root);
    if (code == PN_OK) {
        *ret_config = *config;
    }
    return code;
}

// The first of the program's own places where `name` is; otherwise where an installation has it.
static const char *beside_program(const char *name, const char *installed,
                                  char place[static PATH_MAX])
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) {
        return name;
    }
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL) {
        return name;
    }
    *slash = '\0';
    const char *const places[] = {name, installed};
    for (size_t i = 0; i < PN_ARRAY_COUNT(places); i++) {
        int made = snprintf(place, PATH_MAX, "%s/../%s", program, places[i]);
        if (made > 0 && made < PATH_MAX && access(place, F_OK) == 0) {
            return place;
        }
    }
    return name;
}

void pn_config_defaults(struct pn_config *config)
{
    static char adapters[PATH_MAX];
    static char rules[PATH_MAX];
    static char codes[PATH_MAX];
    static char teams[PATH_MAX];
    assert(config != NULL);
    *config = (struct pn_config){0};
    set_defaults(&pn_conf_hub, config);
    const char *named = getenv("PUNOS_ADAPTERS");
    config->adapters_dir = named != NULL && named[0] != '\0'
                               ? named
                               : beside_program("adapters", "share/punos/adapters", adapters);
    config->rules_file =
        beside_program("config/rules/start.yaml", "share/punos/config/rules/start.yaml", rules);
    const char *beside =
        beside_program("config/teams.yaml", "share/punos/config/teams.yaml", teams);
    config->teams_file = beside == teams ? teams : "";
    config->codes_dir = beside_program("config/codes", "share/punos/config/codes", codes);
}

enum pn_log_level pn_config_log_level(const struct pn_config *config)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    unsigned found = pn_words_find(names, PN_ARRAY_COUNT(names), pn_slice_str(config->log_level));
    return found < PN_ARRAY_COUNT(names) ? (enum pn_log_level)found : PN_LOG_INFO;
}

// --- Reference -----------------------------------------------------------------------------------

static void print_type(FILE *out, const struct pn_conf_row *row)
{
    static const char *const names[] = {[PN_CONF_TEXT] = "text",
                                        [PN_CONF_NAME] = "name",
                                        [PN_CONF_LISTEN] = "host:port",
                                        [PN_CONF_INT] = "number",
                                        [PN_CONF_BOOL] = "true or false",
                                        [PN_CONF_CHOICE] = "",
                                        [PN_CONF_WORD] = "",
                                        [PN_CONF_NAMES] = "name or list of names"};
    fprintf(out, "%s", names[row->type]);
    if (row->type == PN_CONF_INT) {
        fprintf(out, ", %lld to %lld", (long long)row->min, (long long)row->max);
    }
    for (int i = 0; row->choices[i] != NULL; i++) {
        fprintf(out, "%s%s", i == 0 ? "" : ", ", row->choices[i]);
    }
}

static void print_table(FILE *out, const struct pn_conf_table *table)
{
    fprintf(out, "| key | value | default | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < table->count; i++) {
        const struct pn_conf_row *row = &table->rows[i];
        fprintf(out, "| `%s` | ", row->key);
        print_type(out, row);
        const char *tick = row->otherwise[0] == '\0' ? "" : "`";
        fprintf(out, " | %s%s%s | %s |\n", tick, row->otherwise, tick, row->help);
    }
}

void pn_config_print_reference(FILE *out)
{
    fprintf(out,
            "# Configuration reference\n\n"
            "Printed by `punos config reference` from the table that reads the file; a test keeps "
            "this copy fresh.\n\n"
            "One YAML file, given to every command as `--config FILE`. Every key has a default; an "
            "empty file is valid and means one machine with everything embedded. Unknown keys are "
            "refused. A key written `a.b` here stands as `b` in the map `a`. Secrets never stand "
            "in the file.\n\n"
            "## The hub\n\n");
    print_table(out, &pn_conf_hub);
    fprintf(out, "\n## Connected systems\n\nEach item of the list `systems`, at most %d:\n\n",
            PN_SYSTEMS_MAX);
    print_table(out, &pn_conf_system);
}
