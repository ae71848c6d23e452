#!/bin/sh
# saboteur-selftest.sh: does the saboteur harm what it was asked to, and only
# that? Speaks TAP.
#
# The victims are small programs whose calls are known. SABOTEUR names the
# program to test (default build/tests/saboteur). With -q, it tells of failures
# only, and closes with `N passed, N failed`.
#
# What the victims are to expand stands in single quotes:
# shellcheck disable=SC2016
set -u

work=$(mktemp -d) || exit 1
python=/usr/bin/python3
count=0
failed=0
quiet=
[ "${1-}" != -q ] || quiet=1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cp "${SABOTEUR:-build/tests/saboteur}" "$work/saboteur" || exit 1
cd "$work" || exit 1

ok() { # DESCRIPTION STATUS
	count=$((count + 1))
	if [ "$2" -eq 0 ]; then
		[ -n "$quiet" ] || echo "ok $count - $1"
	else
		failed=$((failed + 1))
		echo "not ok $count - $1"
	fi
}

is() { # DESCRIPTION WANTED GOT
	[ "$2" = "$3" ]
	ok "$1" $?
	[ "$2" = "$3" ] || printf '# wanted %s\n# got    %s\n' "$2" "$3"
}

has() { # DESCRIPTION GLOB GOT
	# shellcheck disable=SC2254 # it is a glob
	case $3 in
	$2) ok "$1" 0 ;;
	*) ok "$1" 1; printf '# wanted %s\n# got    %s\n' "$2" "$3" ;;
	esac
}

section() { [ -n "$quiet" ] || echo "# $*"; }

# Runs the saboteur, prints its exit status; output is in `out` and `err`. What
# hangs ends with 124.
sab() { timeout 60 "$work/saboteur" "$@" >out 2>err; echo $?; }
total() { awk '$1 == "total" { print $2 }' counts; }
turn() { # CALL: its first place in the trace
	awk -v name="$1" '$3 == name { print $1; exit }' trace
}

# The victims in Python: what the standard programs don't do.
cat >lib.py <<'END'
import ctypes, fcntl, os, select, signal, struct, subprocess, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def threaded(do):
    thread = threading.Thread(target=do)
    thread.start()
    thread.join()
def answer(do, *arguments):
    try:
        result = do(*arguments)
        return "done" if result is None else result
    except OSError as error:
        return error.strerror
END
py() { # OPTIONS -- CODE
	options=
	while [ "$1" != -- ]; do
		options="$options $1"
		shift
	done
	# shellcheck disable=SC2086 # split on purpose
	sab $options -- "$python" -Sc "from lib import *
$2"
}

# --- the exit status ----------------------------------------------------------
section "the exit status"
is "the program's own" 0 "$(sab -- true)"
is "... as it is" 3 "$(sab -- sh -c 'exit 3')"
is "128 + its signal" 143 "$(sab -- sh -c 'kill -TERM $$')"
is "no such program" 125 "$(sab -- ./none)"
has "... is named" "*'./none': No such file*" "$(cat err)"
is "no program" 64 "$(sab --count counts)"
is "an unknown option" 64 "$(sab --wat -- true)"
for bad in '--from wat' '--fail wat:1=EIO' '--fail read:1=EWAT' \
	'--fail read:0=EIO' '--fail read=EIO' '--fail :1=EIO' '--kill-at x' \
	'--kill-after 0' '--short fsync:1=1' '--short any:1=1' \
	'--short read:1=x' '--run-at read:1:middle=true' '--no-lease EWAT' \
	'--patience x' '--fail setlease,read:1=EIO'; do
	# shellcheck disable=SC2086 # an option and its argument
	is "$bad" 64 "$(sab $bad -- true)"
done
is "a call that never comes" 126 "$(sab --fail mkdir:1=EIO -- sh -c 'exit 3')"
has "... is named, with the program's status" \
	"*--fail 'mkdir:1=EIO' was never reached*status 3" "$(cat err)"
