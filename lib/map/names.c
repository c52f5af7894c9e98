// SPDX-License-Identifier: Apache-2.0
// The names by which resources of one message refer to each other and to its persons.
#include <string.h>

#include "map/run.h"

enum { KNOWN_MAX = 20000, FIRST_ROOM = 16 };

static enum pn_code no_memory(struct pn_err *err)
{
    return pn_err_set(err, PN_MEMORY, "", "the message needs too much memory");
}

static enum pn_code add(struct pn_map_run *run, struct pn_map_known known, struct pn_err *err)
{
    unsigned count = run->known_count;
    if (count == KNOWN_MAX) {
        return pn_err_set(err, PN_LIMIT, "known_as", "over %d names in one message", KNOWN_MAX);
    }
    if (count == 0 || (count >= FIRST_ROOM && (count & (count - 1)) == 0)) {
        unsigned room = count == 0 ? FIRST_ROOM : count * 2;
        struct pn_map_known *more = pn_arena_alloc_array(run->arena, room, sizeof *more);
        if (more == NULL) {
            return no_memory(err);
        }
        if (count > 0) {
            memcpy(more, run->known, count * sizeof *more);
        }
        run->known = more;
    }
    run->known[run->known_count++] = known;
    return PN_OK;
}

const struct pn_map_known *pn_map_known_find(const struct pn_map_run *run, struct pn_slice text,
                                             bool is_resource)
{
    for (unsigned i = 0; text.len > 0 && i < run->known_count; i++) {
        const struct pn_map_known *known = &run->known[i];
        if ((known->reference != NULL) == is_resource && pn_slice_eq(known->text, text)) {
            return known;
        }
    }
    return NULL;
}

// What to do with each name: keep it, or look for it (`found` ends the search).
struct visit {
    bool keeps;
    struct pn_map_known kept;
    bool is_resource;
    const struct pn_map_known *found;
};

static enum pn_code visit_text(struct pn_map_run *run, const struct pn_map_name *name,
                               struct visit *visit, struct pn_err *err)
{
    struct pn_slice text = pn_map_template_text(run, name->text);
    if (text.len == 0) {
        return PN_OK;
    }
    if (!visit->keeps) {
        visit->found = pn_map_known_find(run, text, visit->is_resource);
        return PN_OK;
    }
    visit->kept.text = text;
    return add(run, visit->kept, err);
}

static enum pn_code visit_name(struct pn_map_run *run, const struct pn_map_name *name,
                               struct visit *visit, struct pn_err *err)
{
    const struct pn_node *const *items = NULL;
    unsigned count = 0;
    if (name->each == NULL) {
        return visit_text(run, name, visit, err);
    }
    enum pn_code code = pn_map_find_all(run, name->each, &items, &count, err);
    for (unsigned i = 0; code == PN_OK && visit->found == NULL && i < count; i++) {
        code = pn_map_push(run, items[i], i + 1, err);
        if (code == PN_OK) {
            code = visit_text(run, name, visit, err);
            pn_map_pop(run);
        }
    }
    return code;
}

static enum pn_code visit_names(struct pn_map_run *run, const struct pn_map_names *names,
                                struct visit *visit, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (unsigned i = 0; code == PN_OK && visit->found == NULL && i < names->count; i++) {
        code = visit_name(run, &names->items[i], visit, err);
    }
    return code;
}

enum pn_code pn_map_names_keep(struct pn_map_run *run, const struct pn_map_names *names, int person,
                               const char *reference, struct pn_err *err)
{
    struct visit visit = {.keeps = true, .kept = {.person = person, .reference = reference}};
    return visit_names(run, names, &visit, err);
}

enum pn_code pn_map_names_find(struct pn_map_run *run, const struct pn_map_names *names,
                               bool is_resource, const struct pn_map_known **ret_known,
                               struct pn_err *err)
{
    struct visit visit = {.is_resource = is_resource};
    enum pn_code code = visit_names(run, names, &visit, err);
    if (code == PN_OK) {
        *ret_known = visit.found;
    }
    return code;
}
