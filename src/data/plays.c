/*
 * Reading plays; see plays.h.
 *
 * First every line is cleaned where it stands; then works are found; then each is gone through
 * twice: once to see how it prints names, once for what they say.
 */
#include "data/plays.h"

#include "base/assert.h"
#include "base/error.h"
#include "data/dataset.h"
#include "data/speaker.h"

#include <string.h>
#include <strings.h>

enum {
    TITLES_MAX = 128,
    TITLE_BYTES_MAX = 80,
    AUTHOR_WORDS_MAX = 4,
    LIKELY_NAMES = 3,
    GAP = 3,    // blanks that set a direction apart from the speech on its left
    DEEPER = 2, // how much further in than a name its speech goes on
};

/* How a play prints names. */
typedef enum layout {
    LAYOUT_INLINE_0,
    LAYOUT_INLINE_2,
    LAYOUT_ALONE_POINT,
    LAYOUT_ALONE_COLON,
    LAYOUTS,
} layout;

/* A line of the file: what is left of it. */
typedef struct row {
    ch_cell text; // without blanks around it
    uint32_t indent;
} row;

typedef struct parsing {
    ch_plays *out;
    row *rows; // (count)
    uint32_t count;
    ch_cell titles[TITLES_MAX]; // (title_count) of the list of contents
    uint32_t title_count;
    ch_plays_speech speech;
    const char *name;
    choir_error *err;
} parsing;

static bool is_blank(const row *r) {
    return r->text.size == 0;
}

/* --------------------------------------------------------------------------------------- lines */

/* Takes [directions] out of a line, which end at the latest with its paragraph; is_open says
 * whether one goes on. Returns the size of what is left. */
static uint32_t brackets_drop(char *line, uint32_t size, bool *is_open) {
    uint32_t to = 0;
    for (uint32_t i = 0; i < size; i++) {
        const char c = line[i];
        if (*is_open) {
            *is_open = c != ']';
            while (!*is_open && to > 0 && i + 1 < size && line[i + 1] == ' ' &&
                   line[to - 1] == ' ') {
                i += 1; // one blank in its place is enough
            }
        } else if (c == '[') {
            *is_open = true;
        } else {
            line[to] = c;
            to += 1;
        }
    }
    return to;
}

/* Where a direction on the right of a line begins; size when there is none. */
static uint32_t gap_find(const char *line, uint32_t from, uint32_t size) {
    for (uint32_t i = from + 1; i + GAP <= size; i++) {
        if (memcmp(line + i, "   ", GAP) == 0) {
            return i;
        }
    }
    return size;
}

static row row_make(char *line, uint32_t size, ch_plays_speech speech, bool *is_open) {
    uint32_t indent = 0;
    while (indent < size && (line[indent] == ' ' || line[indent] == '\t')) {
        indent += 1;
    }
    if (indent == size) {
        *is_open = false;
    }
    uint32_t end = size;
    if (speech == CH_PLAYS_SPOKEN) {
        end = indent + brackets_drop(line + indent, size - indent, is_open);
        end = gap_find(line, indent, end);
    }
    while (end > indent && line[end - 1] == ' ') {
        end -= 1;
    }
    while (indent < end && line[indent] == ' ') { // behind a bracket
        line += 1;
        end -= 1;
    }
    return (row){.text = {.data = line + indent, .size = end - indent}, .indent = indent};
}

/* Whether text begins with word. */
static bool begins(const ch_cell *text, const char *word) {
    const size_t size = strlen(word);
    return text->size >= size && memcmp(text->data, word, size) == 0;
}

static bool ends(const ch_cell *text, const char *word) {
    const size_t size = strlen(word);
    return text->size >= size && memcmp(text->data + text->size - size, word, size) == 0;
}

/* How many lines there are; at least 1. */
static uint32_t rows_count(const char *data, size_t size) {
    uint32_t count = size == 0 || data[size - 1] != '\n';
    for (size_t i = 0; i < size; i++) {
        count += data[i] == '\n';
    }
    return count;
}

