/* Why: see include/choir/why.h. */
#include "choir/why.h"

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
