// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules/tree.h"

enum { WHOLE = 1000, HUNDRED = 100 };

int64_t pn_trend_needs(const struct pn_node *trend, int64_t before)
{
    return (trend->factor_hundredths * before + HUNDRED - 1) / HUNDRED;
}

static bool holds(const struct pn_tree *tree, enum pn_tree_mode mode, unsigned place);

static int64_t needed(enum pn_tree_mode mode, const struct pn_node *node)
{
    return mode == PN_TREE_RISE ? node->at_least : node->lapse_below;
}

static bool leaf_holds(const struct pn_tree *tree, enum pn_tree_mode mode, unsigned place)
{
    const struct pn_node *node = &tree->rule->nodes[place];
    int64_t value = tree->values[place];
    if (node->kind == PN_NODE_ABSENT) {
        return mode == PN_TREE_POSSIBLE || value == 0;
    }
    return value >= needed(mode, node) &&
           (node->kind != PN_NODE_TREND || mode == PN_TREE_POSSIBLE ||
            value >= pn_trend_needs(node, tree->before[place]));
}

// What is negated is asked with the plain thresholds.
static bool holds_any_negated(const struct pn_tree *tree, unsigned place)
{
    const struct pn_node *nodes = tree->rule->nodes;
    for (unsigned c = place + 1; c < nodes[place].end; c = nodes[c].end) {
        if (holds(tree, PN_TREE_RISE, c)) {
            return true;
        }
    }
    return false;
}

static int64_t measure(const struct pn_tree *tree, enum pn_tree_mode mode, unsigned place)
{
    const struct pn_node *nodes = tree->rule->nodes;
    const struct pn_node *node = &nodes[place];
    int64_t sum = 0;
    if (pn_node_is_leaf(node->kind)) {
        return tree->values[place];
    }
    for (unsigned c = place + 1; c < node->end; c = nodes[c].end) {
        if (holds(tree, mode, c)) {
            sum += node->kind == PN_NODE_SCORE ? nodes[c].weight : 1;
        }
    }
    return sum;
}

static bool holds(const struct pn_tree *tree, enum pn_tree_mode mode, unsigned place)
{
    const struct pn_node *node = &tree->rule->nodes[place];
    if (pn_node_is_leaf(node->kind)) {
        return leaf_holds(tree, mode, place);
    }
    if (node->kind == PN_NODE_NONE) {
        return mode == PN_TREE_POSSIBLE || !holds_any_negated(tree, place);
    }
    return measure(tree, mode, place) >= needed(mode, node);
}

int64_t pn_tree_measure(const struct pn_tree *tree, unsigned node)
{
    return measure(tree, tree->mode, node);
}

bool pn_tree_holds(const struct pn_tree *tree, unsigned node)
{
    return holds(tree, tree->mode, node);
}

static int64_t share(int64_t value, int64_t whole)
{
    return value >= whole ? WHOLE : value * WHOLE / whole;
}

// The k-th greatest of the children's, or the least when k is their number.
static int64_t kth_nearness(const struct pn_tree *tree, unsigned place)
{
    const struct pn_node *nodes = tree->rule->nodes;
    int64_t found[PN_RULE_NODES_MAX];
    unsigned count = 0;
    for (unsigned c = place + 1; c < nodes[place].end; c = nodes[c].end) {
        int64_t one = pn_tree_nearness(tree, c);
        unsigned at = count++;
        for (; at > 0 && found[at - 1] < one; at--) {
            found[at] = found[at - 1];
        }
        found[at] = one;
    }
    return found[nodes[place].at_least - 1];
}

int64_t pn_tree_nearness(const struct pn_tree *tree, unsigned place)
{
    const struct pn_node *node = &tree->rule->nodes[place];
    switch (node->kind) {
    case PN_NODE_COUNT:
    case PN_NODE_DISTINCT:
    case PN_NODE_SAME:
    case PN_NODE_SUM:
    case PN_NODE_SEQUENCE:
    case PN_NODE_DAYS:
    case PN_NODE_OPEN:
        return share(tree->values[place], node->at_least);
    case PN_NODE_SCORE:
        return share(pn_tree_measure(tree, place), node->at_least);
    case PN_NODE_ALL:
    case PN_NODE_ANY:
    case PN_NODE_AT_LEAST:
        return kth_nearness(tree, place);
    case PN_NODE_GAP:
    case PN_NODE_TREND:
    case PN_NODE_ABSENT:
    case PN_NODE_NONE:
        break;
    }
    return pn_tree_holds(tree, place) ? WHOLE : 0;
}
