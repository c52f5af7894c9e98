// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "codec/hl7v2_parts.h"

// The class of a byte: which level it ends.
enum {
    CLASS_TEXT = 0,
    CLASS_SUBCOMPONENT = 1,
    CLASS_COMPONENT = 2,
    CLASS_REPEAT = 4,
    CLASS_FIELD = 8,
    CLASS_ESCAPE = 16
};

struct reading {
    struct pn_arena *arena;
    struct pn_tree_maker maker;
    struct pn_hl7v2_delimiters delimiters;
    enum pn_charset charset;
    bool ends_with_cr; // a line feed is text unless a segment follows it
    char only_end;     // the one character that ends segments, when no other could
    uint8_t class_of[256];
    const struct pn_node *segment;
    unsigned field_number;
    struct pn_err *err;
};

// Children are linked through the place where the next one goes.
struct children {
    struct pn_node *parent;
    const struct pn_node **next;
};

static struct children children_of(struct pn_node *parent)
{
    return (struct children){.parent = parent, .next = &parent->first_child};
}

static struct pn_node *add_child(struct reading *r, struct children *children, unsigned number,
                                 enum pn_node_kind kind)
{
    struct pn_node *node = pn_tree_make(&r->maker, children->parent, pn_hl7v2_number(number));
    if (node == NULL) {
        return NULL;
    }
    node->kind = (uint8_t)kind;
    node->place = r->segment->place;
    *children->next = node;
    children->next = &node->next;
    return node;
}

// Where the place is told: `PID-3`, with the segment's number when there are several.
static enum pn_code field_fault(struct reading *r, enum pn_code code, const char *text)
{
    char where[PN_ERR_WHERE_BYTES];
    unsigned number = 1;
    unsigned count = 0;
    const struct pn_node *each = r->segment->parent->first_child;
    for (; each != NULL; each = each->next) {
        if (pn_slice_eq(each->name, r->segment->name)) {
            count++;
            number = each == r->segment ? count : number;
        }
    }
    if (count > 1) {
        snprintf(where, sizeof where, "%.*s[%u]-%u", PN_SLICE_FMT(r->segment->name), number,
                 r->field_number);
    } else {
        snprintf(where, sizeof where, "%.*s-%u", PN_SLICE_FMT(r->segment->name), r->field_number);
    }
    return code == PN_LIMIT ? pn_tree_full(r->err, where)
                            : pn_err_set(r->err, code, where, "%s", text);
}

static enum pn_code full(struct reading *r)
{
    return field_fault(r, PN_LIMIT, "");
}

static bool is_blank(struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != ' ') {
            return false;
        }
    }
    return true;
}

// `seen` are the classes inside the text that is read: it tells what need not be looked for again.
static enum pn_code set_value(struct reading *r, struct pn_node *node, struct pn_slice raw,
                              unsigned seen)
{
    if (raw.len == 2 && raw.ptr[0] == '"' && raw.ptr[1] == '"') {
        node->is_null = true;
        return PN_OK;
    }
    if ((seen & CLASS_ESCAPE) == 0) {
        node->value = raw;
        return PN_OK;
    }
    node->value = pn_hl7v2_unescape(r->arena, raw, &r->delimiters, r->charset);
    return node->value.ptr == NULL ? full(r) : PN_OK;
}

// The part of *text before the next byte of one of `classes`, which is taken off; *ret_seen are the
// classes inside the part. False when nothing is left.
static bool take_part(const struct reading *r, struct pn_slice *text, unsigned classes,
                      struct pn_slice *ret_part, unsigned *ret_seen)
{
    if (text->ptr == NULL) {
        return false;
    }
    unsigned seen = 0;
    size_t i = 0;
    for (; i < text->len; i++) {
        unsigned class = r->class_of[(uint8_t)text->ptr[i]];
        if ((class & classes) != 0) {
            break;
        }
        seen |= class;
    }
    *ret_part = pn_slice_of(text->ptr, i);
    *ret_seen = seen;
    *text =
        i == text->len ? pn_slice_of(NULL, 0) : pn_slice_of(text->ptr + i + 1, text->len - i - 1);
    return true;
}

