// SPDX-License-Identifier: Apache-2.0
#include "privacy/token.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/yaml.h"
#include "privacy/access.h"
#include "privacy/secret.h"

enum {
    PATH_BYTES = 4096,
    RANDOM_BYTES = 32,
    FILE_BYTES_MAX = 256 * 1024,
    ARENA_BYTES_MAX = 4 * 1024 * 1024
};

static const char file_name[] = "tokens.yaml";
static const char first_name[] = "first";

struct token {
    struct pn_caller caller;
    char mac[PN_MAC_TEXT_BYTES];
};

struct pn_tokens {
    const struct pn_privacy *privacy;
    char folder[PATH_BYTES];
    struct token rows[PN_TOKENS_MAX];
    unsigned count;
    char seen_mac[PN_MAC_TEXT_BYTES]; // of the file as last read
};

static bool name_is_good(struct pn_slice name)
{
    if (name.len == 0 || name.len >= PN_TOKEN_NAME_BYTES) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_plain && (i == 0 || strchr("-_.@", c) == NULL || c == '\0')) {
            return false;
        }
    }
    return true;
}

// --- The file ------------------------------------------------------------------------------------

static enum pn_code read_roles(const struct pn_yaml *list, unsigned *ret_roles, struct pn_err *err)
{
    unsigned roles = 0;
    if (list == NULL || list->kind != PN_YAML_LIST || list->child_count == 0) {
        return pn_yaml_fault(err, file_name, list, "a list of roles is expected");
    }
    for (const struct pn_yaml *item = list->first_child; item != NULL; item = item->next) {
        if (!pn_role_parse(item->scalar, &roles)) {
            return pn_yaml_fault(err, file_name, item, "no such role");
        }
    }
    *ret_roles = roles;
    return PN_OK;
}

static bool teams_are_good(struct pn_slice teams)
{
    bool is_good = teams.len < PN_TOKEN_TEAMS_BYTES;
    for (size_t i = 0; i < teams.len; i++) {
        char c = teams.ptr[i];
        bool is_letter = c >= 'a' && c <= 'z';
        bool is_first = i == 0 || teams.ptr[i - 1] == ',';
        bool is_inside = (c >= '0' && c <= '9') || c == '-' || (c == ',' && i + 1 < teams.len);
        is_good = is_good && (is_letter || (!is_first && is_inside));
    }
    return is_good;
}

static enum pn_code read_teams(const struct pn_yaml *list, struct pn_caller *caller,
                               struct pn_err *err)
{
    struct pn_buf teams;
    pn_buf_init(&teams, PN_TOKEN_TEAMS_BYTES);
    const struct pn_yaml *item = list == NULL ? NULL : list->first_child;
    for (; item != NULL; item = item->next) {
        pn_buf_printf(&teams, "%s%.*s", item == list->first_child ? "" : ",",
                      PN_SLICE_FMT(item->scalar));
    }
    bool is_good = pn_buf_ok(&teams) && teams_are_good(pn_buf_slice(&teams)) &&
                   (list == NULL || (list->kind == PN_YAML_LIST && list->child_count > 0));
    if (is_good) {
        (void)snprintf(caller->teams, sizeof caller->teams, "%.*s",
                       PN_SLICE_FMT(pn_buf_slice(&teams)));
    }
    pn_buf_release(&teams);
    return is_good ? PN_OK
                   : pn_yaml_fault(err, file_name, list, "a list of teams' ids is expected");
}

