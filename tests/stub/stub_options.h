/* The command line of the stub. */
#ifndef STUB_OPTIONS_H
#define STUB_OPTIONS_H

#include "tests/stub/stub.h"

/* Returns 0, or -1 with the reason on stderr; after --help exits with 0. */
int stub_options_parse(struct stub_options *options, int argc, char **argv);
void stub_options_done(struct stub_options *options);

#endif
