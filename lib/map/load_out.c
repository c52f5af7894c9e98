// SPDX-License-Identifier: Apache-2.0
// One file of out/: how a plan becomes the system's own documents, and what its answers mean.
#include "map/compile.h"
#include "map/register.h"

enum { DOCUMENTS_MAX = 32, LOSSES_MAX = 64 };

static const struct {
    const char *name;
    enum pn_map_sink sink;
} sinks[] = {{"hl7v2", PN_SINK_HL7V2},
             {"xml", PN_SINK_XML},
             {"json", PN_SINK_JSON},
             {"text", PN_SINK_TEXT},
             {"fhir", PN_SINK_FHIR}};

static enum pn_code load_sink(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                              struct pn_map_document *document)
{
    const struct pn_yaml *format = pn_yaml_get(node, "format");
    const struct pn_yaml *detail = NULL;
    const struct pn_yaml *kind = pn_yaml_get(node, "register");
    document->register_kind = pn_map_register_find(pn_yaml_text(kind, ""));
    if (kind != NULL && document->register_kind == PN_REGISTER_ANY) {
        return pn_map_fault(compiler, kind, "one of patient, social");
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(sinks); i++) {
        if (!pn_slice_is(pn_yaml_text(format, ""), sinks[i].name)) {
            continue;
        }
        document->sink = sinks[i].sink;
        if (document->sink == PN_SINK_FHIR) {
            detail = pn_yaml_get(node, "resource");
            if (!pn_fhir_is_resource_type(pn_yaml_text(detail, ""))) {
                return pn_map_fault(compiler, detail == NULL ? node : detail,
                                    "`format: fhir` needs the `resource` type");
            }
            document->resource = detail->scalar.ptr;
        }
        if (document->sink == PN_SINK_XML) {
            detail = pn_yaml_get(node, "root");
            if (pn_yaml_text(detail, "").len == 0) {
                return pn_map_fault(compiler, node,
                                    "`format: xml` needs the `root` element's name");
            }
            document->root = detail->scalar.ptr;
        }
        return PN_OK;
    }
    return pn_map_fault(compiler, format == NULL ? node : format,
                        "one of hl7v2, xml, json, text, fhir");
}

static enum pn_code load_rows(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                              struct pn_map_document *document)
{
    enum pn_code code = pn_map_enter(compiler, node, &document->each);
    if (code == PN_OK) {
        code = pn_map_compile_condition(compiler, pn_yaml_get(node, "when"), &document->when);
    }
    compiler->sink = document->sink;
    compiler->resource = document->resource;
    compiler->target_prefix = "";
    if (code == PN_OK) {
        code = pn_map_compile_rows(compiler, pn_yaml_get(node, "rows"), &document->rows,
                                   &document->row_count);
    }
    if (code == PN_OK) {
        code = pn_map_compile_short(compiler, pn_yaml_get(node, "path"), &document->path);
    }
    if (code == PN_OK) {
        code = pn_map_compile_short(compiler, pn_yaml_get(node, "method"), &document->method);
    }
    if (code == PN_OK) {
        code = pn_map_compile_short(compiler, pn_yaml_get(node, "content_type"),
                                    &document->content_type);
    }
    if (code == PN_OK) {
        code =
            pn_map_compile_short(compiler, pn_yaml_get(node, "receipt_id"), &document->receipt_id);
    }
    if (code == PN_OK) {
        code = pn_map_compile_short(compiler, pn_yaml_get(node, "if_match"), &document->if_match);
    }
    if (code == PN_OK) {
        pn_map_leave(compiler, document->each);
    }
    return code;
}

static enum pn_code load_part(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                              struct pn_map_document *document)
{
    static const char *const keys[] = {"name", "format", "resource", "root",
                                       "when", "rows",   "register", NULL};
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    if (code != PN_OK) {
        return code;
    }
    const struct pn_yaml *name = pn_yaml_get(node, "name");
    if (pn_yaml_text(name, "").len == 0) {
        return pn_map_fault(compiler, node, "a part needs a `name`");
    }
    if (compiler->part_count == PN_MAP_PARTS_MAX) {
        return pn_map_fault(compiler, node, "over %d parts", PN_MAP_PARTS_MAX);
    }
    document->name = name->scalar.ptr;
    code = load_sink(compiler, node, document);
    if (code == PN_OK) {
        code = load_rows(compiler, node, document);
    }
    // Known to what follows, not to itself. A made part is read as lines, never copied.
    compiler->parts[compiler->part_count++] =
        (struct pn_map_part){.name = document->name, .format = PN_FORMAT_CSV};
    return code;
}

