#!/bin/sh
# Completion in bash, zsh and fish offers the commands, options and keys that
# there are.
. "$(dirname "$0")/lib.sh"
only_on swift "the same on every store"
completion=${tests_dir%/*}/deploy/completion
PATH=$deploy:$PATH
export PATH

# has FILE WORD...: each is a line of it.
# shellcheck disable=SC2317 # ok calls it
has()
{
	has_file=$1
	shift
	for has_word in "$@"; do
		grep -qxF -e "$has_word" "$has_file" || return 1
	done
}

sed -n 's/^ *{"\([a-z0-9_]*\)", CONFIG_.*/\1/p' \
	"${tests_dir%/*}/common/config_keys.c" | LC_ALL=C sort >"$work/keys"

# offers TYPED WORD...: completing TYPED offers these words, at least.
offers()
{
	typed=$1
	shift
	offer "$typed" >out 2>err
	ok "after '$typed': $*" has out "$@"
}

# offers_keys TYPED: it offers the keys, and these alone.
offers_keys()
{
	offer "$1" >out 2>err
	is "$(sed 's/=$//' out | LC_ALL=C sort -u)" "$(cat "$work/keys")" \
		"after '$1': all keys"
}

# What is offered is asked of --help: nothing that is refused stands there.
begin "the help of each command"
configure "endpoint_url: http://127.0.0.1:9" "max_attempts: 1"
s3spool --help >help
is "$(awk 'length > 80' help)" "" "no line is wider than a terminal"
: >refused
tries=0
# shellcheck disable=SC2013 # words
for command in $(sed -n 's/^.* s3spool \([a-z]*\) .*CONFIG.*/\1/p' help); do
	s3spool "$command" --help >help
	s3spool help "$command" >out
	ok "s3spool help $command" cmp out help
	case $command in
	scan | upload | reap) continue ;; # the programs'
	has | explain | hold | release) operand=none ;;
	*) operand= ;;
	esac
	like help "^usage: s3spool $command \[OPTIONS\] .*CONFIG" "is its own"
	is "$(awk 'length > 80' help)" "" "and narrow enough"
	# shellcheck disable=SC2013 # words
	for option in $(sed -n \
		-e 's/^ *\(-., \)\{0,1\}\(--[a-z0-9-]*\) [A-Z].*/\2=/p' -e t \
		-e 's/^ *\(-., \)\{0,1\}\(--[a-z0-9-]*\)  .*/\2/p' help); do
		case $command$option in
		*--loop= | *--help | *--version) continue ;;
		*--option=) option=--option=settle_seconds=1 ;;
		*=) option=${option}1 ;;
		esac
		case $command$option in
		retry--all | retry--reason=1) operand= ;;
		retry*) operand=none ;;
		esac
		# shellcheck disable=SC2086 # no operand is none
		run s3spool "$command" "$option" "$conf" $operand
		[ "$status" -ne 64 ] || echo "$command $option: $(cat err)" >>refused
		tries=$((tries + 1))
	done
done
is "$(cat refused)" "" "of $tries options none is refused"
ok "there are some" test "$tries" -gt 40

# What all shells offer.
asks_the_programs()
{
	: >station.yaml
	offers "s3spool " run scan upload reap check list report has explain retry \
		hold release drain status
	offers "s3spool r" run reap report
	offers "s3spool run --" --dry-run --log-uploads-only --print0
	offers "s3spool check -" -o --help
	unlike out "dry-run|retry|status" "and nothing of other commands"
	offers "s3spool drain --" --timeout --quiet
	unlike out "loop" "and no loop"
	offers "s3spool list --" --since --json --prefix
	offers "s3spool report --" --since --location
	offers "s3spool-scan --e" --explain
	offers "s3spool-upload -v --ch" --check
	offers "s3spool-reap -" -n --list --version
	offers "s3-uploader-cli st" station.yaml
	offers "s3spool check st" station.yaml
	offers_keys "s3spool run -o "
}

begin "bash"
if command -v bash >/dev/null; then
	# offer TYPED: as bash calls the function: "=" is a word of its own.
	offer()
	{
		bash --norc -c '
			. "$1"
			typed=${2//=/ = }
			read -ra COMP_WORDS <<<"$typed"
			[[ $typed != *" " ]] || COMP_WORDS+=("")
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			compopt() { :; }
			complete -p "${COMP_WORDS[0]}" >/dev/null || exit
			_s3spool
			printf "%s\n" "${COMPREPLY[@]}"' bash \
			"$completion/s3spool.bash" "$1"
	}
	asks_the_programs
	offers_keys "s3spool-scan --option="
	is "$(bash --norc -c '. "$1"; complete -p' bash \
		"$completion/s3spool.bash" | grep -c s3)" 5 \
		"it is there for all five"
else
	skip "no bash is installed"
fi

begin "zsh"
if command -v zsh >/dev/null; then
	ok "it is well-formed" zsh -n "$completion/_s3spool"
	# As zsh calls it, with the functions that it calls telling what they
	# are told.
	offer()
	{
		zsh -f -c '
			setopt no_unset
			words=(${(z)2})
			[[ $2 != *" " ]] || words+=("")
			CURRENT=$#words
			last=$words[-1]
			offering() {
				print -rl -- ${(M)@:#$last*}
			}
			_describe() { offering ${${(P)2}%%:*} }
			_files() { offering *(N) }
			compadd() { offering ${(P)@[-1]} }
			_arguments() {
				local spec
				# The value of the option before, alone.
				if [[ $words[-2] == -o ]]; then
					spec=${(M)@:#\*-o*}
					${spec##*:}
					return
				fi
				_files
				for spec in ${@:#\*:*}; do
					offering ${${spec#\*}%%[=\[]*}
				done
			}
			. $1' zsh "$completion/_s3spool" "$1" | sed '/^$/d'
	}
	: >station.yaml
	asks_the_programs
else
	skip "no zsh is installed"
fi

begin "fish"
if command -v fish >/dev/null; then
	ok "it is well-formed" fish -n "$completion/s3spool.fish"
	# What the user's own configuration says has no place here.
	offer()
	{
		# shellcheck disable=SC2016 # fish's own
		HOME=$here fish --no-config -c 'source $argv[1]
			complete -C $argv[2]' "$completion/s3spool.fish" "$1" |
			cut -f 1
	}
	asks_the_programs
else
	skip "no fish is installed"
fi

done_testing
