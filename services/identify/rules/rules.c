// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules/rules.h"

#include <string.h>

#include "base/file.h"
#include "base/near.h"
#include "conf/yaml.h"
#include "services/identify/rules/rules_fields.h"
#include "services/identify/rules/tree.h"

enum {
    MONTH_DAYS = 28,
    WINDOW_MONTHS_MAX = 60,
    // Another one when the same file comes to mean something else: clients are evaluated anew.
    LANGUAGE_VERSION = 4
};

// --- Fields --------------------------------------------------------------------------------------

static const char *const origin_words[] = {"punos", "source", NULL};

static enum pn_code read_origin(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                const struct pn_rules_field *field, void *ret_place)
{
    int origin = 0;
    enum pn_code code = pn_rules_word(reader, node, field, &origin);
    if (code == PN_OK) {
        *(bool *)ret_place = origin == 1;
    }
    return code;
}

#define AT(member) offsetof(struct pn_rule, member)
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, 0, 0, 0, NULL, false                                                           \
    }

static enum pn_code read_age(struct pn_rules_reader *reader, const struct pn_yaml *node,
                             const struct pn_rules_field *field, void *ret_place)
{
    static const struct pn_rules_field fields[] = {
        {"from", pn_rules_number, AT(scope.from_years), 1, 120, NULL, false},
        {"to", pn_rules_number, AT(scope.to_years), 1, 120, NULL, false},
        END};
    struct pn_rule *rule = ret_place;
    (void)field;
    enum pn_code code = pn_rules_fields(reader, node, fields, rule);
    bool is_empty = rule->scope.to_years > 0 && rule->scope.to_years < rule->scope.from_years;
    return code == PN_OK && is_empty ? pn_rules_fault(reader, node, "to is less than from") : code;
}

static enum pn_code read_scope(struct pn_rules_reader *reader, const struct pn_yaml *node,
                               const struct pn_rules_field *field, void *ret_place)
{
    static const struct pn_rules_field fields[] = {
        {"age", read_age, 0, 0, 0, NULL, false},
        {"where", pn_rules_where, AT(scope.where), 0, 0, NULL, false},
        {"not_with", pn_rules_where, AT(scope.not_with), 0, 0, NULL, false},
        END};
    (void)field;
    return pn_rules_fields(reader, node, fields, ret_place);
}

// Read after the other fields: what stands under `scope` becomes a part of the tree.
static enum pn_code read_when(struct pn_rules_reader *reader, const struct pn_yaml *node,
                              const struct pn_rules_field *field, void *ret_place)
{
    (void)reader;
    (void)field;
    (void)ret_place;
    return node->kind == PN_YAML_MAP ? PN_OK
                                     : pn_rules_fault(reader, node, "a condition is expected");
}

static const struct pn_rules_field rule_fields[] = {
    {"id", pn_rules_id, AT(id), 0, 0, NULL, true},
    {"version", pn_rules_number, AT(version), 1, 9999, NULL, true},
    {"origin", read_origin, AT(is_from_source), 0, 0, origin_words, true},
    {"source", pn_rules_text, AT(source), 0, 0, NULL, true},
    {"title", pn_rules_titles, AT(title), 0, 0, NULL, true},
    {"explanation", pn_rules_texts, AT(explanation), 0, 0, NULL, true},
    {"advice", pn_rules_texts, AT(advice), 0, 0, NULL, false},
    {"weight", pn_rules_number, AT(weight), 1, 9, NULL, false},
    {"supports", pn_rules_bool, AT(is_support), 0, 0, NULL, false},
    {"scope", read_scope, 0, 0, 0, NULL, false},
    {"when", read_when, 0, 0, 0, NULL, true},
    {"cool_down_days", pn_rules_number, AT(cool_down_days), 1, 1800, NULL, false},
    {"expires_months", pn_rules_number, AT(expires_months), 1, WINDOW_MONTHS_MAX, NULL, false},
    END};
#undef AT
#undef END

// --- The tree ------------------------------------------------------------------------------------

// The first node that counts something and is not negated; else the first leaf.
static unsigned find_headline(const struct pn_node *nodes, unsigned count)
{
    unsigned first_leaf = count;
    for (unsigned i = 0; i < count; i++) {
        const struct pn_node *node = &nodes[i];
        bool is_leaf = pn_node_is_leaf(node->kind);
        first_leaf = is_leaf && first_leaf == count ? i : first_leaf;
        if (node->kind == PN_NODE_SCORE || node->kind == PN_NODE_AT_LEAST ||
            (is_leaf && node->kind != PN_NODE_ABSENT)) {
            return i;
        }
        if (node->kind == PN_NODE_NONE) {
            first_leaf = first_leaf == count ? i + 1 : first_leaf;
            i = node->end - 1;
        }
    }
    return first_leaf;
}

