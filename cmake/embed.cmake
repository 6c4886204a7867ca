# Writes a file's bytes as a C source, to be compiled in: cmake -DFROM=.. -DTO=.. -DNAME=.. -DHEADER=.. -P this
file(READ ${FROM} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${TO} "/* ${NAME}: the bytes of a file, written by cmake/embed.cmake. */\n"
                 "#include \"${HEADER}\"\n\n"
                 "const uint8_t ${NAME}[] = {${bytes}};\n"
                 "const size_t ${NAME}_SIZE = sizeof(${NAME});\n")