static enum pn_code load_document(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                  struct pn_map_document *document)
{
    static const char *const keys[] = {"format",     "resource", "root",     "when",
                                       "each",       "rows",     "path",     "content_type",
                                       "receipt_id", "method",   "register", "if_match",
                                       NULL};
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    if (code == PN_OK) {
        code = load_sink(compiler, node, document);
    }
    return code != PN_OK ? code : load_rows(compiler, node, document);
}

static enum pn_code load_list(struct pn_map_compiler *compiler, const struct pn_yaml *list,
                              enum pn_code (*load)(struct pn_map_compiler *, const struct pn_yaml *,
                                                   struct pn_map_document *),
                              struct pn_map_document *documents, unsigned *count)
{
    if (list != NULL && list->kind != PN_YAML_LIST) {
        return pn_map_fault(compiler, list, "a list");
    }
    const struct pn_yaml *node = list == NULL ? NULL : list->first_child;
    for (; node != NULL; node = node->next) {
        if (*count == DOCUMENTS_MAX) {
            return pn_map_fault(compiler, node, "over %d parts and documents", DOCUMENTS_MAX);
        }
        enum pn_code code = load(compiler, node, &documents[*count]);
        if (code != PN_OK) {
            return code;
        }
        (*count)++;
    }
    return PN_OK;
}

// How the names of receipt files end.
static enum pn_code read_ending(struct pn_map_compiler *compiler, const struct pn_yaml *node)
{
    struct pn_slice ending = pn_yaml_text(node, "");
    if (node == NULL) {
        return PN_OK;
    }
    if (ending.len < 2 || ending.ptr[0] != '.' || ending.len > PN_RECEIPT_ENDING_BYTES_MAX) {
        return pn_map_fault(compiler, node, "what follows a document's name, as .receipt.xml");
    }
    compiler->adapter->info.receipt_ending = pn_arena_copy(compiler->boot, ending);
    return compiler->adapter->info.receipt_ending == NULL ? pn_map_no_memory(compiler) : PN_OK;
}

static enum pn_code load_receipt(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                 struct pn_map_receipt *receipt)
{
    static const char *const keys[] = {"format",    "match", "accepted",  "try_again",
                                       "committed", "words", "remote_id", "file",
                                       NULL};
    if (node == NULL) {
        return PN_OK;
    }
    enum pn_code code = pn_map_check_keys(compiler, node, keys);
    const struct pn_yaml *format = pn_yaml_get(node, "format");
    compiler->format = PN_FORMAT_JSON;
    compiler->part_count = 0;
    receipt->has_body = format != NULL;
    if (code == PN_OK && format != NULL) {
        code = pn_map_compile_format(compiler, format, &receipt->format);
        compiler->format = receipt->format;
    }
    code = code == PN_OK ? read_ending(compiler, pn_yaml_get(node, "file")) : code;
    if (code == PN_OK && pn_yaml_get(node, "accepted") == NULL) {
        code = pn_map_fault(compiler, node, "`accepted` says when the system has taken it");
    }
    if (code == PN_OK) {
        code = pn_map_compile_short(compiler, pn_yaml_get(node, "match"), &receipt->match);
    }
    if (code == PN_OK) {
        code =
            pn_map_compile_condition(compiler, pn_yaml_get(node, "accepted"), &receipt->accepted);
    }
    if (code == PN_OK) {
        code =
            pn_map_compile_condition(compiler, pn_yaml_get(node, "try_again"), &receipt->try_again);
    }
    if (code == PN_OK) {
        code =
            pn_map_compile_condition(compiler, pn_yaml_get(node, "committed"), &receipt->committed);
    }
    if (code == PN_OK) {
        code = pn_map_compile_short(compiler, pn_yaml_get(node, "words"), &receipt->words);
    }
    if (code == PN_OK) {
        code = pn_map_compile_short(compiler, pn_yaml_get(node, "remote_id"), &receipt->remote_id);
    }
    receipt->has_match = pn_yaml_get(node, "match") != NULL;
    receipt->is_there = true;
    return code;
}