static bool has_memory(const struct pn_rule *rule)
{
    bool has = rule->cool_down_days > 0 || rule->expires_months > 0;
    for (unsigned i = 0; i < rule->node_count; i++) {
        has = has || rule->nodes[i].lapse_below < rule->nodes[i].at_least;
    }
    return has;
}

static bool is_plain(const struct pn_rule *rule)
{
    bool is = rule->cool_down_days == 0 && rule->expires_months == 0;
    for (unsigned i = 0; i < rule->node_count; i++) {
        enum pn_node_kind kind = rule->nodes[i].kind;
        is = is && (kind == PN_NODE_COUNT || kind == PN_NODE_DISTINCT || kind == PN_NODE_SAME ||
                    kind == PN_NODE_ALL || kind == PN_NODE_ANY || kind == PN_NODE_AT_LEAST ||
                    kind == PN_NODE_SCORE);
    }
    return is;
}

static bool rises_by_time(const struct pn_rule *rule)
{
    bool does = false;
    for (unsigned i = 0; i < rule->node_count; i++) {
        enum pn_node_kind kind = rule->nodes[i].kind;
        does = does || kind == PN_NODE_GAP || kind == PN_NODE_TREND || kind == PN_NODE_ABSENT ||
               kind == PN_NODE_NONE;
    }
    return does;
}

static void describe(struct pn_rule *rule)
{
    rule->headline = find_headline(rule->nodes, rule->node_count);
    const struct pn_node *told = &rule->nodes[rule->headline];
    rule->threshold = told->kind == PN_NODE_GAP ? told->length_days : told->at_least;
    rule->lapse_below = told->kind == PN_NODE_GAP ? told->length_days : told->lapse_below;
    for (unsigned i = 0; i < rule->node_count; i++) {
        rule->leaf_count += pn_node_is_leaf(rule->nodes[i].kind) ? 1 : 0;
        if (rule->window_months == 0) {
            rule->window_months = rule->nodes[i].window_months;
        }
    }
    rule->has_memory = has_memory(rule);
    rule->is_plain = is_plain(rule);
    rule->rises_by_time = rises_by_time(rule);
}

// A client who has something open that takes the rule away: all of [the tree, none of [open]].
static void put_exclusion(struct pn_rule *rule, struct pn_node *nodes, unsigned *count)
{
    nodes[0] = (struct pn_node){.kind = PN_NODE_ALL, .at_least = 2, .lapse_below = 2, .weight = 1};
    nodes[*count] = (struct pn_node){
        .kind = PN_NODE_NONE, .end = *count + 2, .at_least = 1, .lapse_below = 1, .weight = 1};
    nodes[*count + 1] = (struct pn_node){.kind = PN_NODE_OPEN,
                                         .end = *count + 2,
                                         .at_least = 1,
                                         .lapse_below = 1,
                                         .weight = 1,
                                         .steps = {rule->scope.not_with},
                                         .step_count = 1};
    *count += 2;
    nodes[0].end = *count;
}

// The bits of what the leaves count. Whom the rule is not for is asked of all facts.
static enum pn_code find_bits(struct pn_rules_reader *reader, const struct pn_yaml *when,
                              struct pn_rule *rule, struct pn_node *nodes)
{
    const struct pn_filter *where = rule->scope.where;
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < rule->node_count; i++) {
        struct pn_node *node = &nodes[i];
        for (unsigned s = 0; s < node->step_count && code == PN_OK; s++) {
            bool has_scope = where != NULL && node->steps[s] != rule->scope.not_with;
            code = pn_rules_bit(reader, when, node->steps[s], &node->bits[s]);
            node->scope_bits[s] = node->bits[s];
            node->scope = has_scope ? where : NULL;
            if (code == PN_OK && has_scope) {
                code = pn_rules_bit(reader, when, where, &node->scope_bits[s]);
            }
        }
    }
    return code;
}

