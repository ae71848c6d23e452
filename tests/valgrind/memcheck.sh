#!/bin/sh
# Runs a program under valgrind's memcheck: an error, or memory that nothing
# points to any more, ends it with status 99. Without a --log-file in
# VALGRIND_OPTS it is told on stderr.
set -eu

if [ $# -lt 2 ]; then
	echo "usage: memcheck.sh SYSCALLS.SO PROGRAM [ARGUMENT...]" >&2
	exit 64
fi

syscalls=$1
shift
# The programs' own programs aren't traced; what is forked without an exec (a
# unit test) is, and has a log of its own if the log's name has %p in it.
LD_PRELOAD=$syscalls exec valgrind --quiet --error-exitcode=99 \
	--leak-check=full --show-leak-kinds=definite \
	--errors-for-leak-kinds=definite --num-callers=30 "$@"
