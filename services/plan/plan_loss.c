// SPDX-License-Identifier: Apache-2.0
#include "services/plan/plan_loss.h"

#include <string.h>

#include "base/buf.h"
#include "base/words.h"

enum { LOSSES_MAX = 512, PLACES_MAX = 512, PLACE_STEPS_MAX = 16, PLACE_BYTES_MAX = 256 };

struct finding {
    struct pn_arena *arena;
    const struct pn_adapter_reads *reads;
    const struct pn_node *plan;
    struct pn_loss_report report;
    const struct pn_plan_item *taken[LOSSES_MAX]; // items of which one was taken whole
    unsigned taken_count;
    bool is_over;
};

// --- What became of one leaf ---------------------------------------------------------------------

struct fate {
    bool is_whole, was_taken, is_cut, is_coarser;
    unsigned keeps; // of a time
};

static bool is_listed(const struct pn_adapter_read *read, const char *code)
{
    for (unsigned i = 0; i < read->asked_count; i++) {
        if (pn_slice_is(read->asked[i], code)) {
            return true;
        }
    }
    return false;
}

// Whether a row that asked so knows exactly which of its values the item has.
static bool is_exact(const struct pn_adapter_read *read, const struct pn_plan_item *item)
{
    unsigned left = 0;
    if (item->is_presence) {
        return read->asks_presence && read->is_among;
    }
    if (item->codes[0] == NULL || read->asked_count == 0) {
        return read->is_among && read->asked_count == 1;
    }
    for (unsigned i = 0; i < PN_PLAN_CODES_MAX && item->codes[i] != NULL; i++) {
        left += is_listed(read, item->codes[i]) == read->is_among ? 1 : 0;
    }
    return left == 1;
}

static void weigh(const struct finding *finding, const struct pn_adapter_read *read,
                  const struct pn_node *leaf, const struct pn_plan_item *item, struct fate *fate)
{
    size_t kept = 0;
    bool is_first = read->node == leaf || read->node->first_child == leaf;
    if (!pn_adapter_read_is_sent(finding->reads, read, &kept)) {
        return;
    }
    if (read->use == PN_READ_COPIED) {
        fate->is_whole = fate->is_whole || pn_adapter_read_copies(read, leaf);
        fate->was_taken = fate->was_taken || fate->is_whole;
    } else if (read->use == PN_READ_TESTED) {
        bool asks_it = is_first || read->asks_presence;
        fate->is_whole = fate->is_whole || (asks_it && is_exact(read, item));
    } else if (is_first && kept < leaf->value.len) {
        fate->is_cut = true;
    } else if (is_first && read->is_coarser) {
        fate->is_coarser = true;
    } else if (is_first) {
        fate->keeps |= read->keeps;
        fate->was_taken = true;
    }
}

static void weigh_node(const struct finding *finding, const struct pn_node *leaf,
                       const struct pn_plan_item *item, struct fate *fate)
{
    const struct pn_node *end = finding->plan->parent;
    for (const struct pn_node *node = leaf; node != end && node != NULL; node = node->parent) {
        const struct pn_adapter_read *read = pn_adapter_reads_last(finding->reads, node);
        for (; read != NULL; read = pn_adapter_reads_before(finding->reads, read)) {
            weigh(finding, read, leaf, item, fate);
        }
    }
}

static struct fate fate_of(const struct finding *finding, const struct pn_node *leaf,
                           const struct pn_plan_item *item)
{
    struct fate fate = {0};
    weigh_node(finding, leaf, item, &fate);
    // A code's own words say the same.
    const struct pn_node *display = item->codes[0] == NULL || leaf->parent == NULL
                                        ? NULL
                                        : pn_node_child(leaf->parent, pn_slice_str("display"));
    if (display != NULL) {
        weigh_node(finding, display, item, &fate);
    }
    bool has_time = memchr(leaf->value.ptr, 'T', leaf->value.len) != NULL && leaf->value.len > 10 &&
                    leaf->value.ptr[10] == 'T';
    fate.is_whole = fate.is_whole || fate.keeps == PN_READ_ALL || (fate.keeps != 0 && !has_time);
    return fate;
}

// --- The report ----------------------------------------------------------------------------------

