// SPDX-License-Identifier: Apache-2.0
/*
 * What an adapter's files are compiled to: flat tables of rows, paths, conditions and code tables.
 * Internal to lib/map. docs/MAPPING.md describes the language; loading makes these once, in the
 * boot arena, and nothing writes to them afterwards (but the row counters that `adapter check`
 * lends).
 */
#ifndef PN_MAP_MODEL_H
#define PN_MAP_MODEL_H

#include "base/limits.h"
#include "codec/tree.h"
#include "conf/yaml.h"
#include "fhir/fhir.h"
#include "map/adapter.h"
#include "map/hook.h"
#include "map/reads.h"

enum {
    PN_MAP_PARTS_MAX = 32,        // opened parts of one message, built parts of one document
    PN_MAP_SCOPES_MAX = 8,        // `each` inside `each`
    PN_MAP_STEPS_MAX = 24,        // of one path
    PN_MAP_ALTERNATIVES_MAX = 12, // of one `from`
    PN_MAP_INCLUDES_MAX = 16,     // `include` inside `include`
    PN_MAP_ROWS_MAX = 4096,       // of one adapter, each include counted once
    PN_MAP_ITEMS_MAX = 10000,     // that one `each` may go over
    PN_MAP_KEY_PARTS_MAX = 8,
    PN_MAP_PERSONS_MAX = 1000, // of one message
    PN_MAP_WRAPS_MAX = 8,
    PN_MAP_LIBRARIES_MAX = 4
};

// --- Where a value is read from ------------------------------------------------------------------

struct pn_map_path;

struct pn_map_filter {              // [5=MR], [@root!=x], [end], [!end], [2]
    const struct pn_map_path *path; // relative to the node; NULL: `place`
    struct pn_slice value;
    bool asks_presence; // no value: there or not
    bool is_not;
    unsigned place; // 1-based among the nodes that passed the filters before it
};

enum pn_map_step_kind { PN_STEP_NAME, PN_STEP_ANY, PN_STEP_PARENT, PN_STEP_SELF };

struct pn_map_step {
    enum pn_map_step_kind kind;
    struct pn_slice name;
    const struct pn_map_filter *filters;
    unsigned filter_count;
};

enum pn_map_root {
    PN_ROOT_MESSAGE, // the whole message
    PN_ROOT_SCOPE,   // the item of an enclosing `each`
    PN_ROOT_GROUP,   // the segments that follow that item (`with`)
    PN_ROOT_BEFORE,  // the last such segment before that item (`under`)
    PN_ROOT_PART,    // an opened or built part
    PN_ROOT_PARAM,   // $name
    PN_ROOT_NODE     // the node that a filter stands on
};

struct pn_map_path {
    const char *text; // as written, for errors
    enum pn_map_root root;
    unsigned root_index;
    const struct pn_map_step *steps;
    unsigned step_count;
    bool is_hl7;                    // component 1 of a simple field is the field itself
    bool starts_at_root;            // XML from the top: the first step is the document element
    bool is_json;                   // can be copied whole
    const struct pn_map_path *also; // `each` over several paths: the next of them
};

enum pn_map_param {
    PN_PARAM_RECEIVED,
    PN_PARAM_FILE_NAME,
    PN_PARAM_CONTENT_TYPE,
    PN_PARAM_NOW,
    PN_PARAM_DOCUMENT_ID,
    PN_PARAM_SYSTEM,
    PN_PARAM_HTTP_STATUS,
    PN_PARAM_RECEIPT_ID,
    PN_PARAM_LOCATION,  // HTTP: of the answer
    PN_PARAM_REMOTE_ID, // what the system calls the version that it has
    PN_PARAM_REMOTE_VERSION,
    PN_PARAM_REMOTE_METHOD, // PUT when it has one, POST when not
    PN_PARAM_DIGEST,        // of the message's bytes: for messages that have no number of their own
    PN_PARAM_ADAPTER,       // its name
    PN_PARAM_PLACE,         // of the current item of `each`
    PN_PARAM_COUNT
};

// --- Conditions ----------------------------------------------------------------------------------

enum pn_map_test {
    PN_TEST_ALL, // of `children`
    PN_TEST_ANY,
    PN_TEST_THERE,
    PN_TEST_EQUALS,
    PN_TEST_STARTS,
    PN_TEST_AMONG,  // equals one of the texts of `others`
    PN_TEST_BEFORE, // an earlier time than that of `others`
    PN_TEST_IN_TABLE,
    PN_TEST_CONTAINS, // a phrase of `table`
    PN_TEST_IS        // a kind of text, by `kind`
};

struct pn_map_condition {
    enum pn_map_test test;
    bool is_not;
    bool is_any; // of all the nodes at `path`, not of the first that has a text
    const struct pn_map_path *path;
    const struct pn_map_path *others;
    const struct pn_slice *values;
    unsigned value_count;
    const struct pn_map_table *table;
    bool (*kind)(struct pn_slice text);
    const struct pn_map_condition *children;
    unsigned child_count;
};

