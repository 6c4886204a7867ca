/* Schedules: see schedule.h and docs/schedule.md. Their formulas are small enough to share a file.
 */
#include "fl/schedule.h"

#include "base/error.h"
#include "base/real.h"
#include "base/text.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static const double FACTOR_MIN = 1e-6;
static const double FACTOR_MAX = 1e6;

static double constant_factor(const ch_schedule *s, const ch_progress *progress, uint32_t round) {
    (void)s;
    (void)progress;
    (void)round;
    return 1;
}

/*   factor ^ floor((t - 1) / every) */
static double step_factor(const ch_schedule *s, const ch_progress *progress, uint32_t round) {
    (void)progress;
    return ch_real_powi(s->knobs[1], (round - 1) / (uint32_t)s->knobs[0]);
}

/*   factor ^ (t - 1) */
static double exponential_factor(const ch_schedule *s, const ch_progress *progress,
                                 uint32_t round) {
    (void)progress;
    return ch_real_powi(s->knobs[0], round - 1);
}

/*   final + (1 - final) (1 + cos(pi p)) / 2,  p = min((t - 1) / (rounds - 1), 1) */
static double cosine_factor(const ch_schedule *s, const ch_progress *progress, uint32_t round) {
    (void)progress;
    const double p = (round - 1) / (s->knobs[0] - 1);
    const double final = s->knobs[1];
    return final + (1 - final) * (1 + ch_real_cospi(p < 1 ? p : 1)) / 2;
}

/*   factor ^ (times that patience observations in a row brought no lower loss) */
static double plateau_factor(const ch_schedule *s, const ch_progress *progress, uint32_t round) {
    (void)round;
    return ch_real_powi(s->knobs[1], progress->cuts);
}

static void plateau_observe(const ch_schedule *s, ch_progress *progress, double loss) {
    if (loss < progress->best) { // false for NaN
        progress->best = loss;
        progress->idle = 0;
        return;
    }
    progress->idle += 1;
    if (progress->idle >= s->knobs[0]) {
        progress->idle = 0;
        progress->cuts += 1;
    }
}

static const ch_schedule_ops SCHEDULES[] = {
    {.name = "constant", .factor = constant_factor},
    {.name = "step",
     .knobs = {{"every", 1, 1e9, 10, 1}, {"factor", 1e-3, 1e3, 0.5, 0}},
     .factor = step_factor},
    {.name = "exponential",
     .knobs = {{"factor", 1e-3, 1e3, 0.99, 0}},
     .factor = exponential_factor},
    {.name = "cosine",
     .knobs = {{"rounds", 2, 1e9, 100, 1}, {"final", 0, 1, 0.01, 0}},
     .factor = cosine_factor},
    {.name = "plateau",
     .knobs = {{"patience", 1, 1e9, 5, 1}, {"factor", 1e-3, 1e3, 0.5, 0}},
     .factor = plateau_factor,
     .observe = plateau_observe},
};

ch_progress ch_progress_start(void) {
    return (ch_progress){.best = INFINITY};
}