static void take_first_value(struct pn_node *node)
{
    const struct pn_node *first = node->first_child;
    if (first != NULL && first->name.len == 1 && first->name.ptr[0] == '1') {
        node->value = first->value;
        node->is_null = first->is_null && first->next == NULL;
    }
}

static enum pn_code read_subcomponents(struct reading *r, struct pn_node *node,
                                       struct pn_slice text)
{
    struct children children = children_of(node);
    struct pn_slice part;
    unsigned seen = 0;
    unsigned number = 0;
    while (take_part(r, &text, CLASS_SUBCOMPONENT, &part, &seen)) {
        number++;
        if (is_blank(part)) {
            continue;
        }
        if (number > PN_HL7V2_FIELDS_MAX) {
            return field_fault(r, PN_INVALID, "too many subcomponents");
        }
        struct pn_node *child = add_child(r, &children, number, PN_NODE_TEXT);
        enum pn_code code = child == NULL ? full(r) : set_value(r, child, part, seen);
        if (code != PN_OK) {
            return code;
        }
    }
    take_first_value(node);
    return PN_OK;
}

static bool is_empty_below(struct pn_slice text, const struct reading *r)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != ' ' && r->class_of[(uint8_t)text.ptr[i]] != CLASS_SUBCOMPONENT &&
            r->class_of[(uint8_t)text.ptr[i]] != CLASS_COMPONENT) {
            return false;
        }
    }
    return true;
}

static enum pn_code read_components(struct reading *r, struct pn_node *field, struct pn_slice text)
{
    struct children children = children_of(field);
    struct pn_slice part;
    unsigned seen = 0;
    unsigned number = 0;
    while (take_part(r, &text, CLASS_COMPONENT, &part, &seen)) {
        number++;
        if (part.len == 0 || is_empty_below(part, r)) {
            continue;
        }
        if (number > PN_HL7V2_FIELDS_MAX) {
            return field_fault(r, PN_INVALID, "too many components");
        }
        struct pn_node *child = add_child(r, &children, number, PN_NODE_COMPONENT);
        if (child == NULL) {
            return full(r);
        }
        bool has_parts = (seen & CLASS_SUBCOMPONENT) != 0;
        enum pn_code code =
            has_parts ? read_subcomponents(r, child, part) : set_value(r, child, part, seen);
        if (code != PN_OK) {
            return code;
        }
    }
    take_first_value(field);
    return PN_OK;
}

static enum pn_code read_repeat(struct reading *r, struct children *fields, unsigned repeat,
                                struct pn_slice part, unsigned seen)
{
    if (part.len == 0 || is_empty_below(part, r)) {
        return PN_OK;
    }
    if (repeat > PN_HL7V2_REPEATS_MAX) {
        return field_fault(r, PN_INVALID, "too many repetitions");
    }
    struct pn_node *field = add_child(r, fields, r->field_number, PN_NODE_FIELD);
    if (field == NULL) {
        return full(r);
    }
    field->repeat = (uint16_t)repeat;
    bool has_parts = (seen & (CLASS_COMPONENT | CLASS_SUBCOMPONENT)) != 0;
    return has_parts ? read_components(r, field, part) : set_value(r, field, part, seen);
}

static enum pn_code read_field(struct reading *r, struct children *fields, struct pn_slice text,
                               unsigned seen)
{
    if ((seen & CLASS_REPEAT) == 0) {
        return read_repeat(r, fields, 1, text, seen);
    }
    struct pn_slice part;
    unsigned repeat = 0;
    enum pn_code code = PN_OK;
    while (code == PN_OK && take_part(r, &text, CLASS_REPEAT, &part, &seen)) {
        code = read_repeat(r, fields, ++repeat, part, seen);
    }
    return code;
}