static enum pn_code read_row(const struct pn_yaml *row, struct token *ret_token, struct pn_err *err)
{
    struct token token = {0};
    struct pn_slice name = pn_yaml_text(pn_yaml_get(row, "name"), "");
    struct pn_slice mac = pn_yaml_text(pn_yaml_get(row, "mac"), "");
    if (!name_is_good(name)) {
        return pn_yaml_fault(err, file_name, row, "name: letters, digits and - _ . @ expected");
    }
    if (mac.len != PN_MAC_TEXT_BYTES - 1) {
        return pn_yaml_fault(err, file_name, row, "mac: 64 hex digits expected");
    }
    memcpy(token.caller.name, name.ptr, name.len);
    memcpy(token.mac, mac.ptr, mac.len);
    enum pn_code code = read_roles(pn_yaml_get(row, "roles"), &token.caller.roles, err);
    code = code == PN_OK ? read_teams(pn_yaml_get(row, "teams"), &token.caller, err) : code;
    if (code == PN_OK) {
        *ret_token = token;
    }
    return code;
}

static enum pn_code read_rows(struct pn_tokens *tokens, const struct pn_yaml *list,
                              struct pn_err *err)
{
    if (list == NULL || list->child_count > PN_TOKENS_MAX) {
        return pn_yaml_fault(err, file_name, list, "tokens: a list of at most %d is expected",
                             PN_TOKENS_MAX);
    }
    struct token *rows = calloc(PN_TOKENS_MAX, sizeof *rows);
    if (rows == NULL) {
        return pn_err_set(err, PN_MEMORY, file_name, "no memory");
    }
    unsigned count = 0;
    enum pn_code code = PN_OK;
    for (const struct pn_yaml *row = list->first_child; row != NULL && code == PN_OK;
         row = row->next) {
        code = read_row(row, &rows[count++], err);
    }
    if (code == PN_OK) {
        memcpy(tokens->rows, rows, PN_TOKENS_MAX * sizeof *rows);
        tokens->count = count;
    }
    free(rows);
    return code;
}

enum pn_code pn_tokens_refresh(struct pn_tokens *tokens, struct pn_err *err)
{
    char *text = malloc(FILE_BYTES_MAX);
    struct pn_arena *arena = pn_arena_new(ARENA_BYTES_MAX);
    size_t len = 0;
    enum pn_code code =
        text == NULL || arena == NULL
            ? pn_err_set(err, PN_MEMORY, file_name, "no memory")
            : pn_secret_read(tokens->folder, file_name, text, FILE_BYTES_MAX, &len, err);
    if (code == PN_OK) {
        char mac[PN_MAC_TEXT_BYTES];
        pn_privacy_mac(tokens->privacy, "file", pn_slice_of(text, len), mac);
        const struct pn_yaml *root = NULL;
        if (strcmp(mac, tokens->seen_mac) != 0) {
            code = pn_yaml_parse(arena, file_name, pn_slice_of(text, len), &root, err);
            code = code == PN_OK ? read_rows(tokens, pn_yaml_get(root, "tokens"), err) : code;
        }
        if (code == PN_OK) {
            memcpy(tokens->seen_mac, mac, sizeof mac);
        }
    }
    pn_arena_free(arena);
    free(text);
    return code;
}

static void print_rows(const struct pn_tokens *tokens, struct pn_buf *out)
{
    pn_buf_add_str(out, "# Bearer tokens, by their MACs. Change it with `punos token`.\n");
    pn_buf_add_str(out, tokens->count == 0 ? "tokens: []\n" : "tokens:\n");
    for (unsigned i = 0; i < tokens->count; i++) {
        const struct token *token = &tokens->rows[i];
        pn_buf_printf(out, "  - name: \"%s\"\n    roles: [", token->caller.name);
        const char *separator = "";
        for (unsigned bit = 0; bit < PN_ROLE_COUNT; bit++) {
            if ((token->caller.roles & (1U << bit)) != 0) {
                pn_buf_printf(out, "%s%s", separator, pn_role_name((enum pn_role)(1U << bit)));
                separator = ", ";
            }
        }
        pn_buf_printf(out, "]\n");
        if (token->caller.teams[0] != '\0') {
            pn_buf_printf(out, "    teams: [%s]\n", token->caller.teams);
        }
        pn_buf_printf(out, "    mac: \"%s\"\n", token->mac);
    }
}