// `of` says which of the adapter's two sets of documents the file is.
static enum pn_code choose_file(struct pn_map_compiler *compiler, const struct pn_yaml *root,
                                struct pn_map_out_file **ret_file)
{
    static const char *const names[PN_OUT_OF_COUNT] = {"plan", "case"};
    const struct pn_yaml *of = pn_yaml_get(root, "of");
    for (unsigned i = 0; i < PN_OUT_OF_COUNT; i++) {
        if (!pn_slice_is(pn_yaml_text(of, "plan"), names[i])) {
            continue;
        }
        *ret_file = &compiler->adapter->outs[i];
        return (*ret_file)->documents == NULL
                   ? PN_OK
                   : pn_map_fault(compiler, of == NULL ? root : of,
                                  "another file says what goes out of a %s; shared rows stand in "
                                  "files _*.yaml",
                                  names[i]);
    }
    return pn_map_fault(compiler, of, "one of plan, case");
}

static enum pn_code load_reason(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                struct pn_loss_reason *reason)
{
    static const char *const languages[] = {"fi", "sv", "en", NULL};
    const char **const texts[] = {&reason->fi, &reason->sv, &reason->en};
    enum pn_code code = pn_map_check_keys(compiler, node, languages);
    for (size_t i = 0; code == PN_OK && languages[i] != NULL; i++) {
        struct pn_slice text = pn_yaml_text(pn_yaml_get(node, languages[i]), "");
        if (text.len == 0) {
            return pn_map_fault(compiler, node, "the reason in fi, sv and en");
        }
        *texts[i] = pn_arena_copy(compiler->boot, text);
        code = *texts[i] == NULL ? pn_map_no_memory(compiler) : PN_OK;
    }
    return code;
}

static enum pn_code load_losses(struct pn_map_compiler *compiler, const struct pn_yaml *list,
                                struct pn_map_out_file *out)
{
    static const char *const keys[] = {"path", "reason", NULL};
    if (list == NULL) {
        return PN_OK;
    }
    if (list->kind != PN_YAML_LIST || list->child_count > LOSSES_MAX) {
        return pn_map_fault(compiler, list, "a list of at most %d losses", LOSSES_MAX);
    }
    struct pn_map_loss *losses =
        pn_arena_alloc_array(compiler->boot, list->child_count + 1, sizeof *losses);
    if (losses == NULL) {
        return pn_map_no_memory(compiler);
    }
    out->losses = losses;
    for (const struct pn_yaml *node = list->first_child; node != NULL; node = node->next) {
        struct pn_map_loss *loss = &losses[out->loss_count];
        const struct pn_yaml *path = pn_yaml_get(node, "path");
        enum pn_code code = pn_map_check_keys(compiler, node, keys);
        if (code == PN_OK) {
            code = pn_map_compile_path(compiler, path == NULL ? node : path, pn_yaml_text(path, ""),
                                       &loss->path);
        }
        if (code == PN_OK) {
            code = load_reason(compiler, pn_yaml_get(node, "reason"), &loss->reason);
        }
        if (code != PN_OK) {
            return code;
        }
        out->loss_count++;
    }
    return PN_OK;
}

enum pn_code pn_map_load_out(struct pn_map_compiler *compiler, const struct pn_yaml *root)
{
    static const char *const keys[] = {"of", "parts", "documents", "receipt", "losses", NULL};
    struct pn_map_out_file *out = NULL;
    enum pn_code code = pn_map_check_keys(compiler, root, keys);
    if (code == PN_OK) {
        code = choose_file(compiler, root, &out);
    }
    if (code != PN_OK) {
        return code;
    }
    struct pn_map_document *documents =
        pn_arena_alloc_array(compiler->boot, DOCUMENTS_MAX, sizeof *documents);
    if (documents == NULL) {
        return pn_map_no_memory(compiler);
    }
    compiler->is_out = true;
    compiler->format = PN_FORMAT_JSON;
    compiler->part_count = 0;
    compiler->scope_count = 0;
    compiler->keys = NULL;
    code =
        load_list(compiler, pn_yaml_get(root, "parts"), load_part, documents, &out->document_count);
    if (code == PN_OK) {
        code = load_list(compiler, pn_yaml_get(root, "documents"), load_document, documents,
                         &out->document_count);
    }
    out->documents = documents;
    if (code == PN_OK) {
        compiler->part_count = 0;
        code = load_losses(compiler, pn_yaml_get(root, "losses"), out);
    }
    if (code == PN_OK) {
        code = load_receipt(compiler, pn_yaml_get(root, "receipt"), &out->receipt);
    }
    if (code == PN_OK && out->document_count == 0) {
        code = pn_map_fault(compiler, root, "`documents` says what goes out");
    }
    return code;
}
