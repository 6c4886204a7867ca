/* YAML: see yaml.h. */
#include "job/yaml.h"

#include "base/error.h"

#include <string.h>
#include <yaml.h>

typedef struct reader {
    const char *name;
    ch_yaml_visit visit;
    void *self;
    choir_error *err;

    char key[CH_YAML_KEY_MAX];        // of the mappings we are in, and of the value to come
    size_t prefix[CH_YAML_DEPTH_MAX]; // bytes of key that each open mapping stands under
    bool is_bare[CH_YAML_DEPTH_MAX];  // it has had no key yet
    uint32_t depth;                   // open mappings
    bool has_key;                     // a key has been read, its value has not

    char value[CH_YAML_VALUE_MAX];
    size_t value_size;
    bool in_list;
    bool has_item; // the list has, empty or not
    uint32_t list_line;
    bool is_done; // the document has ended
} reader;

static uint32_t line_of(const yaml_event_t *event) {
    return (uint32_t)event->start_mark.line + 1;
}

static choir_status refuse(reader *r, uint32_t line, const char *why) {
    return ch_error_set(r->err, CHOIR_EINVAL, "%s:%u: %s%s%s", r->name, line, r->key,
                        r->key[0] == '\0' ? "" : ": ", why);
}

static choir_status entry_emit(reader *r, uint32_t line, bool is_list, bool is_empty) {
    r->value[r->value_size] = '\0';
    const ch_yaml_entry entry = {
        .key = r->key, .value = r->value, .is_list = is_list, .is_empty = is_empty, .line = line};
    r->has_key = false;
    r->value_size = 0;
    return r->visit(r->self, &entry, r->err);
}

/* Appends a scalar's text to value. */
static choir_status value_add(reader *r, const yaml_event_t *event) {
    const char *text = (const char *)event->data.scalar.value;
    const size_t size = event->data.scalar.length;
    if (memchr(text, '\0', size) != NULL) {
        return refuse(r, line_of(event), "a value must not contain a zero byte");
    }
    if (size >= sizeof(r->value) - r->value_size) {
        return ch_error_set(r->err, CHOIR_EINVAL,
                            "%s:%u: %s: the value is too long; at most %d bytes are read", r->name,
                            line_of(event), r->key, CH_YAML_VALUE_MAX - 1);
    }
    memcpy(r->value + r->value_size, text, size);
    r->value_size += size;
    return CHOIR_OK;
}

/* Puts a key behind the prefix of the mapping it stands in. */
static choir_status key_take(reader *r, const yaml_event_t *event) {
    const char *text = (const char *)event->data.scalar.value;
    const size_t size = event->data.scalar.length;
    size_t used = r->prefix[r->depth - 1];
    r->key[used] = '\0';
    if (size == 0 || memchr(text, '\0', size) != NULL || size + 2 > sizeof(r->key) - used) {
        return ch_error_set(r->err, CHOIR_EINVAL,
                            "%s:%u: a key must have 1 to %d bytes, with the sections it is in",
                            r->name, line_of(event), CH_YAML_KEY_MAX - 2);
    }
    if (used > 0) {
        r->key[used] = '.';
        used += 1;
    }
    memcpy(r->key + used, text, size);
    r->key[used + size] = '\0';
    r->has_key = true;
    r->is_bare[r->depth - 1] = false;
    return CHOIR_OK;
}

static choir_status scalar_take(reader *r, const yaml_event_t *event) {
    if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL) {
        return refuse(r, line_of(event), "anchors and tags are not read; write the value out");
    }
    if (r->in_list) {
        if (memchr(event->data.scalar.value, ',', event->data.scalar.length) != NULL) {
            return refuse(r, line_of(event),
                          "a list's item cannot hold a comma, because commas stand between items");
        }
        if (r->has_item && r->value_size < sizeof(r->value)) {
            r->value[r->value_size] = ',';
            r->value_size += 1;
        }
        r->has_item = true;
        return value_add(r, event);
    }
    if (r->depth == 0) {
        return refuse(r, line_of(event), "a job is lines of 'key: value', not a single value");
    }
    if (!r->has_key) {
        return key_take(r, event);
    }
    const choir_status status = value_add(r, event);
    const bool is_empty =
        event->data.scalar.length == 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return status == CHOIR_OK ? entry_emit(r, line_of(event), false, is_empty) : status;
}

static choir_status mapping_open(reader *r, const yaml_event_t *event) {
    if (event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL) {
        return refuse(r, line_of(event), "anchors and tags are not read; write the value out");
    }
    if (r->in_list || (r->depth > 0 && !r->has_key)) {
        return refuse(r, line_of(event), "'key: value' cannot stand here; a list holds values");
    }
    if (r->depth == CH_YAML_DEPTH_MAX) {
        return refuse(r, line_of(event),
                      "sections inside sections inside sections; no key is so "
                      "deep");
    }
    r->prefix[r->depth] = strlen(r->key);
    r->is_bare[r->depth] = true;
    r->depth += 1;
    r->has_key = false;
    return CHOIR_OK;
}