static enum pn_code read_tree(struct pn_rules_reader *reader, const struct pn_yaml *node,
                              struct pn_rule *rule)
{
    enum { ROOM = PN_RULE_NODES_MAX + 3 };
    struct pn_node nodes[ROOM] = {0};
    const bool has_exclusion = rule->scope.not_with != NULL;
    const struct pn_yaml *when = pn_yaml_get(node, "when");
    unsigned count = has_exclusion ? 1 : 0;
    enum pn_code code = pn_rules_tree(reader, when, nodes, &count);
    if (code != PN_OK) {
        return code;
    }
    if (has_exclusion) {
        put_exclusion(rule, nodes, &count);
    }
    unsigned leaves = 0;
    for (unsigned i = 0; i < count; i++) {
        leaves += pn_node_is_leaf(nodes[i].kind) ? 1 : 0;
    }
    if (count > PN_RULE_NODES_MAX || leaves > PN_RULE_LEAVES_MAX) {
        return pn_rules_fault(reader, when,
                              "at most 16 conditions that count, and 32 in all, are expected");
    }
    struct pn_node *kept = pn_arena_alloc_array(reader->arena, count, sizeof *kept);
    if (kept == NULL) {
        return pn_rules_no_memory(reader);
    }
    memcpy(kept, nodes, count * sizeof *kept);
    rule->nodes = kept;
    rule->node_count = count;
    rule->match = reader->match;
    describe(rule);
    return find_bits(reader, when, rule, kept);
}

// --- Reading -------------------------------------------------------------------------------------

// How far back a fact may matter to the rule.
static int64_t months_back(const struct pn_rule *rule)
{
    int64_t most = 0;
    for (unsigned i = 0; i < rule->node_count; i++) {
        const struct pn_node *node = &rule->nodes[i];
        int64_t months = node->window_months + node->window_days / MONTH_DAYS +
                         node->length_days / MONTH_DAYS + 1;
        months *= node->kind == PN_NODE_TREND ? 2 : 1;
        most = pn_node_is_leaf(node->kind) && months > most ? months : most;
    }
    return most + rule->expires_months + rule->cool_down_days / MONTH_DAYS;
}

// What facts matter to the rule at this place.
static void index_rule(struct pn_match *match, const struct pn_rule *rule, unsigned place)
{
    const uint64_t bit = UINT64_C(1) << place;
    const struct pn_tree nothing = {.rule = rule, .mode = PN_TREE_POSSIBLE};
    for (unsigned i = 0; i < rule->node_count; i++) {
        for (unsigned s = 0; s < rule->nodes[i].step_count; s++) {
            match->rules[rule->nodes[i].bits[s]] |= bit;
        }
    }
    match->always |= pn_tree_holds(&nothing, 0) ? bit : 0;
}

static enum pn_code read_rule(struct pn_rules_reader *reader, const struct pn_yaml *node,
                              struct pn_ruleset *rules)
{
    struct pn_rule rule = {.weight = 1};
    enum pn_code code = pn_rules_fields(reader, node, rule_fields, &rule);
    if (code != PN_OK) {
        return code;
    }
    if (pn_rules_find(rules, pn_slice_str(rule.id)) != NULL) {
        return pn_rules_fault(reader, pn_yaml_get(node, "id"), "another rule has this id");
    }
    if (rule.expires_months > 0 && rule.cool_down_days == 0) {
        return pn_rules_fault(reader, pn_yaml_get(node, "expires_months"),
                              "cool_down_days is expected too: else it would rise at once again");
    }
    code = read_tree(reader, node, &rule);
    if (code != PN_OK) {
        return code;
    }
    int64_t months = months_back(&rule);
    rules->window_months_max =
        months > rules->window_months_max ? months : rules->window_months_max;
    index_rule(reader->match, &rule, rules->count);
    rules->rules[rules->count++] = rule;
    return PN_OK;
}

static enum pn_code read_rules(struct pn_rules_reader *reader, const struct pn_yaml *node,
                               const struct pn_rules_field *field, void *ret_place)
{
    (void)field;
    enum pn_code code = pn_rules_check_list(reader, node, PN_RULES_MAX);
    for (const struct pn_yaml *item = node->first_child; code == PN_OK && item != NULL;
         item = item->next) {
        code = read_rule(reader, item, ret_place);
    }
    return code;
}

static enum pn_code read_supports_needed(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                         const struct pn_rules_field *field, void *ret_place)
{
    struct pn_ruleset *rules = ret_place;
    return pn_rules_number(reader, node, field, &rules->supports_needed);
}

// A case that nothing can begin is a mistake in the file.
static enum pn_code check_supports(struct pn_rules_reader *reader, const struct pn_yaml *root,
                                   const struct pn_ruleset *rules)
{
    int64_t supports = 0;
    for (unsigned i = 0; i < rules->count; i++) {
        supports += rules->rules[i].is_support ? 1 : 0;
    }
    const struct pn_yaml *needed = pn_yaml_get(root, "supports_needed");
    if (needed != NULL && rules->supports_needed > supports) {
        return pn_rules_fault(reader, needed, "more than there are rules that support");
    }
    return needed == NULL && supports == rules->count
               ? pn_rules_fault(reader, pn_yaml_get(root, "rules"),
                                "all rules only support, and supports_needed is not given: "
                                "nothing would come on the work list")
               : PN_OK;
}

