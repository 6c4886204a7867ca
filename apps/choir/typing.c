/*
 * Typing: see typing.h.
 *
 * On a terminal there are two lines, redrawn after every key:
 *
 *     see you to_
 *     tomorrow   to   today
 */
#include "typing.h"

#include "interrupt.h"

#include "base/error.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum {
    TEXT_MAX = 65536, // bytes of a line that are kept, from its end
    COLUMNS_USUAL = 80,
    KEY_END = 4,       // Ctrl-D
    KEY_INTERRUPT = 3, // Ctrl-C
    KEY_ESCAPE = 27,
    KEY_BACKSPACE = 8,
    KEY_DELETE = 127,
    KEY_CLEAR = 21, // Ctrl-U
};

/* What was typed of a line. */
typedef struct line {
    char text[TEXT_MAX];
    size_t size;
} line;

static void line_add(line *l, char c) {
    if (l->size == TEXT_MAX) {
        memmove(l->text, l->text + TEXT_MAX / 2, TEXT_MAX / 2);
        l->size = TEXT_MAX / 2;
    }
    l->text[l->size] = c;
    l->size += 1;
}

static bool is_continued(char c) {
    return ((unsigned char)c & 0xC0) == 0x80; // of a UTF-8 letter, not its first byte
}

static void line_erase(line *l) {
    while (l->size > 0 && is_continued(l->text[l->size - 1])) {
        l->size -= 1;
    }
    l->size -= l->size > 0 ? 1 : 0;
}

// ----- a pipe -----------------------------------------------------------------------------------

static void line_answer(FILE *out, ch_suggester *s, const line *l) {
    const char *words[CH_RECALL_SHOWN];
    const uint32_t count = ch_suggester_suggest(s, l->text, l->size, false, words);
    for (uint32_t i = 0; i < count; i++) {
        (void)fprintf(out, "%s%s", i == 0 ? "" : "\t", words[i]);
    }
    (void)fputc('\n', out);
    (void)fflush(out); // whoever writes lines to us may wait for it
}

static choir_status lines_follow(FILE *in, FILE *out, ch_suggester *s, line *l, choir_error *err) {
    bool is_open = false; // a line has begun
    for (int c = fgetc(in); c != EOF && ferror(out) == 0; c = fgetc(in)) {
        is_open = c != '\n';
        if (is_open) {
            line_add(l, (char)c);
        } else {
            line_answer(out, s, l);
            l->size = 0;
        }
    }
    if (ferror(in) != 0) {
        return ch_error_set(err, CHOIR_EIO, "standard input cannot be read: %s", strerror(errno));
    }
    if (is_open) {
        line_answer(out, s, l);
    }
    return CHOIR_OK;
}

// ----- a terminal -------------------------------------------------------------------------------

typedef struct screen {
    int fd;
    int ends; // readable when a signal asked for the end
    FILE *out;
    ch_suggester *suggester;
    line *l;
    const char *words[CH_RECALL_SHOWN];
    uint32_t count;
    int held; // a byte that was read and is the next key; EOF: none
} screen;

static uint32_t columns_of(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : COLUMNS_USUAL;
}

/* The end of the line that is as wide as the screen, less the cursor's place. */
static const char *tail_of(const line *l, uint32_t columns, uint32_t *width) {
    size_t at = l->size;
    *width = 0;
    while (at > 0 && *width + 1 < columns) {
        at -= 1;
        *width += is_continued(l->text[at]) ? 0 : 1;
    }
    while (at < l->size && is_continued(l->text[at])) {
        at += 1;
    }
    return l->text + at;
}

static void suggestions_draw(const screen *s, uint32_t columns) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const size_t size = strlen(s->words[i]);
        if (used + size + 3 < columns) {
            (void)fprintf(s->out, "%s%s", i == 0 ? "" : "   ", s->words[i]);
            used += (uint32_t)size + 3;
        }
    }
}

static void screen_draw(screen *s) {
    const uint32_t columns = columns_of(s->fd);
    uint32_t width = 0;
    const char *tail = tail_of(s->l, columns, &width);
    s->count = ch_suggester_suggest(s->suggester, s->l->text, s->l->size, true, s->words);
    (void)fputs("\r\033[J\r\n", s->out); // clears both lines
    suggestions_draw(s, columns);
    (void)fputs("\033[A\r", s->out);
    (void)fwrite(tail, 1, (size_t)(s->l->text + s->l->size - tail), s->out);
    (void)fflush(s->out);
}