/* Splits data into rows; those of notices are blank. */
static void rows_fill(parsing *p, char *data, size_t size) {
    bool is_open = false;
    bool is_notice = false;
    p->count = 0;
    for (size_t at = 0; at < size;) {
        const char *stop = memchr(data + at, '\n', size - at);
        const size_t end = stop == NULL ? size : (size_t)(stop - data);
        size_t length = end - at;
        while (length > 0 && data[at + length - 1] == '\r') {
            length -= 1;
        }
        row *r = &p->rows[p->count];
        *r = row_make(data + at, (uint32_t)length, p->speech, &is_open);
        is_notice = is_notice || begins(&r->text, "<<");
        if (is_notice) {
            is_notice = !ends(&r->text, ">>");
            r->text.size = 0;
        }
        p->count += 1;
        at = end + 1;
    }
}

/* --------------------------------------------------------------------------------------- works */

static bool has_small_letter(const ch_cell *text) {
    for (uint32_t i = 0; i < text->size; i++) {
        if (text->data[i] >= 'a' && text->data[i] <= 'z') {
            return true;
        }
    }
    return false;
}

/* "by William Shakespeare" */
static bool is_by_line(const row *r) {
    if (r->indent > 0 || !begins(&r->text, "by ") || r->text.size > TITLE_BYTES_MAX) {
        return false;
    }
    uint32_t words = 0;
    for (uint32_t i = 2; i < r->text.size; i++) {
        const char c = r->text.data[i];
        if (r->text.data[i - 1] == ' ') {
            words += 1;
            if (c < 'A' || c > 'Z') {
                return false;
            }
        } else if (c == '.' || c == ',') {
            return false;
        }
    }
    return words >= 1 && words <= AUTHOR_WORDS_MAX;
}

static bool is_title(const row *r) {
    return r->indent == 0 && r->text.size > 1 && r->text.size <= TITLE_BYTES_MAX &&
           !has_small_letter(&r->text);
}

/* The row of the title that a by-line at i is under; i when there is none. */
static uint32_t title_above(const row *rows, uint32_t i) {
    uint32_t at = i;
    while (at > 0 && i - at < 3) {
        at -= 1;
        if (!is_blank(&rows[at])) {
            return is_title(&rows[at]) ? at : i;
        }
    }
    return i;
}

/* Collects the entries of the first list of contents. */
static void titles_find(parsing *p) {
    uint32_t i = 0;
    while (i < p->count &&
           !(p->rows[i].text.size == 8 && strncasecmp(p->rows[i].text.data, "Contents", 8) == 0)) {
        i += 1;
    }
    for (i += 1; i < p->count && p->title_count < TITLES_MAX; i++) {
        const row *r = &p->rows[i];
        if (!is_blank(r) && r->indent == 0) {
            return;
        }
        if (!is_blank(r) && !has_small_letter(&r->text)) {
            p->titles[p->title_count] = r->text;
            p->title_count += 1;
        }
    }
}