is "a count never reached" 126 "$(sab --kill-at 99999 -- true)"
is "no file for the count" 125 "$(sab --count none/counts -- true)"
is "no file for the trace" 125 "$(sab --trace none/trace -- true)"
is "help" 0 "$(sab --help)"
has "... lists what is uninteresting" '* futex *' "$(cat out)"

# --- counting -----------------------------------------------------------------
section "counting"
printf 123456 >six
copy='dd if=six status=none'
# shellcheck disable=SC2086 # split on purpose
copied() { sab "$@" -- $copy; }
is "--count" 0 "$(copied --count counts)"
is "... the program does its work" 123456 "$(cat out)"
is "... by one write" 1 "$(awk '$1 == "write" { print $2 }' counts)"
is "... the total is the sum" "$(total)" \
	"$(awk '$1 != "total" { sum += $2 } END { print sum }' counts)"
tail -n +2 counts | LC_ALL=C sort -c -k 1,1
ok "... in order of name" $?
whole=$(total)
is "it is the same each time" "0 $whole" "$(copied --count counts) $(total)"
is "--from" 0 "$(copied --from write --count counts --trace trace)"
is "... begins with that call" "1 0 write 6" "$(head -n 1 trace)"
is "... counts as the trace does" "$(wc -l <trace)" "$(total)"
is "... has the end without a result" "$(total) 0 exit_group ?" \
	"$(tail -n 1 trace)"
is "--trace has errors by name" 1 "$(sab --trace trace -- cat none)"
has "... there" "*openat ENOENT*" "$(cat trace)"
is "--skip-uninteresting" 0 "$(copied --skip-uninteresting --count counts)"
[ "$(total)" -lt "$whole" ]
ok "... counts less" $?
is "... no memory, no looks" "" "$(grep -E 'mmap|brk|stat' counts)"
is "... by name they can be had" 0 "$(py --from umask --skip-uninteresting \
	--fail lseek:1=EINVAL -- '
os.umask(0)
print(answer(os.lseek, os.open("six", os.O_RDONLY), 0, 0))')"
is "... indeed" "Invalid argument" "$(cat out)"

# --- killing ------------------------------------------------------------------
section "killing"
# A victim whose every step can be seen from outside.
steps='os.umask(0o77)
os.mkdir("d")
file = os.open("d/f", os.O_CREAT | os.O_WRONLY)
os.write(file, b"a")
os.close(file)
os.rename("d/f", "d/g")
os._exit(3)'
step() { rm -rf d; py --from umask --skip-uninteresting "$@" -- "$steps"; }
left() { # what it has left, contents included
	for file in d d/f d/g; do
		[ ! -e "$file" ] || printf '%s ' "$file"
	done
	cat d/? 2>/dev/null
}
is "the whole victim" 3 "$(step --count counts --trace trace)"
is "... and what it leaves" "d d/g a" "$(left)"
is "--kill-at a mkdir" 137 "$(step --kill-at "$(turn mkdir)")"
is "... isn't made" "" "$(left)"
is "--kill-after it" 137 "$(step --kill-after "$(turn mkdir)")"
is "... is made" "d " "$(left)"
is "--kill-at a write" 137 "$(step --kill-at "$(turn write)")"
is "... leaves the file empty" "d d/f " "$(left)"
is "--kill-after it" 137 "$(step --kill-after "$(turn write)")"
is "... leaves it full" "d d/f a" "$(left)"
for when in at after; do
	n=0 status=137
	while [ "$status" -eq 137 ]; do
		n=$((n + 1))
		status=$(step --kill-$when $n)
	done
	is "--kill-$when each call, until" 126 "$status"
	# Nobody can be killed after the exit.
	[ "$when" = at ] || n=$((n + 1))
	is "... there are no more" $(($(total) + 1)) "$n"
done