// --- Code tables ---------------------------------------------------------------------------------

struct pn_map_code {
    struct pn_slice from, to, system, display;
};

struct pn_map_table {
    const char *name;                // as the mapping names it
    const char *file;                // what errors call it
    const struct pn_map_code *codes; // ordered by `from`, ASCII case left out
    unsigned code_count;
    const struct pn_map_code *others; // the row `*`, or NULL
};

// --- Values --------------------------------------------------------------------------------------

struct pn_map_run;
struct pn_map_conversion;
typedef enum pn_code (*pn_map_convert)(const struct pn_map_run *run,
                                       const struct pn_map_conversion *conversion,
                                       struct pn_slice text, struct pn_slice *ret_text,
                                       struct pn_err *err);

struct pn_map_conversion {
    const char *name;
    pn_map_convert convert;
    const struct pn_adapter_hook_function *hook;
    bool is_bare; // in JSON documents without quotes
};

struct pn_map_template_part {
    struct pn_slice text;
    const struct pn_map_path *path; // NULL: text
    const struct pn_map_conversion *conversion;
};

struct pn_map_template {
    const struct pn_map_template_part *parts;
    unsigned part_count;
};

// A text by which a message names one of its persons or resources; `each`: one for each item.
struct pn_map_name {
    const struct pn_map_path *each;
    const struct pn_map_template *text;
};

struct pn_map_names {
    const struct pn_map_name *items;
    unsigned count;
};

enum pn_map_policy { PN_POLICY_SKIP, PN_POLICY_REJECT, PN_POLICY_DEFAULT };
enum pn_map_column { PN_COLUMN_TO, PN_COLUMN_SYSTEM, PN_COLUMN_DISPLAY };

// Where something stands in the adapter's files; `node` is NULL when only the file is known.
struct pn_map_place {
    const struct pn_yaml *node;
    const char *file;
};

struct pn_map_score;

struct pn_map_value {
    struct pn_map_place place; // no file: that of its row
    const struct pn_map_path *const *from;
    unsigned from_count;
    const struct pn_map_template *text; // instead of `from`
    const struct pn_map_score *score;   // likewise
    bool is_literal;
    struct pn_slice literal;
    const struct pn_map_conversion *conversions;
    unsigned conversion_count;
    const struct pn_map_table *table;
    enum pn_map_column column;
    const struct pn_map_path *plus, *plus_unit; // a duration to add to a time
    struct pn_slice plus_unit_literal;
    enum pn_map_policy missing, invalid;
    struct pn_slice otherwise;
    unsigned max_chars; // longer text is cut; 0: never
    const char *where;  // what errors call it
    const char *reason; // of `missing: reject`
};

// --- Keys ----------------------------------------------------------------------------------------

struct pn_map_key {
    const struct pn_map_value *parts;
    unsigned part_count;
};

// --- Rows ----------------------------------------------------------------------------------------

enum pn_map_sink { PN_SINK_FHIR, PN_SINK_HL7V2, PN_SINK_XML, PN_SINK_JSON, PN_SINK_TEXT };
enum pn_map_shape { PN_SHAPE_PRIMITIVE, PN_SHAPE_CODING, PN_SHAPE_REFERENCE, PN_SHAPE_WHOLE };

struct pn_map_out_step {
    struct pn_slice name;
    bool is_item; // appends an item to a list
};

struct pn_map_target {
    const char *text;
    enum pn_map_shape shape;
    bool appends; // a new item each time; otherwise the first row that gives a value wins
    // FHIR
    const struct pn_fhir_path *path; // the primitive; what a block or a copy puts there
    const struct pn_fhir_path *code, *system, *display; // after each other, of one new item
    // a document tree
    const struct pn_map_out_step *steps;
    unsigned step_count;
};

enum pn_map_row_kind {
    PN_ROW_SET,
    PN_ROW_BLOCK,
    PN_ROW_REQUIRE,
    PN_ROW_REJECT,
    PN_ROW_REFERENCE,
    PN_ROW_REFERS,
    PN_ROW_COPY,
    PN_ROW_LINE
};

struct pn_map_row {
    enum pn_map_row_kind kind;
    unsigned number; // of the counter
    const struct pn_map_condition *when;
    const struct pn_map_path *each;
    const struct pn_map_target *target;
    struct pn_map_value value;
    const struct pn_map_row *rows;
    unsigned row_count;
    bool has_sources;     // a block: some row in it reads the message
    const char *resource; // PN_ROW_REFERENCE
    const struct pn_map_key *key;
    struct pn_map_names refers; // PN_ROW_REFERS
    const char *where, *reason; // PN_ROW_REQUIRE, PN_ROW_REJECT
    enum pn_code code;          // PN_ROW_REJECT
    const struct pn_map_path *copy;
    const char *const *remove; // paths with dots; ends with NULL
    const char *const *keep;   // member names; NULL: all
};