static enum pn_code check_parts(struct pn_rules_reader *reader, const struct pn_yaml *root,
                                const struct pn_rules_field *parts, unsigned count)
{
    if (root->kind != PN_YAML_MAP) {
        return pn_rules_fault(reader, root, "fields are expected here, rules for one");
    }
    for (const struct pn_yaml *node = root->first_child; node != NULL; node = node->next) {
        struct pn_near near;
        unsigned i = 0;
        pn_near_init(&near, node->key);
        while (i < count && !pn_slice_is(node->key, parts[i].key)) {
            pn_near_offer(&near, parts[i++].key);
        }
        if (i == count) {
            return pn_rules_no_field(reader, node, &near);
        }
    }
    return pn_yaml_get(root, "rules") == NULL
               ? pn_rules_fault(reader, root, "the field rules is missing")
               : PN_OK;
}

// A part of the file is read when its place in the table comes: names before what uses them.
static enum pn_code read_parts(struct pn_rules_reader *reader, const struct pn_yaml *root,
                               struct pn_ruleset *rules)
{
    static const struct pn_rules_field parts[] = {
        {"supports_needed", read_supports_needed, 0, 1, PN_RULES_MAX, NULL, false},
        {"code_groups", pn_rules_groups, 0, 0, 0, NULL, false},
        {"filters", pn_rules_filters, 0, 0, 0, NULL, false},
        {"prices", pn_rules_prices, 0, 0, 0, NULL, false},
        {"rules", read_rules, 0, 0, 0, NULL, true},
    };
    enum pn_code code = check_parts(reader, root, parts, PN_ARRAY_COUNT(parts));
    for (unsigned i = 0; code == PN_OK && i < PN_ARRAY_COUNT(parts); i++) {
        const struct pn_yaml *part = pn_yaml_get(root, parts[i].key);
        code = part == NULL ? PN_OK : parts[i].read(reader, part, &parts[i], rules);
    }
    return code == PN_OK ? check_supports(reader, root, rules) : code;
}

enum pn_code pn_rules_parse(struct pn_arena *arena, const char *name, struct pn_slice text,
                            struct pn_ruleset *ret_rules, struct pn_err *err)
{
    const struct pn_yaml *root = NULL;
    enum pn_code code = pn_yaml_parse(arena, name, text, &root, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_ruleset *rules = pn_arena_alloc(arena, sizeof *rules);
    struct pn_rules_reader *reader = pn_arena_alloc(arena, sizeof *reader);
    struct pn_match *match = pn_arena_alloc(arena, sizeof *match);
    if (rules == NULL || reader == NULL || match == NULL) {
        return pn_err_set(err, PN_MEMORY, name, "the file takes too much memory");
    }
    reader->arena = arena;
    reader->name = name;
    reader->err = err;
    reader->match = match;
    rules->match = match;
    code = read_parts(reader, root, rules);
    if (code == PN_OK && !pn_match_ready(match, arena)) {
        code = pn_rules_no_memory(reader);
    }
    if (code == PN_OK) {
        rules->fingerprint = pn_fact_code(text) + LANGUAGE_VERSION;
        *ret_rules = *rules;
    }
    return code;
}

enum pn_code pn_rules_read(struct pn_arena *arena, const char *path, struct pn_ruleset *ret_rules,
                           struct pn_err *err)
{
    struct pn_slice text;
    enum pn_code code = pn_file_read(arena, path, PN_RULES_FILE_BYTES_MAX, &text, err);
    return code == PN_OK ? pn_rules_parse(arena, path, text, ret_rules, err) : code;
}

const struct pn_rule *pn_rules_find(const struct pn_ruleset *rules, struct pn_slice id)
{
    for (unsigned i = 0; i < rules->count; i++) {
        if (pn_slice_is(id, rules->rules[i].id)) {
            return &rules->rules[i];
        }
    }
    return NULL;
}

uint64_t pn_rules_touched(const struct pn_ruleset *rules, const struct pn_fact_entry *fact)
{
    uint64_t fits[PN_MATCH_WORDS], touched = rules->match->always;
    pn_match_fact(rules->match, fact, fits);
    for (unsigned w = 0; w < rules->match->words; w++) {
        for (uint64_t left = fits[w]; left != 0; left &= left - 1) {
            touched |= rules->match->rules[w * 64 + (unsigned)__builtin_ctzll(left)];
        }
    }
    return touched;
}
