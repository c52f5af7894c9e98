// SPDX-License-Identifier: Apache-2.0
// An adapter's folder → struct pn_adapter.
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "event/vocabulary.h"
#include "map/compile.h"
#include "map/register.h"
#include "map/table.h"

enum { SPLIT_NAMES_MAX = 64 };

static const char *const adapter_keys[] = {"name", "title",   "sector", "register",
                                           "zone", "charset", "in",     "unwrap",
                                           "out",  "library", "peer",   NULL};

// --- adapter.yaml --------------------------------------------------------------------------------

static enum pn_code read_transport(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                   enum pn_transport *ret_transport)
{
    static const struct {
        const char *name;
        enum pn_transport transport;
    } transports[] = {{"mllp", PN_TRANSPORT_MLLP},
                      {"http", PN_TRANSPORT_HTTP},
                      {"drop", PN_TRANSPORT_DROP},
                      {"poll", PN_TRANSPORT_POLL},
                      {"none", PN_TRANSPORT_NONE}};
    for (size_t i = 0; i < PN_ARRAY_COUNT(transports); i++) {
        if (pn_slice_is(pn_yaml_text(node, ""), transports[i].name)) {
            *ret_transport = transports[i].transport;
            return PN_OK;
        }
    }
    return pn_map_fault(compiler, node, "one of mllp, http, drop, poll");
}

// `entries: alone`: each entry of a Bundle that says so is a message of its own.
static enum pn_code read_entries(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 enum pn_transport transport)
{
    const struct pn_yaml *entries = pn_yaml_get(node, "entries");
    if (entries == NULL) {
        return PN_OK;
    }
    if (transport != PN_TRANSPORT_HTTP || !pn_slice_is(pn_yaml_text(entries, ""), "alone")) {
        return pn_map_fault(compiler, entries, "`alone`, of FHIR Bundles over http");
    }
    compiler->adapter->info.has_entries_alone = true;
    return PN_OK;
}

static enum pn_code read_names(struct pn_map_compiler *compiler, const struct pn_yaml *list,
                               const char *const **ret_names, unsigned *ret_count)
{
    const struct pn_slice *texts = NULL;
    unsigned count = 0;
    enum pn_code code = pn_map_texts(compiler, list, SPLIT_NAMES_MAX, &texts, &count);
    const char **names =
        code != PN_OK ? NULL : pn_arena_alloc_array(compiler->boot, count + 1, sizeof *names);
    if (code == PN_OK && names == NULL) {
        code = pn_map_no_memory(compiler);
    }
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        names[i] = pn_arena_copy(compiler->boot, texts[i]);
        code = names[i] == NULL ? pn_map_no_memory(compiler) : PN_OK;
    }
    if (code == PN_OK) {
        *ret_names = names;
        *ret_count = count;
    }
    return code;
}

// A file that is a list of messages.
static enum pn_code read_split(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                               struct pn_map_intake *intake)
{
    const struct pn_yaml *root = pn_yaml_get(node, "root");
    struct pn_split_options *split = &intake->split;
    bool can_be = intake->transport == PN_TRANSPORT_DROP &&
                  (intake->format == PN_FORMAT_CSV || intake->format == PN_FORMAT_XML);
    intake->is_split = pn_slice_is(pn_yaml_text(pn_yaml_get(node, "split"), ""), "true");
    if (intake->is_split && !can_be) {
        return pn_map_fault(compiler, node, "only a dropped csv or xml file can be split");
    }
    split->format = intake->format;
    split->root = root == NULL ? NULL : pn_arena_copy(compiler->boot, pn_yaml_text(root, ""));
    enum pn_code code =
        read_names(compiler, pn_yaml_get(node, "columns"), &split->columns, &split->column_count);
    return code != PN_OK ? code
                         : read_names(compiler, pn_yaml_get(node, "common"), &split->common,
                                      &split->common_count);
}

