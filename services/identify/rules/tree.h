// SPDX-License-Identifier: Apache-2.0
/*
 * A rule's tree over the values of its leaves. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_TREE_H
#define PN_IDENTIFY_TREE_H

#include "services/identify/rules/rule.h"

enum pn_tree_mode {
    PN_TREE_RISE,    // with the thresholds
    PN_TREE_STAY,    // with the lower ones, where the tree is not negated
    PN_TREE_POSSIBLE // with values that are upper bounds: false only when it can't hold
};

struct pn_tree {
    const struct pn_rule *rule;
    enum pn_tree_mode mode;
    int64_t values[PN_RULE_NODES_MAX]; // of leaves, by node
    int64_t before[PN_RULE_NODES_MAX]; // of trends: the window before
};
// The least whole number that is a trend's factor times what was before.
int64_t pn_trend_needs(const struct pn_node *trend, int64_t before);
bool pn_tree_holds(const struct pn_tree *tree, unsigned node);
// What a node counts: a leaf its value, a score its weights, the other branches their children.
int64_t pn_tree_measure(const struct pn_tree *tree, unsigned node);
// Per mille of what the node needs, by the thresholds.
int64_t pn_tree_nearness(const struct pn_tree *tree, unsigned node);

#endif
