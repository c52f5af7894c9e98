// SPDX-License-Identifier: Apache-2.0
// Finding nodes in a message's tree by compiled paths.
#include "base/ids.h"
#include "map/register.h"
#include "map/watch.h"

// What a walk does with each match; false ends the walk.
struct walk {
    const struct pn_map_run *run;
    const struct pn_map_path *path;
    bool (*found)(struct walk *walk, const struct pn_node *node);
    const struct pn_node *first;
    const struct pn_node **nodes;
    unsigned count;
};

static bool walk_step(struct walk *walk, const struct pn_node *node, unsigned step);
static bool walk_path(struct walk *walk, const struct pn_node *start);

static bool keep_first(struct walk *walk, const struct pn_node *node)
{
    walk->first = node;
    return false;
}

static bool is_hl7_null(struct pn_slice text)
{
    return text.len == 2 && text.ptr[0] == '"' && text.ptr[1] == '"';
}

static struct pn_slice clean(struct pn_slice text)
{
    struct pn_slice trimmed = pn_slice_trim(text);
    return is_hl7_null(trimmed) ? (struct pn_slice){0} : trimmed;
}

static bool filter_value_matches(const struct pn_map_run *run, const struct pn_map_filter *filter,
                                 const struct pn_node *node)
{
    struct walk inner = {.run = run, .path = filter->path, .found = keep_first};
    walk_path(&inner, node);
    const struct pn_node *found = inner.first;
    bool holds = found != NULL &&
                 (filter->asks_presence ? clean(found->value).len > 0 || found->first_child != NULL
                                        : pn_slice_eq(clean(found->value), filter->value));
    if (pn_map_is_watched(run) && found != NULL) {
        pn_map_watch_filter(run, filter, found, holds != filter->is_not);
    }
    return holds != filter->is_not;
}

// `places` counts, for each filter that is a place, how many nodes came so far.
static bool filters_pass(const struct pn_map_run *run, const struct pn_map_step *step,
                         const struct pn_node *node, unsigned *places)
{
    for (unsigned i = 0; i < step->filter_count; i++) {
        const struct pn_map_filter *filter = &step->filters[i];
        if (filter->path != NULL) {
            if (!filter_value_matches(run, filter, node)) {
                return false;
            }
        } else if (++places[i] != filter->place) {
            return false;
        }
    }
    return true;
}

enum { FILTERS_MAX = 4 };

static bool walk_named(struct walk *walk, const struct pn_node *first, unsigned step,
                       struct pn_slice stop_at)
{
    const struct pn_map_step *at = &walk->path->steps[step];
    unsigned places[FILTERS_MAX] = {0};
    for (const struct pn_node *node = first; node != NULL; node = node->next) {
        if (stop_at.len > 0 && pn_slice_eq(node->name, stop_at)) {
            break;
        }
        if (at->kind == PN_STEP_NAME && !pn_slice_eq(node->name, at->name)) {
            continue;
        }
        if (pn_map_register_hides(walk->run->register_kind, node)) {
            continue;
        }
        if (filters_pass(walk->run, at, node, places) && !walk_step(walk, node, step + 1)) {
            return false;
        }
    }
    return true;
}

// A field without components is its own first component (HL7 v2.5 2.5.3), and so on down.
static bool is_itself(const struct walk *walk, const struct pn_node *node,
                      const struct pn_map_step *step)
{
    return walk->path->is_hl7 && node->first_child == NULL && step->kind == PN_STEP_NAME &&
           pn_slice_is(step->name, "1");
}

// False when the walk is over.
static bool walk_step(struct walk *walk, const struct pn_node *node, unsigned step)
{
    if (step == walk->path->step_count) {
        return walk->found(walk, node);
    }
    const struct pn_map_step *at = &walk->path->steps[step];
    if (at->kind == PN_STEP_SELF || is_itself(walk, node, at)) {
        return walk_step(walk, node, step + 1);
    }
    if (at->kind == PN_STEP_PARENT) {
        return node->parent == NULL || walk_step(walk, node->parent, step + 1);
    }
    return walk_named(walk, node->first_child, step, (struct pn_slice){0});
}

static bool walk_path(struct walk *walk, const struct pn_node *start)
{
    if (start == NULL) {
        return true;
    }
    if (walk->path->starts_at_root && walk->path->step_count > 0) {
        return walk_named(walk, start, 0, (struct pn_slice){0});
    }
    return walk_step(walk, start, 0);
}

