/* Interrupt: see interrupt.h. */
#include "interrupt.h"

#include <stddef.h>
#include <unistd.h>

volatile sig_atomic_t interrupt_came;

static volatile sig_atomic_t somebody_looks;

// What runs now may take a while: whoever pressed the keys is told that they were heard.
static void on_signal(int signal) {
    static const char heard[] = "\nending after what runs now; once more ends it at once\n";
    (void)signal;
    if (interrupt_came == 0 && somebody_looks != 0) {
        const ssize_t written = write(STDERR_FILENO, heard, sizeof(heard) - 1);
        (void)written;
    }
    interrupt_came = 1;
}

void interrupts_catch(void) {
    somebody_looks = isatty(STDERR_FILENO);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}