// A field whose value is given as it is: MSH-1 and MSH-2 hold the delimiters themselves.
static enum pn_code add_literal(struct reading *r, struct children *fields, unsigned number,
                                struct pn_slice value)
{
    r->field_number = number;
    struct pn_node *field = add_child(r, fields, number, PN_NODE_FIELD);
    if (field == NULL) {
        return full(r);
    }
    field->value = value;
    field->repeat = 1;
    return PN_OK;
}

static enum pn_code read_fields(struct reading *r, struct pn_node *segment, struct pn_slice text)
{
    struct children fields = children_of(segment);
    struct pn_slice rest = pn_slice_of(text.ptr + 3, text.len - 3);
    struct pn_slice part;
    unsigned seen = 0;
    unsigned number = 0;
    enum pn_code code = PN_OK;
    bool is_header = segment->place == 1;
    if (is_header) {
        code = add_literal(r, &fields, 1, pn_slice_of(text.ptr + 3, 1));
        number = 1;
    }
    take_part(r, &rest, CLASS_FIELD, &part, &seen); // nothing stands between the name and the first
    while (code == PN_OK && take_part(r, &rest, CLASS_FIELD, &part, &seen)) {
        r->field_number = ++number;
        if (part.len == 0) {
            continue;
        }
        if (number > PN_HL7V2_FIELDS_MAX) {
            return field_fault(r, PN_INVALID, "too many fields");
        }
        code = is_header && number == 2 ? add_literal(r, &fields, 2, part)
                                        : read_field(r, &fields, part, seen);
    }
    return code;
}

static bool is_segment_name(struct pn_slice text)
{
    for (size_t i = 0; i < 3; i++) {
        bool is_letter = text.len > i && text.ptr[i] >= 'A' && text.ptr[i] <= 'Z';
        bool is_digit = text.len > i && i > 0 && text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (!is_letter && !is_digit) {
            return false;
        }
    }
    return true;
}

static bool starts_segment(const struct reading *r, struct pn_slice text)
{
    return text.len == 0 || text.ptr[0] == '\r' || text.ptr[0] == '\n' ||
           (is_segment_name(text) && (text.len == 3 || text.ptr[3] == r->delimiters.field ||
                                      text.ptr[3] == '\r' || text.ptr[3] == '\n'));
}

static struct pn_slice take_segment(const struct reading *r, struct pn_slice *text)
{
    size_t i = 0;
    if (r->only_end != '\0') {
        const char *end = memchr(text->ptr, r->only_end, text->len);
        i = end == NULL ? text->len : (size_t)(end - text->ptr);
    }
    for (; r->only_end == '\0' && i < text->len; i++) {
        char c = text->ptr[i];
        struct pn_slice after = pn_slice_of(text->ptr + i + 1, text->len - i - 1);
        if (c == '\r' || (c == '\n' && (!r->ends_with_cr || starts_segment(r, after)))) {
            break;
        }
    }
    struct pn_slice segment = pn_slice_of(text->ptr, i);
    size_t taken = i < text->len ? i + 1 : i;
    *text = pn_slice_of(text->ptr + taken, text->len - taken);
    return segment;
}

static enum pn_code segment_fault(struct reading *r, unsigned number, enum pn_code code,
                                  const char *text)
{
    char where[32];
    snprintf(where, sizeof where, "segment %u", number);
    return pn_err_set(r->err, code, where, "%s", text);
}

static enum pn_code read_segment(struct reading *r, struct children *segments, unsigned number,
                                 struct pn_slice text)
{
    if (!is_segment_name(text) || (text.len > 3 && text.ptr[3] != r->delimiters.field)) {
        return segment_fault(r, number, PN_INVALID,
                             "does not begin with a segment name and the field separator");
    }
    if (number > PN_HL7V2_SEGMENTS_MAX) {
        return segment_fault(r, number, PN_LIMIT, "too many segments");
    }
    struct pn_slice name = pn_slice_of(text.ptr, 3);
    if (number > 1 && pn_slice_is(name, "MSH")) {
        return segment_fault(r, number, PN_INVALID, "a second MSH: two messages in one frame");
    }
    struct pn_node *segment = pn_tree_make(&r->maker, segments->parent, name);
    if (segment == NULL) {
        return segment_fault(r, number, PN_LIMIT, "the message is too large to read");
    }
    segment->place = number;
    *segments->next = segment;
    segments->next = &segment->next;
    r->segment = segment;
    return read_fields(r, segment, text);
}