# --- failing ------------------------------------------------------------------
section "failing"
rename='print(answer(os.rename, "a", "b"))'
renames=rename,renameat,renameat2
: >a
is "--fail a rename" 0 "$(py --fail "$renames:1=EACCES" -- "$rename")"
is "... it is told so" "Permission denied" "$(cat out)"
[ -e a ] && [ ! -e b ]
ok "... isn't made" $?
is "--lie about a rename" 0 "$(py --lie "$renames:1=ESTALE" -- "$rename")"
is "... it is told so" "Stale file handle" "$(cat out)"
[ -e b ] && [ ! -e a ]
ok "... is made" $?
is "--fail the N-th" 1 "$(sab --fail write:3=ENOSPC -- dd if=six of=o bs=1)"
is "... not those before" 12 "$(cat o)"
is "... it is told so" 1 "$(grep -c 'No space left' err)"
reads='os.umask(0)
file = os.open("six", os.O_RDONLY)
for _ in range(4): print(answer(os.read, file, 6))'
is "... not those after" 0 "$(py --from umask --fail read:1=EIO -- "$reads")"
is "... which go on" "Input/output error b'123456' b'' b''" \
	"$(paste -sd ' ' out)"
is "--fail N+" 0 "$(py --fail mkdir,mkdirat:2+=EDQUOT -- '
for name in "mno": print(answer(os.mkdir, name))')"
is "... those after, too" "done Disk quota exceeded Disk quota exceeded" \
	"$(paste -sd ' ' out)"
is "--fail any" 0 "$(py --from umask --fail any:2=EMFILE -- '
os.umask(0)
print(answer(os.open, "six", os.O_RDONLY))')"
is "... counts all" "Too many open files" "$(cat out)"
is "--short write" 0 "$(py --short write:1=2 -- '
print(os.write(1, b"abcdef"), os.write(1, b"abcdef"), file=sys.stderr)')"
is "... the N-th only" "2 6" "$(cat err)"
is "... and its bytes" ababcdef "$(cat out)"
is "--short read" 0 "$(py --from umask --short read:1+=4 -- "$reads")"
is "... each of them" "b'1234' b'56' b'' b''" "$(paste -sd ' ' out)"
is "--short beyond the length" 0 "$(copied --short write:1=9)"
is "... changes nothing" 123456 "$(cat out)"

rename='def rename(old, new, flags):
    failed = libc.renameat2(-100, old, -100, new, flags)
    return os.strerror(ctypes.get_errno()) if failed else "done"
'
: >r
is "--no-noreplace" 0 "$(py --no-noreplace -- "$rename"'
print(rename(b"r", b"s", 1), rename(b"r", b"s", 0))')"
is "... with a flag only" "Invalid argument done" "$(cat out)"
lease='file = open("six")
print(answer(fcntl.fcntl, file, fcntl.F_SETLEASE, fcntl.F_RDLCK),
      answer(fcntl.fcntl, file, fcntl.F_GETFD))'
is "--no-lease" 0 "$(py --no-lease EACCES -- "$lease")"
is "... nothing else of fcntl" "Permission denied 1" "$(cat out)"
is "setlease" 0 "$(py --fail setlease:2=EACCES -- "$lease
$lease")"
is "... counts no other fcntl" "0 1 Permission denied 1" \
	"$(paste -sd ' ' out)"

# --- commands -----------------------------------------------------------------
section "commands"
write='umask 077; echo full >w; echo more'
is "--run-at entry" 0 "$(sab --run-at 'write:1:entry=cp w seen' -- \
	sh -c "$write")"
is "... before the call" "" "$(cat seen)"
is "--run-at exit" 0 "$(sab --run-at 'write:1:exit=cp w seen' -- \
	sh -c "$write")"
is "... after it" full "$(cat seen)"
is "... two at one point" 0 "$(sab --run-at 'write:1:exit=printf 1 >two' \
	--run-at 'write:1:exit=printf 2 >>two' -- sh -c "$write")"
