/* Federations for people to look at; see overview.h. */
#include "data/overview.h"

#include "base/error.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/filed.h"
#include "data/overview_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    COUNTED_CLASSES = 12, // up to here a terminal has room for numbers
    SHADED_CLASSES = 60,  // of more, as many shades are printed
    NAME_BYTES = 64,      // of a label's name that are shown
};

/* Sizes of the first clients. */
typedef struct sizes {
    uint32_t clients; // measured
    uint64_t train, heldout;
    uint32_t least, median, most; // training examples of one client
} sizes;

static int ascending(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static choir_status sizes_measure(sizes *out, const ch_federation *f, const choir_env *env) {
    const uint32_t all = ch_federation_clients(f);
    const uint32_t n = all < CH_OVERVIEW_CLIENTS_MAX ? all : CH_OVERVIEW_CLIENTS_MAX;
    uint32_t *counts = ch_claim(env, n, sizeof(counts[0]));
    if (counts == NULL) {
        return CHOIR_ENOMEM;
    }
    sizes s = {.clients = n};
    for (uint32_t k = 0; k < n; k++) {
        counts[k] = ch_federation_count(f, k, CH_SPLIT_TRAIN);
        s.train += counts[k];
        s.heldout += ch_federation_count(f, k, CH_SPLIT_HELDOUT);
    }
    qsort(counts, n, sizeof(counts[0]), ascending);
    s.least = counts[0];
    s.median = counts[n / 2];
    s.most = counts[n - 1];
    env->free(env->self, counts);
    *out = s;
    return CHOIR_OK;
}

/* What is needed to ask for histograms. */
typedef struct asking {
    const ch_federation *f;
    ch_scratch *scratch;
    uint32_t *counts; // (classes)
    choir_env env;
} asking;

static void asking_end(asking *a) {
    ch_scratch_destroy(a->scratch);
    if (a->counts != NULL) {
        a->env.free(a->env.self, a->counts);
    }
}

static choir_status asking_begin(asking *a, const ch_federation *f, const choir_env *env) {
    *a = (asking){.f = f, .env = *env};
    a->counts = ch_claim(env, (size_t)ch_federation_classes(f) + 1, sizeof(a->counts[0]));
    const choir_status status =
        a->counts == NULL ? CHOIR_ENOMEM : ch_scratch_create(&a->scratch, f, env);
    if (status != CHOIR_OK) {
        asking_end(a);
    }
    return status;
}

/* ---------------------------------------------------------------------------------------- text */

/* Whether some label is called anything but its number. */
static bool has_names(const ch_federation *f) {
    for (uint32_t c = 0; c < ch_federation_classes(f); c++) {
        char number[16];
        const char *name = ch_federation_name(f, c);
        (void)snprintf(number, sizeof(number), "%u", c);
        if (name != NULL && strcmp(name, number) != 0) {
            return true;
        }
    }
    return false;
}

/* What labels are called, as far as their numbers are shown below. */
static void names_print(FILE *out, const ch_federation *f) {
    const uint32_t classes = ch_federation_classes(f);
    if (classes > COUNTED_CLASSES || !has_names(f)) {
        return;
    }
    for (uint32_t c = 0; c < classes; c++) {
        char shown[NAME_BYTES];
        const char *name = ch_federation_name(f, c);
        if (name != NULL && strlen(name) >= sizeof(shown)) {
            ch_text_show(shown, sizeof(shown), name);
            name = shown;
        }
        if (name != NULL) {
            (void)fprintf(out, "%s%u %s", c == 0 ? "labels    " : ", ", c, name);
        }
    }
    (void)fputc('\n', out);
}

/* The steps that are drawn, or the others: ", crop, contrast=0.8" behind before. Returns how many.
 */
static uint32_t steps_print_some(FILE *out, const ch_preprocess *p, bool is_drawn,
                                 const char *before) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < CH_PREPROCESS_COUNT; i++) {
        const ch_preprocess_row *row = &CH_PREPROCESS_ROWS[i];
        if (p->is_on[i] && row->is_drawn == is_drawn) {
            (void)fprintf(out, "%s%s", count == 0 ? before : ", ", row->name);
            if (row->has_knob) {
                (void)fprintf(out, "=%g", p->knob[i]);
            }
            count += 1;
        }
    }
    return count;
}

/* "inputs    whiten; when trained on also crop, flip" */
static void steps_print(FILE *out, const ch_preprocess *p) {
    const uint32_t still = steps_print_some(out, p, false, "inputs    ");
    const uint32_t drawn = steps_print_some(
        out, p, true, still > 0 ? "; when trained on also " : "inputs    when trained on ");
    if (still + drawn > 0) {
        (void)fputc('\n', out);
    }
}