/* Puts a suggestion in place of the word that is begun. */
static void word_take(screen *s, uint32_t which) {
    if (which < s->count) {
        s->l->size -= ch_suggester_begun(s->l->text, s->l->size);
        for (const char *c = s->words[which]; *c != '\0'; c++) {
            line_add(s->l, *c);
        }
        line_add(s->l, ' ');
    }
}

/* Waits for a key. False: a signal came. A poll, as one that comes just before a read does not wake
 * it. */
static bool key_wait(const screen *s) {
    struct pollfd ready[] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->ends, .events = POLLIN}};
    int count;
    do {
        count = poll(ready, 2, -1);
    } while (count < 0 && errno == EINTR);
    return count > 0 && ready[1].revents == 0;
}

/* A key's byte; EOF at the end. */
static int key_read(screen *s) {
    if (s->held != EOF) {
        const int held = s->held;
        s->held = EOF;
        return held;
    }
    unsigned char c;
    ssize_t got = -1;
    while (key_wait(s)) {
        got = read(s->fd, &c, 1);
        if (got >= 0 || errno != EINTR) {
            break;
        }
    }
    return got == 1 ? c : EOF;
}

/*
 * Alt and a digit; anything else that begins so, an arrow or a function key, is passed over. A byte
 * that no sequence has, such as Ctrl-C's, ends it and is a key of its own.
 */
static void escape_take(screen *s) {
    int c = key_read(s);
    if (c >= '1' && c < '1' + CH_RECALL_SHOWN) {
        word_take(s, (uint32_t)(c - '1'));
    }
    if (c == '[' || c == 'O') {
        do {
            c = key_read(s);
        } while (c >= ' ' && c < '@');
    }
    if (c < ' ' || c > '~') {
        s->held = c;
    }
}

static void key_take(screen *s, int key) {
    if (key == '\r' || key == '\n') {
        (void)fputs("\033[J\r\n", s->out);
        s->l->size = 0;
    } else if (key == KEY_BACKSPACE || key == KEY_DELETE) {
        line_erase(s->l);
    } else if (key == KEY_CLEAR) {
        s->l->size = 0;
    } else if (key == '\t') {
        word_take(s, 0);
    } else if (key == KEY_ESCAPE) {
        escape_take(s);
    } else if (key >= ' ') {
        line_add(s->l, (char)key);
    }
}

static choir_status screen_follow(screen *s, choir_error *err) {
    struct termios before;
    if (tcgetattr(s->fd, &before) != 0) {
        return ch_error_set(err, CHOIR_EIO, "the terminal cannot be read key by key: %s",
                            strerror(errno));
    }
    s->ends = interrupts_poll();
    if (s->ends < 0) {
        return ch_error_set(err, CHOIR_EIO, "signals cannot be waited for: %s", strerror(errno));
    }
    struct termios raw = before;
    raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(s->fd, TCSAFLUSH, &raw) != 0) {
        return ch_error_set(err, CHOIR_EIO, "the terminal cannot be read key by key: %s",
                            strerror(errno));
    }
    screen_draw(s);
    for (int key = key_read(s); key != EOF && key != KEY_END && key != KEY_INTERRUPT;
         key = key_read(s)) {
        key_take(s, key);
        screen_draw(s);
    }
    (void)tcsetattr(s->fd, TCSAFLUSH, &before); // first: another signal ends the program at once
    (void)fputs("\033[J\r\n", s->out);
    (void)fflush(s->out);
    return CHOIR_OK;
}

choir_status typing_follow(FILE *in, FILE *out, ch_suggester *suggester, choir_error *err) {
    static line l; // too large for a stack
    const char *kind = getenv("TERM");
    const bool is_dumb = kind == NULL || strcmp(kind, "dumb") == 0;
    l.size = 0;
    if (is_dumb || isatty(fileno(in)) == 0 || isatty(fileno(out)) == 0) {
        return lines_follow(in, out, suggester, &l, err);
    }
    screen s = {.fd = fileno(in), .out = out, .suggester = suggester, .l = &l, .held = EOF};
    return screen_follow(&s, err);
}
