// SPDX-License-Identifier: Apache-2.0
/*
 * Which route a request takes, and its parameters.
 */
#include <stdio.h>
#include <string.h>

#include "net/http_exchange.h"

static enum pn_http_method method_for_routes(const struct pn_http_exchange *exchange)
{
    enum pn_http_method method = pn_http_request_method(exchange);
    return method == PN_HTTP_HEAD ? PN_HTTP_GET : method;
}

unsigned pn_http_exchange_find_route(struct pn_http_exchange *exchange)
{
    const struct pn_http_server_options *options = pn_http_server_options_of(exchange->server);
    enum pn_http_method method = method_for_routes(exchange);
    unsigned allowed = 0;
    for (unsigned i = 0; i < options->route_count; i++) {
        const struct pn_http_route *route = &options->routes[i];
        struct pn_slice values[PN_HTTP_SEGMENTS_MAX];
        unsigned value_count = 0;
        if (!pn_http_route_fits(route->path, &exchange->target, values, &value_count)) {
            continue;
        }
        allowed |= route->method;
        bool is_better = exchange->route == NULL || value_count < exchange->value_count;
        if (route->method == method && is_better) {
            exchange->route = route;
            exchange->value_count = value_count;
            memcpy(exchange->values, values, sizeof values);
        }
    }
    return allowed;
}

static void add_allow(struct pn_http_exchange *exchange, unsigned allowed)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%s%s%s%s", allowed & PN_HTTP_GET ? ", GET, HEAD" : "",
                   allowed & PN_HTTP_POST ? ", POST" : "", allowed & PN_HTTP_PUT ? ", PUT" : "",
                   allowed & PN_HTTP_DELETE ? ", DELETE" : "");
    pn_http_add_header(exchange, "Allow", text + 2);
}

bool pn_http_exchange_is_form(const struct pn_http_exchange *exchange)
{
    struct pn_slice rest = {0};
    struct pn_slice type = pn_slice_split(pn_http_header(exchange, "Content-Type"), ';', &rest);
    return pn_http_request_method(exchange) == PN_HTTP_POST &&
           pn_slice_is_nocase(pn_slice_trim(type), "application/x-www-form-urlencoded");
}

int pn_http_exchange_add_parameters(struct pn_http_exchange *exchange, struct pn_slice text,
                                    struct pn_err *err)
{
    if (text.len == 0) {
        return 0;
    }
    if (exchange->parameters == NULL) {
        exchange->parameters = pn_arena_alloc(exchange->arena, sizeof *exchange->parameters);
    }
    if (exchange->parameters == NULL) {
        (void)pn_err_set(err, PN_MEMORY, "query", "no memory is left for this request");
        return 503;
    }
    return pn_http_parameters_parse(exchange->arena, text, exchange->parameters, err);
}

bool pn_http_exchange_has_route(struct pn_http_exchange *exchange, unsigned allowed)
{
    struct pn_err err = {0};
    if (exchange->route != NULL) {
        return true;
    }
    if (allowed == 0) {
        (void)pn_err_set(&err, PN_NOT_FOUND, "path", "there is nothing at this path");
        pn_http_answer_status(exchange, 404, &err);
    } else {
        add_allow(exchange, allowed);
        (void)pn_err_set(&err, PN_UNSUPPORTED, "method", "this path does not have this method");
        pn_http_answer_status(exchange, 405, &err);
    }
    return false;
}