static bool is_listed(const parsing *p, const row *r) {
    for (uint32_t i = 0; r->indent == 0 && i < p->title_count; i++) {
        if (ch_cell_compare(&p->titles[i], &r->text) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_work_begin(const parsing *p, uint32_t i) {
    const row *r = &p->rows[i];
    return !is_blank(r) && (is_listed(p, r) || (is_by_line(r) && title_above(p->rows, i) != i));
}

static bool is_file_end(const row *r) {
    return begins(&r->text, "*** END OF");
}

/* ------------------------------------------------------------------------------------- layouts */

/* Which layout would have a name here; LAYOUTS when none. */
static layout name_look(const parsing *p, uint32_t i, uint32_t begin, ch_speaker *out) {
    const row *r = &p->rows[i];
    if (is_blank(r) || !ch_speaker_parse(out, &r->text)) {
        return LAYOUTS;
    }
    const bool is_alone = out->speech.size == 0;
    if (is_alone) {
        const bool is_paragraph = i == begin || is_blank(&p->rows[i - 1]);
        const bool is_above = i + 1 < p->count && !is_blank(&p->rows[i + 1]);
        if (r->indent > 0 || !is_paragraph || !is_above) {
            return LAYOUTS;
        }
        return out->mark == ':' ? LAYOUT_ALONE_COLON : LAYOUT_ALONE_POINT;
    }
    if (out->mark == ':') {
        return LAYOUTS;
    }
    return r->indent == 0 ? LAYOUT_INLINE_0 : r->indent == 2 ? LAYOUT_INLINE_2 : LAYOUTS;
}

/* How a work prints its names, and whether those before a speech must be in capitals. */
typedef struct manner {
    layout layout;
    bool is_upper;
} manner;

static manner manner_find(const parsing *p, uint32_t begin, uint32_t end) {
    uint32_t found[LAYOUTS] = {0};
    uint32_t upper[LAYOUTS] = {0};
    for (uint32_t i = begin; i < end; i++) {
        ch_speaker speaker;
        const layout how = name_look(p, i, begin, &speaker);
        if (how != LAYOUTS) {
            found[how] += 1;
            upper[how] += speaker.is_upper ? 1 : 0;
        }
    }
    layout best = LAYOUT_INLINE_0;
    for (layout how = LAYOUT_INLINE_0; how < LAYOUTS; how++) {
        best = found[how] > found[best] ? how : best;
    }
    const bool is_inline = best == LAYOUT_INLINE_0 || best == LAYOUT_INLINE_2;
    return (manner){.layout = best, .is_upper = is_inline && 2 * upper[best] > found[best]};
}

/* ------------------------------------------------------------------------------------ speeches */

static bool is_same_name(const ch_cell *a, const ch_cell *b) {
    return a->size == b->size && strncasecmp(a->data, b->data, a->size) == 0;
}

/* The role of a name in the play whose roles begin at first. */
static choir_status role_find(parsing *p, uint32_t first, const ch_cell *name, uint32_t line,
                              uint32_t *out) {
    ch_plays *plays = p->out;
    for (uint32_t i = first; i < plays->role_count; i++) {
        if (is_same_name(&plays->roles[i].name, name)) {
            *out = i;
            return CHOIR_OK;
        }
    }
    if (plays->role_count - first == CH_PLAY_ROLES_MAX || plays->role_count == plays->roles_room) {
        return ch_error_set(p->err, CHOIR_EPROTO,
                            "%s: line %u: more than %d roles in one play; is this the text of "
                            "plays?",
                            p->name, line + 1, (int)CH_PLAY_ROLES_MAX);
    }
    plays->roles[plays->role_count] = (ch_play_role){.name = *name, .play = plays->play_count};
    *out = plays->role_count;
    plays->role_count += 1;
    return CHOIR_OK;
}

static void line_add(ch_plays *plays, uint32_t role, const ch_cell *text) {
    CH_ASSERT(plays->line_count < plays->lines_room);
    plays->lines[plays->line_count] = (ch_play_line){.text = *text, .role = role};
    plays->line_count += 1;
    plays->roles[role].lines += 1;
}

#define NOBODY UINT32_MAX

/* Where in a work one is. */
typedef struct place {
    manner how;
    uint32_t first_role;
    uint32_t role;     // NOBODY: nobody speaks
    bool is_list;      // of persons
    bool is_direction; // until the paragraph ends
} place;

/* Whether a row that is no name ends the speech: in an inline layout what stands no further in than
 * names, else a heading. */
static bool is_outside(const place *at, const row *r) {
    switch (at->how.layout) {
    case LAYOUT_INLINE_0:
        return r->indent < DEEPER;
    case LAYOUT_INLINE_2:
        return r->indent < 1 + DEEPER;
    default:
        return r->indent == 0 && ch_speaker_is_heading(&r->text);
    }
}

static const ch_cell EXIT = {.data = "Exit", .size = 4};
static const ch_cell EXEUNT = {.data = "Exeunt", .size = 6};

/* The column where speech goes on. */
static uint32_t speech_column(const place *at) {
    return at->how.layout == LAYOUT_INLINE_2   ? 2 + DEEPER
           : at->how.layout == LAYOUT_INLINE_0 ? DEEPER
                                               : 0;
}

/* Whether a direction begins here: in a paragraph of its own, or further in or out than speech. */
static bool is_direction_begin(const parsing *p, const place *at, uint32_t begin, uint32_t i) {
    const row *r = &p->rows[i];
    const bool is_apart = r->indent != speech_column(at) || i == begin ||
                          is_blank(&p->rows[i - 1]) || is_same_name(&r->text, &EXIT) ||
                          is_same_name(&r->text, &EXEUNT);
    return is_apart && ch_speaker_is_direction(&r->text);
}

static bool is_list_end(const row *r) {
    return r->indent == 0 &&
           (begins(&r->text, "ACT") || begins(&r->text, "SCENE") || begins(&r->text, "Scene") ||
            begins(&r->text, "PROLOGUE") || begins(&r->text, "INDUCTION"));
}

static bool is_list_begin(const row *r) {
    static const char words[] = "dramatis person";
    return r->text.size >= sizeof(words) - 1 &&
           strncasecmp(r->text.data, words, sizeof(words) - 1) == 0;
}

/* A row that is no name, where all that is further in than names is spoken. */
static void indented_take(parsing *p, const place *at, const row *r) {
    const uint32_t column = speech_column(at);
    if (at->role != NOBODY && r->indent >= column && !is_outside(at, r)) {
        const uint32_t blanks = r->indent - column;
        const ch_cell text = {.data = r->text.data - blanks, .size = r->text.size + blanks};
        line_add(p->out, at->role, &text);
    }
}

static choir_status row_take(parsing *p, place *at, uint32_t begin, uint32_t i) {
    const row *r = &p->rows[i];
    const bool is_indented = p->speech == CH_PLAYS_INDENTED;
    if (is_blank(r)) {
        at->is_direction = false;
        return CHOIR_OK;
    }
    at->is_list = !is_indented && ((at->is_list && !is_list_end(r)) || is_list_begin(r));
    if (at->is_list) {
        at->role = NOBODY;
        return CHOIR_OK;
    }
    ch_speaker speaker;
    if (name_look(p, i, begin, &speaker) == at->how.layout &&
        (speaker.is_upper || !at->how.is_upper)) {
        const choir_status status = role_find(p, at->first_role, &speaker.name, i, &at->role);
        at->is_direction = false;
        if (status == CHOIR_OK && speaker.speech.size > 0) {
            line_add(p->out, at->role, &speaker.speech);
        }
        return status;
    }
    if (is_indented) {
        indented_take(p, at, r);
        return CHOIR_OK;
    }
    at->is_direction = at->is_direction || is_direction_begin(p, at, begin, i);
    if (!at->is_direction && is_outside(at, r)) {
        at->role = NOBODY; // a heading, or a list
    }
    if (!at->is_direction && at->role != NOBODY) {
        line_add(p->out, at->role, &r->text);
    }
    return CHOIR_OK;
}

/* One work, begin .. end-1. is_only: no other is in the file. */
static choir_status work_take(parsing *p, uint32_t begin, uint32_t end, bool is_only) {
    ch_plays *plays = p->out;
    const uint32_t lines_before = plays->line_count;
    place at = {.how = manner_find(p, begin, end), .first_role = plays->role_count, .role = NOBODY};
    for (uint32_t i = begin; i < end; i++) {
        const choir_status status = row_take(p, &at, begin, i);
        if (status != CHOIR_OK) {
            return status;
        }
    }
    if (plays->role_count - at.first_role < 2 && !is_only) {
        plays->role_count = at.first_role; // a poem
        plays->line_count = lines_before;
    } else if (plays->play_count == CH_PLAYS_MAX) {
        return ch_error_set(p->err, CHOIR_EPROTO, "%s: line %u: more than %d plays", p->name,
                            begin + 1, (int)CH_PLAYS_MAX);
    } else {
        plays->play_count += 1;
    }
    return CHOIR_OK;
}

static choir_status works_take(parsing *p) {
    uint32_t begin = 0;
    bool has_begun = false;
    uint32_t i = 0;
    titles_find(p);
    for (; i < p->count && !is_file_end(&p->rows[i]); i++) {
        if (!is_work_begin(p, i)) {
            continue;
        }
        if (has_begun) {
            const choir_status status = work_take(p, begin, i, false);
            if (status != CHOIR_OK) {
                return status;
            }
        }
        has_begun = true;
        begin = i + 1;
    }
    return work_take(p, begin, i, !has_begun);
}

static choir_status parse(parsing *p, char *data, size_t size) {
    ch_plays *out = p->out;
    const uint32_t rows = rows_count(data, size);
    if (rows > CH_PLAYS_LINES_MAX) {
        return ch_error_set(p->err, CHOIR_EPROTO, "%s: %u lines; at most %d are read as plays",
                            p->name, rows, (int)CH_PLAYS_LINES_MAX);
    }
    p->rows = ch_claim(&out->env, rows, sizeof(p->rows[0]));
    out->lines = ch_claim(&out->env, rows, sizeof(out->lines[0]));
    out->lines_room = rows;
    out->roles_room = rows;
    out->roles = ch_claim(&out->env, out->roles_room, sizeof(out->roles[0]));
    if (p->rows == NULL || out->lines == NULL || out->roles == NULL) {
        return CHOIR_ENOMEM;
    }
    rows_fill(p, data, size);
    const choir_status status = works_take(p);
    if (status == CHOIR_OK && out->line_count == 0) {
        return ch_error_set(p->err, CHOIR_EPROTO,
                            "%s: nobody speaks; needs the text of plays, with names before their "
                            "speeches like 'HAMLET. To be' or 'Hamlet:'",
                            p->name);
    }
    return status;
}

/* Bytes of a byte order mark. */
static size_t mark_size(const char *data, size_t size) {
    return size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

choir_status ch_plays_parse(ch_plays *out, char *data, size_t size, ch_plays_speech speech,
                            const char *name, const choir_env *env, choir_error *err) {
    *out = (ch_plays){.env = *env};
    if (size > CH_PLAYS_BYTES_MAX) {
        return ch_error_set(err, CHOIR_EPROTO, "%s: %zu bytes; at most %llu are read as plays",
                            name, size, (unsigned long long)CH_PLAYS_BYTES_MAX);
    }
    const size_t mark = mark_size(data, size);
    parsing p = {.out = out, .speech = speech, .name = name, .err = err};
    const choir_status status = parse(&p, data + mark, size - mark);
    if (p.rows != NULL) {
        env->free(env->self, p.rows);
    }
    if (status != CHOIR_OK) {
        ch_plays_release(out);
    }
    return status;
}

void ch_plays_release(ch_plays *plays) {
    if (plays->lines != NULL) {
        plays->env.free(plays->env.self, plays->lines);
    }
    if (plays->roles != NULL) {
        plays->env.free(plays->env.self, plays->roles);
    }
    *plays = (ch_plays){.env = plays->env};
}

/* -------------------------------------------------------------------------------------- looking */

/* The next line of data from *at on, without blanks around it. */
static row line_next(const char *data, size_t size, size_t *at) {
    const char *stop = memchr(data + *at, '\n', size - *at);
    size_t end = stop == NULL ? size : (size_t)(stop - data);
    const size_t from = *at;
    size_t begin = from;
    *at = end + 1;
    while (begin < end && data[begin] == ' ') {
        begin += 1;
    }
    const uint32_t indent = (uint32_t)(begin - from);
    while (end > begin && (data[end - 1] == ' ' || data[end - 1] == '\r')) {
        end -= 1;
    }
    return (row){.text = {.data = data + begin, .size = (uint32_t)(end - begin)}, .indent = indent};
}

bool ch_plays_are_likely(const char *data, size_t size) {
    uint32_t alone = 0;
    bool is_after_blank = true;
    bool is_after_title = false;
    for (size_t at = mark_size(data, size); at < size;) {
        const row r = line_next(data, size, &at);
        if (is_blank(&r)) {
            is_after_blank = true;
            continue;
        }
        ch_speaker speaker;
        const bool is_alone = is_after_blank && ch_speaker_parse(&speaker, &r.text) &&
                              speaker.mark == ':' && speaker.speech.size == 0;
        alone += is_alone ? 1 : 0;
        if (alone == LIKELY_NAMES || (is_after_title && is_by_line(&r))) {
            return true;
        }
        is_after_title = r.indent == 0 && r.text.data[0] >= 'A' && r.text.data[0] <= 'Z';
        is_after_blank = false;
    }
    return false;
}