static enum pn_code read_intake(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                struct pn_map_intake *intake)
{
    static const char *const keys[] = {"transport", "format",  "file",      "entries", "resources",
                                       "page_size", "every_s", "overlap_s", "split",   "root",
                                       "columns",   "common",  NULL};
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    if (code == PN_OK) {
        code = read_transport(compiler, pn_yaml_get(node, "transport"), &intake->transport);
    }
    code = code == PN_OK ? pn_map_load_poll(compiler, node, &compiler->adapter->info.poll) : code;
    code = code == PN_OK ? read_entries(compiler, node, intake->transport) : code;
    if (code != PN_OK) {
        return code;
    }
    const struct pn_yaml *format = pn_yaml_get(node, "format");
    intake->file_suffix = pn_yaml_text(pn_yaml_get(node, "file"), "").ptr;
    code = pn_map_compile_format(compiler, format == NULL ? node : format, &intake->format);
    return code == PN_OK ? read_split(compiler, node, intake) : code;
}

static enum pn_code read_intakes(struct pn_map_compiler *compiler, const struct pn_yaml *list)
{
    struct pn_adapter *adapter = compiler->adapter;
    struct pn_adapter_info *info = &adapter->info;
    if (list == NULL) {
        return PN_OK;
    }
    if (list->kind != PN_YAML_LIST || list->child_count > PN_ARRAY_COUNT(adapter->intakes)) {
        return pn_map_fault(compiler, list, "a list of one to three ways in");
    }
    for (const struct pn_yaml *node = list->first_child; node != NULL; node = node->next) {
        struct pn_map_intake *intake = &adapter->intakes[info->in_count];
        enum pn_code code = read_intake(compiler, node, intake);
        if (code != PN_OK) {
            return code;
        }
        info->in[info->in_count++] = intake->transport;
    }
    return PN_OK;
}

static enum pn_code read_wraps(struct pn_map_compiler *compiler, const struct pn_yaml *list)
{
    static const char *const keys[] = {"from", "base64", NULL};
    struct pn_adapter *adapter = compiler->adapter;
    if (list == NULL) {
        return PN_OK;
    }
    if (list->kind != PN_YAML_LIST || list->child_count > PN_MAP_WRAPS_MAX) {
        return pn_map_fault(compiler, list, "a list of at most %d places", PN_MAP_WRAPS_MAX);
    }
    struct pn_map_part *wraps =
        pn_arena_alloc_array(compiler->boot, PN_MAP_WRAPS_MAX, sizeof *wraps);
    if (wraps == NULL) {
        return pn_map_no_memory(compiler);
    }
    adapter->wraps = wraps;
    compiler->format = adapter->intakes[0].format;
    for (const struct pn_yaml *node = list->first_child; node != NULL; node = node->next) {
        struct pn_map_part *wrap = &wraps[adapter->wrap_count++];
        const struct pn_yaml *from = pn_yaml_get(node, "from");
        enum pn_code code = pn_map_check_keys(compiler, node, keys);
        if (code == PN_OK) {
            code = pn_map_compile_path(compiler, from == NULL ? node : from, pn_yaml_text(from, ""),
                                       &wrap->from);
        }
        if (code != PN_OK) {
            return code;
        }
        wrap->is_base64 = pn_slice_is(pn_yaml_text(pn_yaml_get(node, "base64"), "false"), "true");
        wrap->format = compiler->format;
    }
    return PN_OK;
}

const char *pn_map_sector_find(struct pn_slice name)
{
    enum pn_sector sector = pn_sector_parse(name);
    return sector == PN_SECTOR_UNKNOWN ? NULL : pn_sector_name(sector);
}

static enum pn_code check_sector(struct pn_map_compiler *compiler, const struct pn_yaml *root)
{
    const struct pn_yaml *sector = pn_yaml_get(root, "sector");
    compiler->adapter->info.sector = pn_map_sector_find(pn_yaml_text(sector, ""));
    if (compiler->adapter->info.sector != NULL) {
        return PN_OK;
    }
    return pn_map_fault(compiler, sector == NULL ? root : sector,
                        "`sector` is one of primary, specialist, social, national");
}