// What a segment stands under is the last segment of that name before it.
static void walk_before(struct walk *walk, const struct pn_node *item)
{
    const struct pn_node *last = NULL;
    const struct pn_node *node = item->parent == NULL ? item : item->parent->first_child;
    for (; node != NULL && node != item; node = node->next) {
        last = pn_slice_eq(node->name, walk->path->steps[0].name) ? node : last;
    }
    if (last != NULL) {
        walk_step(walk, last, 1);
    }
}

static void walk_from_root(struct walk *walk)
{
    const struct pn_map_run *run = walk->run;
    const struct pn_map_path *path = walk->path;
    switch (path->root) {
    case PN_ROOT_MESSAGE:
        walk_path(walk, run->root);
        break;
    case PN_ROOT_SCOPE:
        walk_path(walk, run->scopes[path->root_index]);
        break;
    case PN_ROOT_GROUP: {
        const struct pn_node *head = run->scopes[path->root_index];
        // What belongs to a segment stands after it, up to the next of its name.
        walk_named(walk, head->next, 0, head->name);
        break;
    }
    case PN_ROOT_BEFORE:
        walk_before(walk, run->scopes[path->root_index]);
        break;
    case PN_ROOT_PART:
        walk_path(walk, run->parts[path->root_index]);
        break;
    case PN_ROOT_PARAM:
    case PN_ROOT_NODE:
        break;
    }
}

const struct pn_node *pn_map_find(const struct pn_map_run *run, const struct pn_map_path *path)
{
    struct walk walk = {.run = run, .path = path, .found = keep_first};
    walk_from_root(&walk);
    return walk.first;
}

static bool keep_with_text(struct walk *walk, const struct pn_node *node)
{
    if (clean(node->value).len == 0) {
        return true;
    }
    return keep_first(walk, node);
}

struct pn_slice pn_map_text(const struct pn_map_run *run, const struct pn_map_path *path)
{
    if (path->root == PN_ROOT_PARAM && path->root_index == PN_PARAM_PLACE) {
        unsigned place = run->scope_count == 0 ? 1 : run->places[run->scope_count - 1];
        return pn_slice_str(pn_arena_printf(run->arena, "%u", place));
    }
    if (path->root == PN_ROOT_PARAM && path->root_index == PN_PARAM_DIGEST) {
        char *digest = pn_arena_alloc(run->arena, PN_UUID_TEXT_BYTES);
        if (digest != NULL) {
            pn_uuid5("message", &run->bytes, 1, digest);
        }
        return pn_slice_str(digest);
    }
    if (path->root == PN_ROOT_PARAM && path->root_index == PN_PARAM_ADAPTER) {
        return pn_slice_str(run->adapter->info.name);
    }
    if (path->root == PN_ROOT_PARAM) {
        return run->params[path->root_index];
    }
    struct walk walk = {.run = run, .path = path, .found = keep_with_text};
    walk_from_root(&walk);
    if (pn_map_is_watched(run) && walk.first != NULL) {
        pn_map_watch_text(run, walk.first);
    }
    return walk.first == NULL ? (struct pn_slice){0} : clean(walk.first->value);
}

static bool keep_all(struct walk *walk, const struct pn_node *node)
{
    if (walk->nodes != NULL) {
        walk->nodes[walk->count] = node;
    }
    walk->count++;
    return walk->count <= PN_MAP_ITEMS_MAX;
}

static void walk_all(struct walk *walk, const struct pn_map_path *path)
{
    for (; path != NULL; path = path->also) {
        walk->path = path;
        walk_from_root(walk);
    }
}

enum pn_code pn_map_find_all(const struct pn_map_run *run, const struct pn_map_path *path,
                             const struct pn_node *const **ret_nodes, unsigned *ret_count,
                             struct pn_err *err)
{
    struct walk walk = {.run = run, .path = path, .found = keep_all};
    walk_all(&walk, path);
    if (walk.count > PN_MAP_ITEMS_MAX) {
        return pn_err_set(err, PN_LIMIT, path->text, "repeats over %d times", PN_MAP_ITEMS_MAX);
    }
    walk.nodes = pn_arena_alloc_array(run->arena, walk.count + 1, sizeof *walk.nodes);
    if (walk.nodes == NULL) {
        return pn_err_set(err, PN_MEMORY, path->text, "the message needs too much memory");
    }
    walk.count = 0;
    walk_all(&walk, path);
    *ret_nodes = walk.nodes;
    *ret_count = walk.count;
    return PN_OK;
}