static choir_status mapping_close(reader *r, const yaml_event_t *event) {
    r->depth -= 1;
    r->key[r->prefix[r->depth]] = '\0';
    const bool is_section = r->depth > 0;
    if (is_section && r->is_bare[r->depth]) {
        return entry_emit(r, line_of(event), false, true);
    }
    return CHOIR_OK;
}

static choir_status list_open(reader *r, const yaml_event_t *event) {
    if (r->depth == 0) {
        return refuse(r, line_of(event), "a job is lines of 'key: value', not a list");
    }
    if (event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL) {
        return refuse(r, line_of(event), "anchors and tags are not read; write the value out");
    }
    if (r->in_list || !r->has_key) {
        return refuse(r, line_of(event), "a list cannot stand here; a list holds values");
    }
    r->in_list = true;
    r->has_item = false;
    r->list_line = line_of(event);
    return CHOIR_OK;
}

static choir_status event_take(reader *r, const yaml_event_t *event) {
    switch (event->type) {
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
        return CHOIR_OK;
    case YAML_DOCUMENT_START_EVENT:
        if (r->is_done) {
            return refuse(r, line_of(event), "a second document; a file holds one job");
        }
        return CHOIR_OK;
    case YAML_DOCUMENT_END_EVENT:
    case YAML_STREAM_END_EVENT:
        r->is_done = true;
        return CHOIR_OK;
    case YAML_ALIAS_EVENT:
        return refuse(r, line_of(event), "aliases are not read; write the value out");
    case YAML_SCALAR_EVENT:
        return scalar_take(r, event);
    case YAML_SEQUENCE_START_EVENT:
        return list_open(r, event);
    case YAML_SEQUENCE_END_EVENT:
        r->in_list = false;
        return entry_emit(r, r->list_line, true, false);
    case YAML_MAPPING_START_EVENT:
        return mapping_open(r, event);
    case YAML_MAPPING_END_EVENT:
        return mapping_close(r, event);
    }
    return CHOIR_OK;
}

/* Whether a line, counted from 0, is indented with a tab. */
static bool has_tab(const char *text, size_t size, size_t line) {
    size_t at = 0;
    for (; line > 0 && at < size; at++) {
        line -= text[at] == '\n' ? 1 : 0;
    }
    while (at < size && text[at] == ' ') {
        at += 1;
    }
    return at < size && text[at] == '\t';
}

/* libyaml's reader knows the offset of bytes that are not text, its parser the line of the rest. */
static choir_status parser_failed(reader *r, const yaml_parser_t *parser, const char *text,
                                  size_t size) {
    const char *problem = parser->problem == NULL ? "unknown" : parser->problem;
    if (parser->error == YAML_MEMORY_ERROR) {
        return ch_error_set(r->err, CHOIR_ENOMEM, "%s: no memory to read it", r->name);
    }
    if (parser->error == YAML_READER_ERROR) {
        uint32_t line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < size; i++) {
            line += text[i] == '\n' ? 1 : 0;
        }
        return ch_error_set(r->err, CHOIR_EINVAL, "%s:%u: not YAML: %s; save it as UTF-8 text",
                            r->name, line, problem);
    }
    if (has_tab(text, size, parser->problem_mark.line)) {
        return ch_error_set(r->err, CHOIR_EINVAL,
                            "%s:%u: not YAML: the line is indented with a tab; indent with blanks",
                            r->name, (uint32_t)parser->problem_mark.line + 1);
    }
    return ch_error_set(r->err, CHOIR_EINVAL, "%s:%u: not YAML: %s%s%s", r->name,
                        (uint32_t)parser->problem_mark.line + 1, problem,
                        parser->context == NULL ? "" : " ",
                        parser->context == NULL ? "" : parser->context);
}

choir_status ch_yaml_read(const char *text, size_t size, const char *name, ch_yaml_visit visit,
                          void *self, choir_error *err) {
    reader r = {.name = name, .visit = visit, .self = self, .err = err};
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        return ch_error_set(err, CHOIR_ENOMEM, "%s: no memory to read it", name);
    }
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { // a byte order mark
        text += 3;
        size -= 3;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    choir_status status = CHOIR_OK;
    bool is_more = true;
    while (status == CHOIR_OK && is_more) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            status = parser_failed(&r, &parser, text, size);
            break;
        }
        is_more = event.type != YAML_STREAM_END_EVENT;
        status = event_take(&r, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return status;
}
