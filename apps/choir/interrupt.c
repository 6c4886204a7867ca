/* Interrupt: see interrupt.h. */
#include "interrupt.h"

#include <stddef.h>

volatile sig_atomic_t interrupt_came;

static void on_signal(int signal) {
    (void)signal;
    interrupt_came = 1;
}

void interrupts_catch(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}