/* What is not in memory. */
static void files_print(FILE *out, const ch_federation *f) {
    const ch_examples *train = ch_federation_pooled(f)->examples;
    const bool has_train = train != NULL && train->filed != NULL;
    const bool has_test = ch_federation_test(f)->filed != NULL;
    if (has_train || has_test) {
        const ch_examples *filed = has_train ? train : ch_federation_test(f);
        (void)fprintf(out, "memory    %s %s%s%s stay in %s\n",
                      filed->filed->is_reals ? "examples" : "pictures",
                      has_train ? "to train on" : "", has_train && has_test ? " and " : "",
                      has_test ? "for testing" : "",
                      filed->filed->is_reals ? "a file of the data directory" : "their files");
    }
}

static void summary_print(FILE *out, const ch_federation *f, const char *name, const sizes *s) {
    const ch_shape shape = ch_federation_shape(f);
    const uint32_t classes = ch_federation_classes(f);
    if (shape.height == 1 && shape.width == 1) {
        (void)fprintf(out, "%s: %u feature%s, ", name, shape.channels,
                      ch_text_plural(shape.channels));
    } else {
        (void)fprintf(out, "%s: inputs of %u x %u x %u, ", name, shape.height, shape.width,
                      shape.channels);
    }
    if (classes > 0) {
        (void)fprintf(out, "%u classes\n", classes);
    } else {
        (void)fprintf(out, "regression\n");
    }
    names_print(out, f);
    steps_print(out, ch_federation_preprocess(f));
    (void)fprintf(out, "clients   %u", ch_federation_clients(f));
    if (s->clients < ch_federation_clients(f)) {
        (void)fprintf(out, "; below, the first %u", s->clients);
    }
    (void)fprintf(out,
                  "\nexamples  %" PRIu64 " to train on, %" PRIu64 " held out, %u for testing\n",
                  s->train, s->heldout, ch_federation_test(f)->count);
    ch_overview_left_out(out, f);
    files_print(out, f);
    (void)fprintf(out, "a client  trains on %u to %u, half of them on %u or more\n", s->least,
                  s->most, s->median);
}

static void counts_print(FILE *out, const uint32_t *counts, uint32_t classes) {
    for (uint32_t c = 0; c < classes; c++) {
        (void)fprintf(out, " %5u", counts[c]);
    }
}

/* One letter a label: how much of the client's largest share it has. */
static void shades_print(FILE *out, const uint32_t *counts, uint32_t classes) {
    static const char shades[] = " .:-=+*#%@";
    uint32_t most = 1;
    for (uint32_t c = 0; c < classes; c++) {
        most = counts[c] > most ? counts[c] : most;
    }
    (void)fputs("  |", out);
    for (uint32_t c = 0; c < classes && c < SHADED_CLASSES; c++) {
        const uint64_t shade = ((uint64_t)counts[c] * 9 + most - 1) / most;
        (void)fputc(shades[shade], out);
    }
    (void)fputs(classes > SHADED_CLASSES ? "|..." : "|", out);
}

static void head_print(FILE *out, uint32_t classes) {
    (void)fprintf(out, "\n    client  train heldout");
    for (uint32_t c = 0; c < classes && classes <= COUNTED_CLASSES; c++) {
        (void)fprintf(out, " %5u", c);
    }
    (void)fputs(classes > COUNTED_CLASSES ? "  labels, darker where there are more\n" : "\n", out);
}

static choir_status rows_print(FILE *out, asking *a, uint32_t rows) {
    const ch_federation *f = a->f;
    const uint32_t clients = ch_federation_clients(f);
    const uint32_t classes = ch_federation_classes(f);
    head_print(out, classes);
    for (uint32_t k = 0; k < rows && k < clients; k++) {
        const choir_status status = ch_federation_labels(f, k, a->scratch, a->counts);
        if (status != CHOIR_OK) {
            return status;
        }
        (void)fprintf(out, "%10u %6u %7u", k, ch_federation_count(f, k, CH_SPLIT_TRAIN),
                      ch_federation_count(f, k, CH_SPLIT_HELDOUT));
        if (classes <= COUNTED_CLASSES) {
            counts_print(out, a->counts, classes);
        } else {
            shades_print(out, a->counts, classes);
        }
        (void)fputc('\n', out);
    }
    if (rows < clients) {
        (void)fprintf(out, "       ... and %u more\n", clients - rows);
    }
    return CHOIR_OK;
}

choir_status ch_overview_print(FILE *out, const ch_federation *f, const char *name, uint32_t rows,
                               const choir_env *env) {
    sizes s;
    asking a;
    if (ch_federation_is_text(f)) {
        return ch_overview_text(out, f, name, rows, env);
    }
    choir_status status = sizes_measure(&s, f, env);
    if (status == CHOIR_OK) {
        status = asking_begin(&a, f, env);
    }
    if (status != CHOIR_OK) {
        return status;
    }
    summary_print(out, f, name, &s);
    if (rows > 0) {
        status = rows_print(out, &a, rows);
    }
    asking_end(&a);
    return status;
}