// "CarePlan.contained[0].participant[2].status": lists have their place, from 0.
static const char *place_of(const struct finding *finding, const struct pn_node *leaf)
{
    static const char *const lists[] = {"contained", "participant", "type",    "coding", "activity",
                                        "performer", "role",        "telecom", "note",   NULL};
    const struct pn_node *steps[PLACE_STEPS_MAX];
    unsigned count = 0;
    const struct pn_node *node = leaf;
    for (; node != finding->plan && node != NULL && count < PLACE_STEPS_MAX; node = node->parent) {
        steps[count++] = node;
    }
    struct pn_buf text;
    pn_buf_init(&text, PLACE_BYTES_MAX);
    pn_buf_add_str(&text, "CarePlan");
    while (count > 0) {
        const struct pn_node *step = steps[--count];
        unsigned place = 0;
        for (const struct pn_node *twin = step->parent->first_child; twin != step;
             twin = twin->next) {
            place += pn_slice_eq(twin->name, step->name) ? 1 : 0;
        }
        pn_buf_printf(&text, ".%.*s", PN_SLICE_FMT(step->name));
        if (pn_words_hold(lists, step->name)) {
            pn_buf_printf(&text, "[%u]", place);
        }
    }
    const char *copy = pn_buf_ok(&text) ? pn_arena_copy(finding->arena, pn_buf_slice(&text)) : NULL;
    pn_buf_release(&text);
    return copy;
}

struct losses {
    struct pn_plan_loss *items;
    unsigned *count;
};

static struct pn_plan_loss *loss_for(const struct finding *finding, struct losses losses,
                                     const struct pn_plan_loss *wanted)
{
    for (unsigned i = 0; i < *losses.count; i++) {
        struct pn_plan_loss *loss = &losses.items[i];
        if (loss->item == wanted->item && loss->kind == wanted->kind &&
            loss->reason == wanted->reason) {
            return loss;
        }
    }
    if (*losses.count == LOSSES_MAX) {
        return NULL;
    }
    struct pn_plan_loss *loss = &losses.items[(*losses.count)++];
    *loss = *wanted;
    loss->places = pn_arena_alloc_array(finding->arena, PLACES_MAX, sizeof *loss->places);
    return loss->places == NULL ? NULL : loss;
}

static bool one_was_taken(const struct finding *finding, const struct pn_plan_item *item)
{
    for (unsigned i = 0; i < finding->taken_count; i++) {
        if (finding->taken[i] == item) {
            return true;
        }
    }
    return false;
}

static void tell(struct finding *finding, struct losses losses, const struct pn_node *leaf,
                 const struct pn_plan_loss *wanted)
{
    struct pn_plan_loss *loss = loss_for(finding, losses, wanted);
    const char *place = loss == NULL ? NULL : place_of(finding, leaf);
    if (place == NULL || loss->place_count == PLACES_MAX) {
        finding->is_over = true;
        return;
    }
    loss->places[loss->place_count++] = place;
}

// What the label keeps out of a document, or out of all of them. A code says of what kind the item
// is: where the item is not, that it is missing need not be told.
static void tell_label(struct finding *finding, unsigned label, const struct pn_node *leaf,
                       const struct pn_plan_item *item)
{
    struct pn_loss_report *report = &finding->report;
    bool is_held = (pn_adapter_reads_registers(finding->reads) & label) != 0;
    struct pn_plan_loss wanted = {
        .item = item,
        .kind = label == PN_READ_SOCIAL_REGISTER ? PN_LOSS_SOCIAL_ONLY : PN_LOSS_PATIENT_ONLY,
        .reason = is_held ? NULL : pn_adapter_reads_reason(finding->reads, leaf)};
    if (item->codes[0] == NULL) {
        tell(finding,
             is_held ? (struct losses){report->apart, &report->apart_count}
                     : (struct losses){report->losses, &report->count},
             leaf, &wanted);
    }
}

static void judge(struct finding *finding, const struct pn_node *leaf)
{
    const struct pn_plan_item *item = pn_plan_item_of(finding->plan, leaf);
    if (item == NULL || leaf->value.len == 0) {
        return;
    }
    struct fate fate = fate_of(finding, leaf, item);
    bool was_before = one_was_taken(finding, item);
    if (fate.was_taken && fate.is_whole && !was_before && finding->taken_count < LOSSES_MAX) {
        finding->taken[finding->taken_count++] = item;
    }
    unsigned label = pn_adapter_reads_label(leaf);
    unsigned registers = pn_adapter_reads_registers(finding->reads);
    bool is_held = (registers & label) != 0;
    if (label != 0 && (registers & ~label) != 0 && fate.is_whole == is_held) {
        tell_label(finding, label, leaf, item);
        return;
    }
    if (fate.is_whole || (item->plain != NULL && pn_slice_is(leaf->value, item->plain))) {
        return;
    }
    struct pn_plan_loss wanted = {
        .item = item,
        .kind = fate.keeps != 0   ? PN_LOSS_PART_OF_TIME
                : fate.is_coarser ? PN_LOSS_COARSER
                : fate.is_cut     ? PN_LOSS_CUT
                : was_before      ? PN_LOSS_FIRST_ONLY
                                  : PN_LOSS_LEFT_OUT,
        .reason = pn_adapter_reads_reason(finding->reads, leaf),
    };
    tell(finding, (struct losses){finding->report.losses, &finding->report.count}, leaf, &wanted);
}