static enum pn_code save(struct pn_tokens *tokens, bool must_be_new, struct pn_err *err)
{
    struct pn_buf out;
    pn_buf_init(&out, FILE_BYTES_MAX);
    print_rows(tokens, &out);
    enum pn_code code = PN_OK;
    if (!pn_buf_ok(&out)) {
        code = pn_err_set(err, PN_LIMIT, file_name, "too many tokens");
    } else if (must_be_new) {
        code = pn_secret_write_new(tokens->folder, file_name, out.data, out.len, err);
    } else {
        code = pn_secret_replace(tokens->folder, file_name, out.data, out.len, err);
    }
    pn_buf_release(&out);
    return code;
}

// --- Making --------------------------------------------------------------------------------------

static enum pn_code make_text(char ret_text[static PN_TOKEN_TEXT_BYTES], struct pn_err *err)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[RANDOM_BYTES + 1] = {0};
    if (RAND_priv_bytes(bytes, RANDOM_BYTES) != 1) {
        return pn_err_set(err, PN_INTERNAL, "token", "no random numbers");
    }
    for (unsigned i = 0; i < PN_TOKEN_TEXT_BYTES - 1; i++) {
        unsigned bit = i * 6;
        unsigned pair = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + (bit / 8 < RANDOM_BYTES)];
        ret_text[i] = letters[(pair >> (10 - bit % 8)) & 63];
    }
    ret_text[PN_TOKEN_TEXT_BYTES - 1] = '\0';
    OPENSSL_cleanse(bytes, sizeof bytes);
    return PN_OK;
}

static unsigned find(const struct pn_tokens *tokens, const char *name)
{
    unsigned i = 0;
    while (i < tokens->count && strcmp(tokens->rows[i].caller.name, name) != 0) {
        i++;
    }
    return i;
}

static enum pn_code put(struct pn_tokens *tokens, const struct pn_caller *caller,
                        char ret_text[static PN_TOKEN_TEXT_BYTES], struct pn_err *err)
{
    if (!name_is_good(pn_slice_str(caller->name)) || caller->roles == 0) {
        return pn_err_set(err, PN_INVALID, "token",
                          "a name of letters, digits and - _ . @, and a role, are expected");
    }
    if (!teams_are_good(pn_slice_str(caller->teams))) {
        return pn_err_set(err, PN_INVALID, "teams", "teams' ids with commas between are expected");
    }
    if (find(tokens, caller->name) < tokens->count) {
        return pn_err_set(err, PN_CONFLICT, "token", "a token of that name is there already");
    }
    if (tokens->count == PN_TOKENS_MAX) {
        return pn_err_set(err, PN_LIMIT, "token", "there are %d tokens already", PN_TOKENS_MAX);
    }
    enum pn_code code = make_text(ret_text, err);
    if (code == PN_OK) {
        struct token *token = &tokens->rows[tokens->count++];
        *token = (struct token){.caller = *caller};
        pn_privacy_mac(tokens->privacy, "token", pn_slice_str(ret_text), token->mac);
    }
    return code;
}

// The token's file comes first: tokens.yaml decides who was first when two processes start at once.
static enum pn_code make_first(struct pn_tokens *tokens, struct pn_err *err)
{
    char text[PN_TOKEN_TEXT_BYTES];
    struct pn_caller first = {.roles = PN_ROLE_ADMIN | PN_ROLE_COORDINATOR | PN_ROLE_INTEGRATION};
    memcpy(first.name, first_name, sizeof first_name);
    enum pn_code code = put(tokens, &first, text, err);
    code = code == PN_OK ? save(tokens, true, err) : code;
    if (code == PN_OK) {
        char line[PN_TOKEN_TEXT_BYTES + 1];
        int len = snprintf(line, sizeof line, "%s\n", text);
        code = pn_secret_replace(tokens->folder, "api-token", line, (size_t)len, err);
        OPENSSL_cleanse(line, sizeof line);
    }
    OPENSSL_cleanse(text, sizeof text);
    return code;
}