// --- In ------------------------------------------------------------------------------------------

struct pn_map_part {
    const char *name;
    const struct pn_map_path *from;
    bool is_base64;
    enum pn_format format;
    bool is_required;
};

struct pn_map_person {
    struct pn_map_place place;
    const struct pn_map_condition *when;
    const struct pn_map_path *each;
    struct pn_map_names known_as;
    bool is_once; // left out when a name of it is known already
    const struct pn_map_row *rows;
    unsigned row_count;
    const struct pn_map_condition *previous_when;
    const struct pn_map_row *previous_rows;
    unsigned previous_row_count;
};

struct pn_map_event {
    const char *type;
    const char *resource;
    unsigned number;
    const struct pn_map_condition *when;
    const struct pn_map_path *each;
    const struct pn_map_value *person; // NULL: the message's first, or by `person_names`
    bool has_no_person;                // `person: none`
    struct pn_map_names person_names;
    const char *person_where;
    struct pn_map_names known_as;              // how other events of the message refer to this one
    const struct pn_map_condition *known_only; // it is there to be referred to: no event is made
    const struct pn_map_key *key;
    struct pn_map_value time;
    struct pn_map_value recorded;
    struct pn_map_value sector; // one of the sectors; nothing: the adapter's
    const struct pn_map_row *rows;
    unsigned row_count;
    const struct pn_map_target *needs; // without it there is no event; may be NULL
};

struct pn_map_in {
    const char *file;
    enum pn_format format;
    const struct pn_slice *messages; // patterns; `*` at the end matches any rest
    unsigned message_count;
    struct pn_map_value message_from;
    const struct pn_map_condition *when;
    bool may_be_empty;  // a message in which the mapping finds nothing is no fault
    const char *refuse; // reason: the message is known and not wanted
    const char *ignore; // reason: it is taken, and nothing comes of it
    unsigned reason_number;
    struct pn_map_value control_id;
    struct pn_map_value sender;
    struct pn_map_value recorded;
    const struct pn_map_part *parts;
    unsigned part_count;
    const struct pn_map_row *checks; // rows that only refuse; run first
    unsigned check_count;
    const struct pn_map_person *persons;
    unsigned person_count;
    struct pn_map_event *events;
    unsigned event_count;
};

struct pn_map_intake {
    enum pn_transport transport;
    enum pn_format format;
    const char *file_suffix; // "" takes all
    bool is_split;           // a file is a list of messages
    struct pn_split_options split;
};

// --- Out -----------------------------------------------------------------------------------------

// Why what stands there does not fit, in the adapter's own words.
struct pn_map_loss {
    const struct pn_map_path *path;
    struct pn_loss_reason reason;
};

// Which register a document is written into (map/register.h).
enum pn_map_register { PN_REGISTER_ANY, PN_REGISTER_PATIENT, PN_REGISTER_SOCIAL };

struct pn_map_document {
    const char *name; // of a part; NULL: a document that is sent
    enum pn_map_sink sink;
    const char *resource; // PN_SINK_FHIR
    const char *root;     // PN_SINK_XML: the document element
    enum pn_map_register register_kind;
    const struct pn_map_condition *when;
    const struct pn_map_path *each;
    const struct pn_map_row *rows;
    unsigned row_count;
    struct pn_map_value path, method, content_type, receipt_id, if_match;
};

struct pn_map_receipt {
    bool is_there;
    bool has_body; // `format` is given: the answer is read
    enum pn_format format;
    struct pn_map_value match;
    bool has_match;
    const struct pn_map_condition *accepted, *try_again, *committed;
    struct pn_map_value words, remote_id;
};

// A file of out/.
struct pn_map_out_file {
    const struct pn_map_document *documents; // parts and documents, in order
    unsigned document_count;
    struct pn_map_receipt receipt;
    const struct pn_map_loss *losses;
    unsigned loss_count;
};

struct pn_adapter {
    struct pn_adapter_info info;
    const char *folder;
    const char *libraries[PN_MAP_LIBRARIES_MAX];
    unsigned library_count;
    enum pn_map_register register_kind; // of documents that do not say
    struct pn_map_intake intakes[3];
    const struct pn_map_part *wraps; // messages inside others: the first that is there
    unsigned wrap_count;
    const struct pn_map_in *ins;
    unsigned in_count;
    struct pn_map_out_file outs[PN_OUT_OF_COUNT];
    const struct pn_map_place *places;
    unsigned place_count;
    unsigned char *hits; // lent by `adapter check`; NULL: nobody counts
    struct pn_adapter_reads
        *reads; // lent by `adapter trace` and the loss report; NULL: not watched
};

// The name of a sector as it is written; NULL when there is none of that name.
const char *pn_map_sector_find(struct pn_slice name);

#endif
