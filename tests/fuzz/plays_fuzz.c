/* Fuzz: plays from any bytes. */
#include "base/assert.h"
#include "data/plays.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const ch_plays *p, const char *text, size_t size) {
    for (uint32_t i = 0; i < p->line_count; i++) {
        const ch_play_line *line = &p->lines[i];
        CH_ASSERT(line->role < p->role_count && line->text.size > 0);
        CH_ASSERT(line->text.data >= text && line->text.data + line->text.size <= text + size);
    }
    for (uint32_t i = 0; i < p->role_count; i++) {
        CH_ASSERT(p->roles[i].play < p->play_count);
    }
}

static void parse(const uint8_t *data, size_t size, ch_plays_speech speech) {
    const choir_env env = choir_env_default();
    char *text = malloc(size > 0 ? size : 1);
    CH_ASSERT(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    ch_plays p;
    choir_error err = {.message = ""};
    (void)ch_plays_are_likely(text, size);
    if (ch_plays_parse(&p, text, size, speech, "fuzz", &env, &err) == CHOIR_OK) {
        check(&p, text, size);
        ch_plays_release(&p);
    } else {
        CH_ASSERT(err.message[0] != '\0');
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    parse(data, size, CH_PLAYS_SPOKEN);
    parse(data, size, CH_PLAYS_INDENTED);
    return 0;
}
