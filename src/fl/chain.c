/* Chains of transforms: parsing, the order of links, running both ends. See chain.h. */
#include "fl/chain.h"

#include "base/assert.h"
#include "base/error.h"
#include "base/text.h"
#include "choir/task.h"

#include <math.h>
#include <string.h>

/* Every transform there is. A new one is a new file and a new row. */
static const ch_transform_ops *const TRANSFORMS[] = {
    &ch_transform_clip,
    &ch_transform_weight,
    &ch_transform_uniform,
};

enum { SHOW_MAX = 72 };

static const ch_transform_ops *transform_find(const char *name, choir_error *err) {
    char known[CH_TEXT_LIST_MAX] = "";
    for (size_t i = 0; i < sizeof(TRANSFORMS) / sizeof(TRANSFORMS[0]); i++) {
        ch_text_list(known, sizeof(known), TRANSFORMS[i]->name);
        if (strcmp(TRANSFORMS[i]->name, name) == 0) {
            return TRANSFORMS[i];
        }
    }
    char shown[SHOW_MAX];
    ch_text_show(shown, sizeof(shown), name);
    (void)ch_error_set(err, CHOIR_EINVAL, "chain: '%s' is no link; known: %s", shown, known);
    return NULL;
}

choir_status ch_chain_link_check(const char *name, choir_error *err) {
    return transform_find(name, err) != NULL ? CHOIR_OK : CHOIR_EINVAL;
}

static choir_status knob_parse(ch_transform *link, const char *value, choir_error *err) {
    const ch_transform_ops *ops = link->ops;
    char shown[SHOW_MAX];
    ch_text_show(shown, sizeof(shown), value);
    if (ops->knob == NULL) {
        return ch_error_set(err, CHOIR_EINVAL, "chain: '%s' takes no number, but has '%s'",
                            ops->name, shown);
    }
    double knob = 0;
    if (!ch_text_read_f64(&knob, value) || !(knob >= ops->knob_min && knob <= ops->knob_max) ||
        (ops->knob_is_whole && knob != floor(knob))) {
        return ch_error_set(err, CHOIR_EINVAL, "chain: '%s=%s' must be a %s in [%g, %g]: %s",
                            ops->name, shown, ops->knob_is_whole ? "whole number" : "number",
                            ops->knob_min, ops->knob_max, ops->knob);
    }
    link->knob = knob;
    return CHOIR_OK;
}

/* The text without the blanks around it, cut in place. */
static char *trimmed(char *text) {
    text += strspn(text, " \t");
    size_t size = strlen(text);
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t')) {
        size -= 1;
    }
    text[size] = '\0';
    return text;
}

/* Splits text at '=' in place. */
static choir_status link_parse(ch_transform *link, char *text, choir_error *err) {
    char *equals = strchr(text, '=');
    if (equals != NULL) {
        *equals = '\0';
    }
    const ch_transform_ops *ops = transform_find(trimmed(text), err);
    if (ops == NULL) {
        return CHOIR_EINVAL;
    }
    *link = (ch_transform){.ops = ops, .knob = ops->knob_default};
    return equals == NULL ? CHOIR_OK : knob_parse(link, trimmed(equals + 1), err);
}

static choir_status chain_check(const ch_chain *chain, choir_error *err) {
    ch_domain domain = CH_DOMAIN_UPDATE;
    ch_stage stage = CH_STAGE_START;
    for (uint32_t i = 0; i < chain->count; i++) {
        const ch_transform_ops *ops = chain->links[i].ops;
        CH_ASSERT(ops != NULL);
        if (ops->stage <= stage || ops->from != domain) {
            return ch_error_set(err, CHOIR_EINVAL, "chain: '%s' may not follow '%s': %s", ops->name,
                                i == 0 ? "" : chain->links[i - 1].ops->name, ops->place);
        }
        domain = ops->to;
        stage = ops->stage;
    }
    if (domain != CH_DOMAIN_SUMMAND) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "chain: nothing says how a client's examples count; add 'weight' or "
                            "'uniform'");
    }
    return CHOIR_OK;
}

choir_status ch_chain_parse(ch_chain *chain, const char *text, choir_error *err) {
    char links[CHOIR_CHAIN_TEXT_MAX];
    if (text == NULL || strlen(text) >= sizeof(links)) {
        return ch_error_set(err, CHOIR_EINVAL, "chain: a text of at most %d bytes is needed",
                            CHOIR_CHAIN_TEXT_MAX - 1);
    }
    memcpy(links, text, strlen(text) + 1);
    ch_chain parsed = {0};
    for (char *at = links; at != NULL && links[0] != '\0';) {
        char *bar = strchr(at, '|');
        if (bar != NULL) {
            *bar = '\0';
        }
        if (parsed.count == CH_CHAIN_LINKS_MAX) {
            return ch_error_set(err, CHOIR_EINVAL, "chain: more than %d links", CH_CHAIN_LINKS_MAX);
        }
        const choir_status status = link_parse(&parsed.links[parsed.count], at, err);
        if (status != CHOIR_OK) {
            return status;
        }
        parsed.count += 1;
        at = bar == NULL ? NULL : bar + 1;
    }
    const choir_status status = chain_check(&parsed, err);
    if (status == CHOIR_OK) {
        *chain = parsed;
    }
    return status;
}

void ch_chain_client(const ch_chain *chain, ch_payload *p) {
    for (uint32_t i = 0; i < chain->count; i++) {
        chain->links[i].ops->client(&chain->links[i], p);
    }
}

choir_status ch_chain_server(const ch_chain *chain, ch_offer *offer) {
    CH_ASSERT(offer->weight >= 1);
    for (uint32_t i = 0; i < chain->count; i++) {
        const choir_status status = chain->links[i].ops->server(&chain->links[i], offer);
        if (status != CHOIR_OK) {
            return status;
        }
    }
    CH_ASSERT(offer->weight >= 1);
    return CHOIR_OK;
}

bool ch_chain_has(const ch_chain *chain, ch_stage stage) {
    for (uint32_t i = 0; i < chain->count; i++) {
        if (chain->links[i].ops->stage == stage) {
            return true;
        }
    }
    return false;
}

bool ch_chain_is_uniform(const ch_chain *chain) {
    return ch_chain_weight_max(chain, UINT32_MAX) == 1;
}

uint32_t ch_chain_weight_max(const ch_chain *chain, uint32_t examples_max) {
    ch_offer offer = {.norm = 0, .weight = examples_max};
    ch_ignore(ch_chain_server(chain, &offer), "a norm of 0 breaks no promise");
    return offer.weight;
}

double ch_chain_sensitivity(const ch_chain *chain, double norm_max, uint32_t examples_max,
                            uint32_t dim, uint32_t scale_bits) {
    double sensitivity = norm_max;
    for (uint32_t i = 0; i < chain->count; i++) {
        const ch_transform *link = &chain->links[i];
        sensitivity = link->ops->sensitivity(link, sensitivity, examples_max);
    }
    const double rounding = sqrt(dim) / (double)(UINT64_C(2) << scale_bits);
    return sensitivity + ch_chain_weight_max(chain, examples_max) * rounding;
}