static enum pn_code read_segments(struct reading *r, struct pn_node *root, struct pn_slice text)
{
    struct children segments = children_of(root);
    unsigned number = 0;
    while (text.len > 0) {
        struct pn_slice segment = take_segment(r, &text);
        struct pn_slice trimmed = pn_slice_trim(segment);
        if (trimmed.len == 0) {
            continue;
        }
        enum pn_code code = read_segment(r, &segments, ++number, segment);
        if (code != PN_OK) {
            return code;
        }
    }
    return PN_OK;
}

static void set_class(struct reading *r, char c, unsigned class)
{
    if (c != '\0') {
        r->class_of[(uint8_t)c] = (uint8_t) class;
    }
}

static void set_classes(struct reading *r)
{
    set_class(r, r->delimiters.field, CLASS_FIELD);
    set_class(r, r->delimiters.component, CLASS_COMPONENT);
    set_class(r, r->delimiters.repeat, CLASS_REPEAT);
    set_class(r, r->delimiters.escape, CLASS_ESCAPE);
    set_class(r, r->delimiters.subcomponent, CLASS_SUBCOMPONENT);
}

// UTF-16 shows by its BOM or by the zero bytes around the M of MSH.
static struct pn_slice from_utf16(struct pn_arena *arena, struct pn_slice bytes)
{
    bool has_bom =
        pn_slice_starts_with(bytes, "\xFF\xFE") || pn_slice_starts_with(bytes, "\xFE\xFF");
    bool is_little = bytes.len >= 2 && (has_bom ? bytes.ptr[0] == '\xFF'
                                                : bytes.ptr[0] == 'M' && bytes.ptr[1] == '\0');
    bool is_big =
        bytes.len >= 2 && (has_bom ? !is_little : bytes.ptr[0] == '\0' && bytes.ptr[1] == 'M');
    if (!is_little && !is_big) {
        return bytes;
    }
    size_t skipped = has_bom ? 2 : 0;
    return pn_charset_to_utf8(arena, is_little ? PN_CHARSET_UTF16LE : PN_CHARSET_UTF16BE,
                              pn_slice_of(bytes.ptr + skipped, bytes.len - skipped));
}

// The first of MSH-18's repetitions that says more than ASCII. UNKNOWN with *ret_is_said when the
// name is not known.
static enum pn_charset said_charset(struct pn_slice field, char repeat, bool *ret_is_said)
{
    *ret_is_said = false;
    while (field.len > 0) {
        struct pn_slice name = field;
        if (repeat == '\0') {
            field.len = 0;
        } else {
            name = pn_slice_split(field, repeat, &field);
        }
        enum pn_charset charset = pn_charset_find(name);
        if (pn_slice_trim(name).len > 0 && charset != PN_CHARSET_ASCII) {
            *ret_is_said = true;
            return charset;
        }
    }
    return PN_CHARSET_ASCII;
}