is "... in order" 12 "$(cat two)"
is "... with a kill" 137 "$(sab --from write --run-at 'any:1:entry=: >ran' \
	--kill-at 1 -- sh -c "$write")"
[ -e ran ]
ok "... runs first" $?
is "SABOTEUR_PID" 0 "$(sab --run-at 'write:1:entry=
	cat /proc/$SABOTEUR_PID/comm >seen' -- sh -c "$write")"
is "... is the process" sh "$(cat seen)"
is "a command that waits for the program" 0 "$(sab --run-at 'write:1:entry=
	while [ ! -e over ]; do sleep 0.02; done; sleep 0.1; : >late' -- \
	sh -c 'echo a; : >over')"
[ -e late ]
ok "... is waited for at the end" $?
is "--patience" 0 "$(sab --patience 60000 --run-at \
	'write:1:entry=sleep 0.5; cp w seen' -- sh -c "$write")"
is "... outlasts it before the call" "" "$(cat seen)"
is "a command that waits for a lease" 0 "$(py \
	--run-at mkdir,mkdirat:1:entry=./breaker -- '
signal.signal(signal.SIGIO, signal.SIG_IGN)
with open("breaker", "w") as script: script.write("#!/bin/sh\necho b >>six\n")
os.chmod("breaker", 0o700)
with open("six") as file:
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    os.mkdir("leased")
    print(fcntl.fcntl(file, fcntl.F_GETLEASE) == fcntl.F_RDLCK)')"
is "... has broken it" False "$(cat out)"
is "... and then written" 123456b "$(cat six)"

# --- signals ------------------------------------------------------------------
section "signals"
is "a SIGTERM from outside" 143 "$(sab \
	--run-at 'write:1:entry=kill $SABOTEUR_PID' -- sh -c "$write")"
is "... caught" 0 "$(sab --run-at 'write:1:exit=kill $SABOTEUR_PID' -- \
	sh -c 'trap "echo caught" TERM; echo one; echo two')"
is "... once, at its place" "one caught two" "$(paste -sd ' ' out)"
is "a stop" 0 "$(py -- '
end, other = os.pipe()
pid = os.fork()
if pid == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
    os.write(other, b"I run")
    os._exit(7)
_, status = os.waitpid(pid, os.WUNTRACED)
print(os.WIFSTOPPED(status), select.select([end], [], [], 0.3)[0], end=" ")
os.kill(pid, signal.SIGCONT)
_, status = os.waitpid(pid, 0)
print(os.WEXITSTATUS(status))')"
is "... lasts until SIGCONT" "True [] 7" "$(cat out)"
mkfifo fifo
"$work/saboteur" --count counts -- sh -c 'echo $$ >victim; read line <fifo' &
saboteur=$!
for _ in $(seq 600); do
	[ ! -s victim ] || break
	sleep 0.05
done
kill -KILL "$saboteur"
wait "$saboteur" 2>/dev/null
for _ in $(seq 600); do
	state=$(sed -n 's/^State:.\(.\).*/\1/p' \
		"/proc/$(cat victim)/status" 2>/dev/null)
	case $state in '' | Z | X) state=gone; break ;; esac
	sleep 0.05
done
is "if the saboteur is killed, so is the program" gone "$state"
[ "$state" = gone ] || kill -KILL "$(cat victim)"

# --- threads and children -----------------------------------------------------
section "threads and children"
mkdirs='threaded(lambda: print(answer(os.mkdir, "t")))
print(answer(os.mkdir, "u"))'
fresh_dirs() { rm -rf t u; }
is "a thread" 0 "$(py --skip-uninteresting --from mkdir --trace trace -- \
	"$mkdirs")"
is "... has an index" "1 0" \
	"$(awk '$3 == "mkdir" { print $2 }' trace | paste -sd ' ')"
