/* Roles as clients; see plays_read.h. */
#include "data/plays_read.h"

#include "base/error.h"
#include "data/file.h"
#include "data/sequences.h"

#include <stdio.h>
#include <string.h>

enum {
    PATH_BYTES = 2 * CHOIR_PATH_MAX,
    LOOKED_BYTES = 1 << 16, // of a file, to see whether it is plays
    LINES_LEAST = 2,        // of a role that is a client
};

// Nothing else is called so: what is wrong in it is told, and not taken for another kind of data.
static const char GUTENBERG[] = "pg100.txt";

/* The file at path: itself, or one in the folder that it is. */
static bool file_find(char out[PATH_BYTES], const char *path) {
    static const char *const names[] = {GUTENBERG, "input.txt"};
    if (ch_is_file(path)) {
        return snprintf(out, PATH_BYTES, "%s", path) < PATH_BYTES;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (snprintf(out, PATH_BYTES, "%s/%s", path, names[i]) < PATH_BYTES && ch_is_file(out)) {
            return true;
        }
    }
    return false;
}

bool ch_plays_is(const char *path) {
    char found[PATH_BYTES];
    char head[LOOKED_BYTES];
    if (!file_find(found, path)) {
        return false;
    }
    const char *slash = strrchr(found, '/');
    if (strcmp(slash == NULL ? found : slash + 1, GUTENBERG) == 0) {
        return true;
    }
    return ch_plays_are_likely(head, ch_file_head(found, head, sizeof(head)));
}

/* Lines of a role with n that are for testing. */
static uint32_t test_lines(uint32_t n) {
    return n / 5 > 1 ? n / 5 : 1;
}

/* Numbers the roles that are clients; the others get UINT32_MAX. Returns how many there are. */
static uint32_t groups_number(const ch_plays *plays, uint32_t *groups) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < plays->role_count; i++) {
        const bool is_client = plays->roles[i].lines >= LINES_LEAST;
        groups[i] = is_client ? count : UINT32_MAX;
        count += is_client ? 1 : 0;
    }
    return count;
}

/* Adds every line to where it belongs. spoken (roles) counts, from zero. */
static choir_status lines_add(ch_sequences *train, ch_sequences *test, const ch_plays *plays,
                              const uint32_t *groups, uint32_t *spoken) {
    choir_status status = CHOIR_OK;
    for (uint32_t i = 0; i < plays->line_count && status == CHOIR_OK; i++) {
        const ch_play_line *line = &plays->lines[i];
        const uint32_t of = plays->roles[line->role].lines;
        if (groups[line->role] != UINT32_MAX) {
            const bool is_test = spoken[line->role] >= of - test_lines(of);
            status = ch_sequences_add_bytes(is_test ? test : train, line->text.data,
                                            line->text.size, groups[line->role]);
        }
        spoken[line->role] += 1;
    }
    return status;
}

static choir_status tables_fill(ch_dataset *out, ch_sequences *train, ch_sequences *test,
                                const ch_plays *plays, const char *name, choir_error *err) {
    uint32_t *room = ch_claim(&out->env, plays->role_count, 2 * sizeof(room[0]));
    if (room == NULL) {
        return CHOIR_ENOMEM;
    }
    uint32_t *spoken = room + plays->role_count;
    memset(spoken, 0, plays->role_count * sizeof(spoken[0]));
    choir_status status = CHOIR_OK;
    if (groups_number(plays, room) == 0) {
        status = ch_error_set(err, CHOIR_EPROTO,
                              "%s: %u roles, and none has two lines: one to train on, one to test",
                              name, plays->role_count);
    } else {
        status = lines_add(train, test, plays, room, spoken);
    }
    out->env.free(out->env.self, room);
    return status;
}

choir_status ch_plays_tables(ch_dataset *out, const ch_plays *plays, uint32_t steps,
                             const char *name, choir_error *err) {
    ch_sequences train;
    ch_sequences test;
    ch_sequences_init(&train, steps, &out->env);
    ch_sequences_init(&test, steps, &out->env);
    choir_status status = tables_fill(out, &train, &test, plays, name, err);
    if (status == CHOIR_OK) {
        status = ch_sequences_name_bytes(out);
    }
    if (status == CHOIR_OK) {
        ch_sequences_move(&train, CH_BYTE_TOKENS, out, &out->train);
        ch_sequences_move(&test, CH_BYTE_TOKENS, out, &out->test);
    }
    ch_sequences_release(&train);
    ch_sequences_release(&test);
    return status;
}

choir_status ch_plays_read(ch_dataset *out, const char *path, const choir_job_data *options,
                           choir_error *err) {
    char found[PATH_BYTES];
    ch_file file = {.env = out->env};
    ch_plays plays;
    if (!file_find(found, path)) {
        return ch_error_set(err, CHOIR_EIO, "%s: has neither pg100.txt nor input.txt", path);
    }
    uint32_t steps = 0;
    choir_status status = ch_sequences_steps(&steps, options, CH_STEPS_CHARACTERS, err);
    if (status != CHOIR_OK) {
        return status;
    }
    status = ch_file_read(&file, found, CH_PLAYS_BYTES_MAX, &out->env, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const ch_plays_speech speech =
        strcmp(options->speech, "indented") == 0 ? CH_PLAYS_INDENTED : CH_PLAYS_SPOKEN;
    status = ch_plays_parse(&plays, (char *)file.data, file.size, speech, found, &out->env, err);
    if (status == CHOIR_OK) {
        status = ch_plays_tables(out, &plays, steps, found, err);
        ch_plays_release(&plays);
    }
    ch_file_release(&file);
    return status;
}
