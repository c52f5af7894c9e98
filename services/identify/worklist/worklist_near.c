// SPDX-License-Identifier: Apache-2.0
#include "services/identify/worklist/worklist_parts.h"

#include "base/clock.h"
#include "privacy/client_index.h"
#include "services/identify/triggers/trigger.h"
#include "services/identify/triggers/rank.h"

struct gathering {
    struct pn_worklist *worklist;
    struct pn_arena *arena;
    const char *key;
    int64_t moment_ms;
    int birth_year;
    struct pn_near *near;
    unsigned count;
};

static enum pn_code full(struct pn_err *err)
{
    return pn_err_set(err, PN_MEMORY, "identify", "the arena is full");
}

// Nearest first; the one that does not fit is the farthest.
static void put(struct gathering *gathering, const struct pn_near *near)
{
    bool is_full = gathering->count == PN_NEAR_MAX;
    if (is_full && gathering->near[PN_NEAR_MAX - 1].nearness >= near->nearness) {
        return;
    }
    unsigned at = is_full ? PN_NEAR_MAX - 1 : gathering->count++;
    for (; at > 0 && gathering->near[at - 1].nearness < near->nearness; at--) {
        gathering->near[at] = gathering->near[at - 1];
    }
    gathering->near[at] = *near;
}

static enum pn_code print(struct gathering *gathering, const struct pn_rule *rule,
                          struct pn_slice *ret_text, struct pn_err *err)
{
    char id[PN_UUID_TEXT_BYTES];
    pn_trigger_id(gathering->key, rule->id, id);
    const struct pn_finding *finding = &gathering->worklist->finding;
    const struct pn_trigger_view view = {.id = id,
                                         .client_key = gathering->key,
                                         .rule = rule,
                                         .finding = finding,
                                         .facts = gathering->worklist->gathered,
                                         .sources = &gathering->worklist->sources,
                                         .classes = finding->classes,
                                         .is_near = true,
                                         .raised_ms = gathering->moment_ms,
                                         .moment_ms = gathering->moment_ms};
    struct pn_buf text;
    pn_buf_init(&text, PN_EVENT_BYTES_MAX);
    pn_trigger_print(&view, &text);
    struct pn_slice printed = pn_buf_slice(&text);
    char *kept = pn_buf_ok(&text) ? pn_arena_copy(gathering->arena, printed) : NULL;
    *ret_text = pn_slice_of(kept, printed.len);
    pn_buf_release(&text);
    return kept == NULL ? full(err) : PN_OK;
}

// Empty when the arena is full; then printing says so.
static struct pn_slice kept(const struct gathering *gathering, const char *text)
{
    const char *copy = pn_arena_copy(gathering->arena, pn_slice_str(text));
    return pn_slice_str(copy == NULL ? "" : copy);
}

static enum pn_code look_at(struct gathering *gathering, const struct pn_rule *rule,
                            struct pn_err *err)
{
    const struct pn_evaluation evaluation = {.rule = rule,
                                             .moment_ms = gathering->moment_ms,
                                             .birth_year = gathering->birth_year,
                                             .wants_all = true};
    const struct pn_finding *finding = &gathering->worklist->finding;
    pn_evaluate(gathering->worklist->evaluator, &evaluation, &gathering->worklist->finding);
    if (!finding->is_near) {
        return PN_OK;
    }
    struct pn_near near = {
        .rule_id = kept(gathering, rule->id),
        .title_fi = kept(gathering, rule->title[PN_LANGUAGE_FI]),
        .title_sv = kept(gathering, rule->title[PN_LANGUAGE_SV]),
        .title_en = kept(gathering, rule->title[PN_LANGUAGE_EN]),
        .count = finding->count,
        .threshold = rule->threshold,
        .nearness = finding->nearness,
        .sectors = pn_rank_share_of(finding, gathering->worklist->gathered, rule->weight).sectors,
        .classes = finding->classes};
    enum pn_code code = print(gathering, rule, &near.data, err);
    if (code == PN_OK) {
        put(gathering, &near);
    }
    return code;
}

enum pn_code pn_worklist_near(struct pn_worklist *worklist, struct pn_arena *arena,
                              struct pn_slice client, struct pn_near ret_near[static PN_NEAR_MAX],
                              unsigned *ret_count, struct pn_err *err)
{
    int64_t number = 0;
    char key[PN_CLIENT_KEY_TEXT_BYTES] = "";
    struct gathering gathering = {.worklist = worklist,
                                  .arena = arena,
                                  .key = key,
                                  .moment_ms = pn_clock_now_ms(),
                                  .near = ret_near};
    pn_worklist_follow_rules(worklist);
    enum pn_code code = pn_client_find(worklist->store, client, &number, err);
    if (code == PN_NOT_FOUND) {
        *ret_count = 0; // nothing was ever heard of the client
        return PN_OK;
    }
    code = code == PN_OK ? pn_client_key_of(worklist->store, number, key, err) : code;
    code = code == PN_OK ? pn_worklist_gather(worklist, number, &gathering.birth_year, err) : code;
    for (unsigned i = 0; worklist->rules != NULL && i < worklist->rules->count && code == PN_OK;
         i++) {
        code = look_at(&gathering, &worklist->rules->rules[i], err);
    }
    if (code == PN_OK) {
        *ret_count = gathering.count;
    }
    return code;
}