/* Cuts the next word off *text; NULL when there is none. */
static char *word_next(char **text) {
    char *word = *text + strspn(*text, " ");
    if (*word == '\0') {
        return NULL;
    }
    char *end = word + strcspn(word, " ");
    *text = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

static const ch_schedule_ops *ops_find(const char *name, const char *what, choir_error *err) {
    char known[CH_TEXT_LIST_MAX] = "";
    for (size_t i = 0; i < sizeof(SCHEDULES) / sizeof(SCHEDULES[0]); i++) {
        ch_text_list(known, sizeof(known), SCHEDULES[i].name);
        if (strcmp(SCHEDULES[i].name, name) == 0) {
            return &SCHEDULES[i];
        }
    }
    (void)ch_error_set(err, CHOIR_EINVAL, "%s: '%s' is unknown; known: %s", what, name, known);
    return NULL;
}

/* seen  of which knobs there was a word already */
static choir_status knob_parse(ch_schedule *s, bool seen[CH_SCHEDULE_KNOBS_MAX], char *word,
                               const char *what, choir_error *err) {
    char *equals = strchr(word, '=');
    const char *value = equals == NULL ? "" : equals + 1;
    if (equals != NULL) {
        *equals = '\0';
    }
    for (int i = 0; i < CH_SCHEDULE_KNOBS_MAX; i++) {
        const ch_schedule_knob *knob = &s->ops->knobs[i];
        if (knob->name == NULL || strcmp(knob->name, word) != 0) {
            continue;
        }
        double number = 0;
        if (seen[i]) {
            return ch_error_set(err, CHOIR_EINVAL, "%s: %s's %s is there twice; give it once", what,
                                s->ops->name, knob->name);
        }
        seen[i] = true;
        if (!ch_text_read_f64(&number, value) || !(number >= knob->min && number <= knob->max) ||
            (knob->is_whole && number != floor(number))) {
            return ch_error_set(err, CHOIR_EINVAL, "%s: %s's %s is '%s', must be a %s in [%g, %g]",
                                what, s->ops->name, knob->name, value,
                                knob->is_whole ? "whole number" : "number", knob->min, knob->max);
        }
        s->knobs[i] = number;
        return CHOIR_OK;
    }
    return ch_error_set(err, CHOIR_EINVAL, "%s: '%s' is no knob of %s%s%s%s%s", what, word,
                        s->ops->name,
                        s->ops->knobs[0].name == NULL ? ", which has none" : "; it has ",
                        s->ops->knobs[0].name == NULL ? "" : s->ops->knobs[0].name,
                        s->ops->knobs[1].name == NULL ? "" : " and ",
                        s->ops->knobs[1].name == NULL ? "" : s->ops->knobs[1].name);
}

choir_status ch_schedule_parse(ch_schedule *s, const char *text, const char *what,
                               choir_error *err) {
    char words[CH_SCHEDULE_TEXT_MAX];
    if (text == NULL || strlen(text) >= sizeof(words)) {
        return ch_error_set(err, CHOIR_EINVAL, "%s: a text of at most %d bytes is needed", what,
                            CH_SCHEDULE_TEXT_MAX - 1);
    }
    memcpy(words, text, strlen(text) + 1);
    char *rest = words;
    const char *name = word_next(&rest);
    ch_schedule parsed = {.ops = ops_find(name == NULL ? "" : name, what, err)};
    if (parsed.ops == NULL) {
        return CHOIR_EINVAL;
    }
    for (int i = 0; i < CH_SCHEDULE_KNOBS_MAX; i++) {
        parsed.knobs[i] = parsed.ops->knobs[i].initial;
    }
    bool seen[CH_SCHEDULE_KNOBS_MAX] = {false};
    for (char *word = word_next(&rest); word != NULL; word = word_next(&rest)) {
        const choir_status status = knob_parse(&parsed, seen, word, what, err);
        if (status != CHOIR_OK) {
            return status;
        }
    }
    *s = parsed;
    return CHOIR_OK;
}

double ch_schedule_factor(const ch_schedule *s, const ch_progress *progress, uint32_t round) {
    const double factor = s->ops->factor(s, progress, round);
    if (factor < FACTOR_MIN) {
        return FACTOR_MIN;
    }
    return factor < FACTOR_MAX ? factor : FACTOR_MAX;
}

void ch_schedule_observe(const ch_schedule *s, ch_progress *progress, double loss) {
    if (s->ops->observe != NULL) {
        s->ops->observe(s, progress, loss);
    }
}

uint32_t ch_schedule_whole(const ch_schedule *s, const ch_progress *progress, uint32_t round,
                           uint32_t base) {
    const double value = floor(base * ch_schedule_factor(s, progress, round) + 0.5);
    if (base == 0 || value >= UINT32_MAX) {
        return base == 0 ? 0 : UINT32_MAX;
    }
    return value < 1 ? 1 : (uint32_t)value;
}