enum pn_code pn_tokens_open(const char *data_dir, const struct pn_privacy *privacy,
                            struct pn_tokens **ret_tokens, bool *ret_made, struct pn_err *err)
{
    struct pn_tokens *tokens = calloc(1, sizeof *tokens);
    if (tokens == NULL) {
        return pn_err_set(err, PN_MEMORY, "tokens", "no memory");
    }
    tokens->privacy = privacy;
    enum pn_code code = pn_secret_folder(data_dir, tokens->folder, sizeof tokens->folder, err);
    code = code == PN_OK ? pn_tokens_refresh(tokens, err) : code;
    bool is_made = false;
    if (code == PN_NOT_FOUND) {
        code = make_first(tokens, err);
        is_made = code == PN_OK;
        // Another process made the first token in between: its file counts.
        code = code == PN_OK || code == PN_CONFLICT ? pn_tokens_refresh(tokens, err) : code;
    }
    if (code != PN_OK) {
        pn_tokens_close(tokens);
        return code;
    }
    if (ret_made != NULL) {
        *ret_made = is_made;
    }
    *ret_tokens = tokens;
    return PN_OK;
}

void pn_tokens_close(struct pn_tokens *tokens)
{
    if (tokens != NULL) {
        OPENSSL_cleanse(tokens, sizeof *tokens);
        free(tokens);
    }
}

enum pn_code pn_tokens_add(struct pn_tokens *tokens, const struct pn_caller *caller,
                           char ret_text[static PN_TOKEN_TEXT_BYTES], struct pn_err *err)
{
    char text[PN_TOKEN_TEXT_BYTES];
    enum pn_code code = pn_tokens_refresh(tokens, err);
    code = code == PN_OK ? put(tokens, caller, text, err) : code;
    if (code != PN_OK) {
        return code;
    }
    code = save(tokens, false, err);
    if (code == PN_OK) {
        memcpy(ret_text, text, sizeof text);
    } else {
        tokens->count--;
    }
    OPENSSL_cleanse(text, sizeof text);
    return code;
}

enum pn_code pn_tokens_remove(struct pn_tokens *tokens, const char *name, struct pn_err *err)
{
    enum pn_code code = pn_tokens_refresh(tokens, err);
    if (code != PN_OK) {
        return code;
    }
    unsigned index = find(tokens, name);
    if (index == tokens->count) {
        return pn_err_set(err, PN_NOT_FOUND, "token", "there is no token of that name");
    }
    tokens->rows[index] = tokens->rows[--tokens->count];
    return save(tokens, false, err);
}

// --- Checking ------------------------------------------------------------------------------------

enum pn_code pn_tokens_check(const struct pn_tokens *tokens, struct pn_slice bearer,
                             struct pn_caller *ret_caller, struct pn_err *err)
{
    char mac[PN_MAC_TEXT_BYTES];
    struct pn_slice bounded = bearer;
    bounded.len = bearer.len == PN_TOKEN_TEXT_BYTES - 1 ? bearer.len : 0;
    pn_privacy_mac(tokens->privacy, "token", bounded, mac);
    unsigned found = PN_TOKENS_MAX;
    for (unsigned i = 0; i < tokens->count; i++) {
        if (CRYPTO_memcmp(tokens->rows[i].mac, mac, PN_MAC_TEXT_BYTES) == 0) {
            found = i;
        }
    }
    if (found == PN_TOKENS_MAX || bounded.len == 0) {
        return pn_err_set(err, PN_DENIED, "Authorization", "no such token");
    }
    *ret_caller = tokens->rows[found].caller;
    return PN_OK;
}

bool pn_tokens_get(const struct pn_tokens *tokens, unsigned index, struct pn_caller *ret_caller)
{
    if (index >= tokens->count) {
        return false;
    }
    *ret_caller = tokens->rows[index].caller;
    return true;
}