fresh_dirs
is "... fails alone" 0 "$(py --fail mkdir,mkdirat:1=EIO -- "$mkdirs")"
is "... indeed" "Input/output error done" "$(paste -sd ' ' out)"
fresh_dirs
is "... kills the process" 137 "$(py --from mkdir --kill-at 1 -- "$mkdirs")"
[ ! -e t ] && [ ! -e u ]
ok "... before it does anything" $?
is "... after its end" 137 "$(py --skip-uninteresting --from mkdir \
	--trace trace --kill-after 2 -- '
threading.Thread(target=os.mkdir, args=("t",)).start()
threading.Event().wait()')"
is "... truly" "2 1 exit ?" "$(sed -n 2p trace)"
is "... and has the process's number" 0 "$(py --run-at \
	'mkdir,mkdirat:2:entry=echo${IFS}$SABOTEUR_PID>pid' -- '
threaded(lambda: [os.mkdir(name) for name in ("v", "w1")])
print(os.getpid())')"
is "... indeed" "$(cat out)" "$(cat pid)"
is "a child" 5 "$(py --fail mkdir:1=EIO -- '
child = subprocess.run(["mkdir", "x"], stderr=subprocess.DEVNULL)
sys.exit(4 + child.returncode)')"
[ ! -e x ]
ok "... is harmed, too" $?
is "a thread's exec" 6 "$(py --from execve --trace trace -- '
threaded(lambda: os.execv("/bin/sh", ["sh", "-c", "exit 6"]))')"
is "... has an answer" "execve 0" \
	"$(awk '$3 == "execve" { print $3, $4 }' trace)"
is "what it leaves behind is waited for" 2 "$(sab -- sh -c \
	'(while [ ! -e gone ]; do sleep 0.02; done; : >after) & : >gone; exit 2')"
[ -e after ]
ok "... indeed" $?

# --- what the program does to itself ------------------------------------------
section "what the program does to itself"
chmod 777 .
chmod 755 saboteur
as_nobody=
[ "$(id -u)" -ne 0 ] ||
	as_nobody='setpriv --reuid 65534 --regid 65534 --clear-groups --'
plain() { # as py, but without privileges
	options=
	while [ "$1" != -- ]; do
		options="$options $1"
		shift
	done
	# shellcheck disable=SC2086 # split on purpose
	timeout 60 $as_nobody "$work/saboteur" $options -- \
		"$python" -Sc "from lib import *
$2" >out 2>err
	echo $?
}
hide='print(libc.prctl(4, 0, 0, 0, 0))
print(answer(os.mkdir, "y"))
threaded(lambda: print(answer(os.mkdir, "z")))'
is "PR_SET_DUMPABLE 0" 0 "$(plain --fail mkdir,mkdirat:2=EIO \
	--short write:1=1 -- "$hide")"
is "... hides nothing" "0 done Input/output error" "$(paste -sd ' ' out)"
# A filter that kills whoever makes a call that it doesn't know: beyond 1000.
filter='rules = b"".join(struct.pack("HBBI", *rule) for rule in (
    (0x20, 0, 0, 0), (0x35, 0, 1, 1000), (6, 0, 0, 0x80000000),
    (6, 0, 0, 0x7fff0000)))
class Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("rules", ctypes.c_char_p)]
libc.prctl(38, 1, 0, 0, 0)
print(libc.prctl(22, 2, ctypes.byref(Program(4, rules)), 0, 0), flush=True)
'
is "a seccomp filter" 0 "$(plain --fail mkdir,mkdirat:1=EIO -- "$filter"'
print(answer(os.mkdir, "q"))')"
is "... knows what a failed call becomes" "0 Input/output error" \
	"$(paste -sd ' ' out)"
is "... and kills" 159 "$(plain -- "$filter"'libc.syscall(2000)')"

if [ -n "$quiet" ]; then
	echo "$((count - failed)) passed, $failed failed"
else
	echo "1..$count"
fi
[ "$failed" -eq 0 ] || { echo "# $failed of $count failed"; exit 1; }
