/* Why: see include/choir/why.h. */
#include "choir/why.h"

#include <string.h>

const char *choir_why_text(choir_why why) {
    switch (why) {
#define X(name, text)                                                                              \
    case CHOIR_WHY_##name:                                                                         \
        return text;
        CHOIR_WHY_MAP(X)
#undef X
    case CHOIR_WHY_COUNT:
        break;
    }
    return "unknown";
}

choir_why choir_why_of(const char *text) {
    for (int why = 0; why < CHOIR_WHY_COUNT; why++) {
        if (strcmp(text, choir_why_text((choir_why)why)) == 0) {
            return (choir_why)why;
        }
    }
    return CHOIR_WHY_ERROR;
}