// Libraries are folders beside the adapter's: `library: hl7v2` is ../_hl7v2.
static enum pn_code read_libraries(struct pn_map_compiler *compiler, const struct pn_yaml *node)
{
    struct pn_adapter *adapter = compiler->adapter;
    const struct pn_slice *names = NULL;
    enum pn_code code =
        pn_map_texts(compiler, node, PN_MAP_LIBRARIES_MAX, &names, &adapter->library_count);
    for (unsigned i = 0; code == PN_OK && i < adapter->library_count; i++) {
        if (!pn_map_table_name_is_valid(names[i])) {
            return pn_map_fault(compiler, node, "small letters, digits and - in a library's name");
        }
        adapter->libraries[i] = pn_arena_copy(compiler->boot, names[i]);
        const char *path = pn_arena_printf(compiler->boot, "%s/../_%.*s", compiler->folder,
                                           PN_SLICE_FMT(names[i]));
        if (adapter->libraries[i] == NULL || path == NULL) {
            return pn_map_no_memory(compiler);
        }
        if (access(path, R_OK | X_OK) != 0) {
            return pn_map_fault(compiler, node, "no library: no folder _%s beside this one",
                                adapter->libraries[i]);
        }
    }
    return code;
}

static enum pn_code read_peers(struct pn_map_compiler *compiler, const struct pn_yaml *node)
{
    struct pn_conf_names *peer = &compiler->adapter->info.peer;
    const struct pn_slice *names = NULL;
    unsigned count = 0;
    enum pn_code code = pn_map_texts(compiler, node, PN_CONF_NAMES_MAX, &names, &count);
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        peer->items[peer->count++] = names[i].ptr; // a scalar ends with a NUL
    }
    return code;
}

static enum pn_code read_info(struct pn_map_compiler *compiler, const struct pn_yaml *root)
{
    struct pn_adapter_info *info = &compiler->adapter->info;
    enum pn_code code = pn_map_check_keys(compiler, root, adapter_keys);
    if (code == PN_OK) {
        code = check_sector(compiler, root);
    }
    if (code != PN_OK) {
        return code;
    }
    const struct pn_yaml *name = pn_yaml_get(root, "name");
    if (pn_yaml_text(name, "").len == 0) {
        return pn_map_fault(compiler, root, "`name` is needed: the folder's name");
    }
    const struct pn_yaml *zone = pn_yaml_get(root, "zone");
    info->name = name->scalar.ptr;
    compiler->adapter->register_kind =
        pn_map_register_find(pn_yaml_text(pn_yaml_get(root, "register"), ""));
    info->zone = pn_yaml_text(zone, "Europe/Helsinki").ptr;
    info->charset = pn_yaml_text(pn_yaml_get(root, "charset"), "UTF-8").ptr;
    struct pn_civil civil = {.year = 2026, .month = 1, .day = 1, .hour = 0};
    int minutes = 0;
    if (!pn_zone_offset(info->zone, &civil, &minutes)) {
        return pn_map_fault(compiler, zone, "no time zone of that name, as Europe/Helsinki");
    }
    code = read_intakes(compiler, pn_yaml_get(root, "in"));
    if (code == PN_OK) {
        code = read_libraries(compiler, pn_yaml_get(root, "library"));
    }
    if (code == PN_OK) {
        code = read_peers(compiler, pn_yaml_get(root, "peer"));
    }
    if (code == PN_OK) {
        code = read_wraps(compiler, pn_yaml_get(root, "unwrap"));
    }
    const struct pn_yaml *out = pn_yaml_get(root, "out");
    code = code == PN_OK && out != NULL ? read_transport(compiler, out, &info->out) : code;
    return code == PN_OK && info->out == PN_TRANSPORT_POLL
               ? pn_map_fault(compiler, out, "one of mllp, http, drop, none")
               : code;
}

// --- Files ---------------------------------------------------------------------------------------

static enum pn_code load_file(struct pn_map_compiler *compiler, const char *folder,
                              const char *name, struct pn_map_in *ret_in)
{
    const char *file = pn_arena_printf(compiler->boot, "%s/%s", folder, name);
    const struct pn_yaml *root = NULL;
    if (file == NULL) {
        return pn_map_no_memory(compiler);
    }
    enum pn_code code = pn_map_read_yaml(compiler, file, &root);
    if (code != PN_OK) {
        return code;
    }
    return ret_in != NULL ? pn_map_load_in(compiler, root, ret_in)
                          : pn_map_load_out(compiler, root);
}