/* ------------------------------------------------------------------------------------- picture */

/* Where things are in the picture, in its own pixels. */
enum {
    LEFT = 70,
    TOP = 60,
    CELL_HEIGHT = 12,
    NUMBERS_WIDTH = 60, // beside the cells
    BOTTOM = 20,
};

static uint32_t cell_width(uint32_t classes) {
    return classes <= 20 ? 32 : classes <= 64 ? 12 : 6;
}

/* As text of an XML document. */
static void xml_put(FILE *out, const char *text) {
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '<') {
            (void)fputs("&lt;", out);
        } else if (c == '&') {
            (void)fputs("&amp;", out);
        } else {
            (void)fputc(c < 0x20 || c > 0x7E ? '?' : c, out);
        }
    }
}

static void frame_draw(FILE *out, const ch_federation *f, const char *name, uint32_t rows) {
    const uint32_t classes = ch_federation_classes(f);
    const uint32_t width = cell_width(classes);
    const uint32_t right = LEFT + classes * width;
    (void)fprintf(out,
                  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" "
                  "font-family=\"sans-serif\" font-size=\"10\" text-anchor=\"middle\">\n"
                  "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
                  "<text x=\"%u\" y=\"18\" font-size=\"13\" text-anchor=\"start\">",
                  right + NUMBERS_WIDTH, TOP + rows * CELL_HEIGHT + BOTTOM, (uint32_t)LEFT);
    xml_put(out, name);
    (void)fprintf(out, ": the first %u of %u client%s</text>\n", rows, ch_federation_clients(f),
                  ch_text_plural(ch_federation_clients(f)));
    (void)fprintf(out, "<text x=\"%u\" y=\"36\">label</text>\n", LEFT + classes * width / 2);
    (void)fprintf(out, "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">client</text>\n",
                  (uint32_t)LEFT - 8, (uint32_t)TOP - 8);
    (void)fprintf(out, "<text x=\"%u\" y=\"%u\">examples</text>\n", right + NUMBERS_WIDTH / 2,
                  (uint32_t)TOP - 8);
    const uint32_t step = classes <= 20 ? 1 : 10;
    for (uint32_t c = 0; c < classes; c += step) {
        (void)fprintf(out, "<text x=\"%u\" y=\"%u\">%u</text>\n", LEFT + c * width + width / 2,
                      (uint32_t)TOP - 8, c);
    }
}

/* One client: its number, a square for each label it has, and how many examples there are. */
static void row_draw(FILE *out, const uint32_t *counts, uint32_t classes, uint32_t k) {
    const uint32_t width = cell_width(classes);
    const uint32_t y = TOP + k * CELL_HEIGHT;
    uint32_t total = 0;
    uint32_t most = 1;
    for (uint32_t c = 0; c < classes; c++) {
        total += counts[c];
        most = counts[c] > most ? counts[c] : most;
    }
    (void)fprintf(out, "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">%u</text>\n",
                  (uint32_t)LEFT - 8, y + 9, k);
    for (uint32_t c = 0; c < classes; c++) {
        if (counts[c] > 0) {
            const double share = (double)counts[c] / most;
            (void)fprintf(out,
                          "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"#1f5fa8\" "
                          "fill-opacity=\"%.3f\"><title>client %u, label %u: %u</title></rect>\n",
                          LEFT + c * width, y, width - 1, (uint32_t)CELL_HEIGHT - 1,
                          0.08 + 0.92 * share, k, c, counts[c]);
        }
    }
    (void)fprintf(out, "<text x=\"%u\" y=\"%u\">%u</text>\n",
                  LEFT + classes * width + NUMBERS_WIDTH / 2, y + 9, total);
}

choir_status ch_overview_draw(FILE *out, const ch_federation *f, const char *name,
                              const choir_env *env, choir_error *err) {
    const uint32_t classes = ch_federation_classes(f);
    const uint32_t clients = ch_federation_clients(f);
    const uint32_t rows = clients < CH_OVERVIEW_DRAWN_MAX ? clients : CH_OVERVIEW_DRAWN_MAX;
    if (classes == 0 || classes > CH_OVERVIEW_CLASSES_MAX) {
        return ch_error_set(err, CHOIR_EINVAL, "%s has %u labels; a picture needs between 1 and %d",
                            name, classes, CH_OVERVIEW_CLASSES_MAX);
    }
    asking a;
    choir_status status = asking_begin(&a, f, env);
    if (status != CHOIR_OK) {
        return status;
    }
    frame_draw(out, f, name, rows);
    for (uint32_t k = 0; k < rows && status == CHOIR_OK; k++) {
        status = ch_federation_labels(f, k, a.scratch, a.counts);
        if (status == CHOIR_OK) {
            row_draw(out, a.counts, classes, k);
        }
    }
    (void)fputs("</svg>\n", out);
    asking_end(&a);
    return status;
}