static enum pn_code choose_charset(const struct pn_codec_input *input, struct pn_slice bytes,
                                   const struct pn_hl7v2_header *header,
                                   struct pn_hl7v2 *ret_message, struct pn_err *err)
{
    bool is_said = false;
    enum pn_charset said = said_charset(header->charset, header->delimiters.repeat, &is_said);
    if (said == PN_CHARSET_UTF16LE || said == PN_CHARSET_UTF16BE) {
        said = PN_CHARSET_UTF8; // from_utf16 has already converted what really is UTF-16
    }
    ret_message->is_charset_wrong = false;
    if (pn_text_is_ascii(bytes)) {
        ret_message->charset = said == PN_CHARSET_UNKNOWN ? PN_CHARSET_ASCII : said;
    } else if (!is_said) {
        ret_message->charset = pn_charset_choose(input->charset_default, bytes);
    } else if (said == PN_CHARSET_UNKNOWN) {
        return pn_err_set(err, PN_UNSUPPORTED, "MSH-18",
                          "a character set that is not known here: use UNICODE UTF-8 or 8859/1");
    } else {
        bool is_wrong = said == PN_CHARSET_UTF8 && !pn_utf8_is_valid(bytes);
        ret_message->charset = is_wrong ? PN_CHARSET_LATIN1 : said;
        ret_message->is_charset_wrong = is_wrong;
    }
    return PN_OK;
}

static enum pn_code refuse_start(struct pn_slice bytes, struct pn_err *err)
{
    struct pn_slice text = pn_slice_trim(bytes);
    if (pn_slice_starts_with(text, "FHS") || pn_slice_starts_with(text, "BHS")) {
        const char *where = text.ptr[0] == 'F' ? "FHS" : "BHS";
        return pn_err_set(err, PN_UNSUPPORTED, where,
                          "batches and files are not taken: send each message by itself");
    }
    return pn_err_set(err, PN_INVALID, "MSH", "the message does not begin with MSH");
}

static void find_ends(struct reading *r, struct pn_slice text)
{
    const char *cr = memchr(text.ptr, '\r', text.len);
    const char *lf = memchr(text.ptr, '\n', text.len);
    r->ends_with_cr = cr != NULL && (lf == NULL || (cr < lf && cr + 1 != lf));
    if (cr == NULL || lf == NULL) {
        r->only_end = cr != NULL ? '\r' : '\n';
    }
}

static enum pn_code read_text(struct reading *r, struct pn_slice text, struct pn_hl7v2 *message)
{
    if (memchr(text.ptr, '\0', text.len) != NULL) {
        return pn_err_set(r->err, PN_INVALID, "message", "holds a NUL character");
    }
    find_ends(r, text);
    set_classes(r);
    struct pn_node *root = pn_tree_make(&r->maker, NULL, pn_slice_of(NULL, 0));
    if (root == NULL) {
        return pn_tree_full(r->err, "message");
    }
    enum pn_code code = read_segments(r, root, text);
    message->root = root;
    return code;
}

enum pn_code pn_hl7v2_read(struct pn_arena *arena, const struct pn_codec_input *input,
                           struct pn_hl7v2 *ret_message, struct pn_err *err)
{
    assert(arena != NULL && input != NULL);
    struct pn_slice bytes = from_utf16(arena, input->bytes);
    struct pn_slice msh = pn_hl7v2_msh(bytes);
    if (msh.len == 0) {
        return refuse_start(bytes, err);
    }
    struct reading reading = {.arena = arena, .err = err};
    const char *fault = pn_hl7v2_delimiters(msh, &reading.delimiters);
    if (fault != NULL) {
        return pn_err_set(err, PN_INVALID, "MSH-2", "%s", fault);
    }
    pn_tree_maker_init(&reading.maker, arena);
    bytes = pn_slice_of(msh.ptr, bytes.len - (size_t)(msh.ptr - bytes.ptr));
    struct pn_hl7v2 message = {0};
    pn_hl7v2_peek(msh, &message.header);
    enum pn_code code = choose_charset(input, bytes, &message.header, &message, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_slice text = pn_charset_to_utf8(arena, message.charset, bytes);
    if (text.ptr == NULL) {
        return pn_tree_full(err, "message");
    }
    reading.charset = message.charset;
    code = read_text(&reading, text, &message);
    if (code == PN_OK) {
        if (text.ptr != bytes.ptr) {
            pn_hl7v2_peek(text, &message.header);
        }
        *ret_message = message;
    }
    return code;
}