static enum pn_code load_ins(struct pn_map_compiler *compiler)
{
    const char *names[PN_MAP_FILES_MAX];
    unsigned count = 0;
    enum pn_code code = pn_map_list_files(compiler, "in", names, &count);
    if (code == PN_OK) {
        code = pn_map_load_shared(compiler, "in", names, count);
    }
    struct pn_map_in *ins = pn_arena_alloc_array(compiler->boot, count + 1, sizeof *ins);
    if (ins == NULL) {
        return pn_map_no_memory(compiler);
    }
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        if (names[i][0] != '_') {
            code = load_file(compiler, "in", names[i], &ins[compiler->adapter->in_count]);
            compiler->adapter->in_count += code == PN_OK ? 1 : 0;
        }
    }
    compiler->adapter->ins = ins;
    return code;
}

static enum pn_code load_outs(struct pn_map_compiler *compiler)
{
    const char *names[PN_MAP_FILES_MAX];
    unsigned count = 0;
    enum pn_code code = pn_map_list_files(compiler, "out", names, &count);
    if (code == PN_OK) {
        code = pn_map_load_shared(compiler, "out", names, count);
    }
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        if (names[i][0] != '_') {
            code = load_file(compiler, "out", names[i], NULL);
        }
    }
    struct pn_map_out_file *outs = compiler->adapter->outs;
    if (!outs[PN_OUT_CASE].receipt.is_there) {
        outs[PN_OUT_CASE].receipt = outs[PN_OUT_PLAN].receipt;
    }
    bool wants = compiler->adapter->info.out != PN_TRANSPORT_NONE;
    if (code == PN_OK && wants && outs[PN_OUT_PLAN].document_count == 0 &&
        outs[PN_OUT_CASE].document_count == 0) {
        return pn_err_set(compiler->err, PN_INVALID, "adapter.yaml out",
                          "names a way out, but out/ has no mapping");
    }
    return code;
}

static enum pn_code load_all(struct pn_map_compiler *compiler)
{
    const struct pn_yaml *root = NULL;
    enum pn_code code = pn_map_read_yaml(compiler, "adapter.yaml", &root);
    if (code == PN_OK) {
        code = read_info(compiler, root);
    }
    if (code == PN_OK) {
        code = load_ins(compiler);
    }
    if (code == PN_OK) {
        code = load_outs(compiler);
    }
    return code;
}

enum pn_code pn_map_adapter_load(struct pn_arena *boot, const char *folder,
                                 const char *const *national, struct pn_adapter **ret_adapter,
                                 struct pn_err *err)
{
    struct pn_adapter *adapter = pn_arena_alloc(boot, sizeof *adapter);
    struct pn_map_compiler *compiler = pn_arena_alloc(boot, sizeof *compiler);
    struct pn_map_place *places = pn_arena_alloc_array(boot, PN_MAP_ROWS_MAX, sizeof *places);
    if (adapter == NULL || compiler == NULL || places == NULL) {
        return pn_err_set(err, PN_MEMORY, folder, "no memory for the adapter");
    }
    *compiler = (struct pn_map_compiler){.boot = boot,
                                         .adapter = adapter,
                                         .folder = folder,
                                         .national = national,
                                         .file = "adapter.yaml",
                                         .err = err,
                                         .target_prefix = "",
                                         .places = places};
    adapter->folder = folder;
    enum pn_code code = load_all(compiler);
    adapter->places = compiler->places;
    adapter->place_count = compiler->place_count;
    if (code == PN_OK) {
        *ret_adapter = adapter;
    }
    return code;
}

bool pn_adapter_takes(const struct pn_adapter *adapter, enum pn_out_of of)
{
    return adapter->outs[of].document_count > 0;
}

const struct pn_adapter_info *pn_adapter_info(const struct pn_adapter *adapter)
{
    return &adapter->info;
}

unsigned pn_adapter_row_count(const struct pn_adapter *adapter)
{
    return adapter->place_count;
}

struct pn_adapter_row pn_adapter_row(const struct pn_adapter *adapter, unsigned number)
{
    const struct pn_map_place *place = &adapter->places[number];
    return (struct pn_adapter_row){.file = place->file,
                                   .line = place->node->line,
                                   .is_library = strncmp(place->file, "../", 3) == 0};
}

void pn_adapter_watch(struct pn_adapter *adapter, unsigned char *hits)
{
    adapter->hits = hits;
}