static void visit(struct finding *finding, const struct pn_node *node, unsigned depth)
{
    if (node->first_child == NULL) {
        judge(finding, node);
    }
    for (const struct pn_node *child = node->first_child; child != NULL && depth > 0;
         child = child->next) {
        visit(finding, child, depth - 1);
    }
}

static enum pn_code find(struct finding *finding, struct pn_err *err)
{
    const struct pn_read_tree *trees = NULL;
    unsigned count = pn_adapter_reads_trees(finding->reads, &trees);
    finding->plan = count == 0 ? NULL : pn_node_child(trees[0].root, pn_slice_str("plan"));
    finding->report.losses =
        pn_arena_alloc_array(finding->arena, LOSSES_MAX, sizeof *finding->report.losses);
    finding->report.apart =
        pn_arena_alloc_array(finding->arena, LOSSES_MAX, sizeof *finding->report.apart);
    if (finding->plan == NULL || finding->report.losses == NULL || finding->report.apart == NULL) {
        return pn_err_set(err, PN_MEMORY, "plan", "the plan needs too much memory");
    }
    visit(finding, finding->plan, PLACE_STEPS_MAX);
    return finding->is_over || !pn_adapter_reads_whole(finding->reads)
               ? pn_err_set(err, PN_LIMIT, "plan", "over %d losses of one kind", PLACES_MAX)
               : PN_OK;
}

enum pn_code pn_plan_loss_find(struct pn_arena *arena, struct pn_adapter *adapter,
                               const struct pn_plan_out *plan, struct pn_loss_report *ret_report,
                               struct pn_err *err)
{
    struct pn_adapter_reads *reads = pn_adapter_reads_new();
    struct finding *finding = pn_arena_alloc(arena, sizeof *finding);
    const struct pn_document_out *documents = NULL;
    if (reads == NULL || finding == NULL) {
        pn_adapter_reads_free(reads);
        return pn_err_set(err, PN_MEMORY, "plan", "the plan needs too much memory");
    }
    pn_adapter_watch_reads(adapter, reads);
    enum pn_code code = pn_adapter_encode(adapter, arena, plan, &documents, err);
    pn_adapter_watch_reads(adapter, NULL);
    *finding = (struct finding){.arena = arena, .reads = reads, .report = {.documents = documents}};
    if (code == PN_OK) {
        code = find(finding, err);
    }
    if (code == PN_OK) {
        *ret_report = finding->report;
    }
    pn_adapter_reads_free(reads);
    return code;
}

// --- Words ---------------------------------------------------------------------------------------

static const struct {
    const char *code;
    struct pn_loss_reason words;
} kinds[PN_LOSS_KIND_COUNT] = {
    [PN_LOSS_LEFT_OUT] = {"left-out", {"ei mahdu", "ryms inte", "does not fit"}},
    [PN_LOSS_FIRST_ONLY] = {"first-only",
                            {"kaikki eivät mahdu", "alla ryms inte", "not all of them fit"}},
    [PN_LOSS_CUT] = {"cut", {"teksti katkaistaan", "texten kortas av", "the text is cut short"}},
    [PN_LOSS_COARSER] = {"coarser",
                         {"mahtuu vain karkeampana", "ryms bara i grövre form",
                          "fits only in a coarser form"}},
    [PN_LOSS_PART_OF_TIME] = {"part-of-time",
                              {"päivä ja kellonaika eivät molemmat mahdu",
                               "både dag och klockslag ryms inte",
                               "date and time do not both fit"}},
    [PN_LOSS_PATIENT_ONLY] = {"patient-only",
                              {"merkitty vain potilasrekisteriin", "bara för patientregistret",
                               "for the patient register only"}},
    [PN_LOSS_SOCIAL_ONLY] = {"social-only",
                             {"merkitty vain sosiaalihuollon asiakasrekisteriin",
                              "bara för socialvårdens klientregister",
                              "for the register of social care only"}},
};

const char *pn_loss_kind_code(enum pn_loss_kind kind)
{
    return kinds[kind].code;
}

static const char *in_language(const struct pn_loss_reason *words, const char *language)
{
    return strcmp(language, "sv") == 0   ? words->sv
           : strcmp(language, "en") == 0 ? words->en
                                         : words->fi;
}

const char *pn_loss_text(struct pn_arena *arena, const struct pn_plan_loss *loss,
                         const char *language)
{
    const struct pn_loss_reason name = {loss->item->fi, loss->item->sv, loss->item->en};
    const struct pn_loss_reason *words =
        loss->reason != NULL ? loss->reason : &kinds[loss->kind].words;
    const char *text = pn_arena_printf(arena, "%s: %s", in_language(&name, language),
                                       in_language(words, language));
    return text == NULL ? "" : text;
}
