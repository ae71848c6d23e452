# bash completion for s3spool, its three programs and s3-uploader-cli.
#
# Commands and options are asked of the programs' --help, so that they are
# those of the version that is installed. Needs nothing of bash-completion.

_s3spool_keys='
	base_dir s3_bucket spool_dir pattern include exclude
	settle_seconds settle_check
	key_prefix region endpoint_url addressing_style use_fips_endpoint
	use_dualstack_endpoint use_accelerate_endpoint proxy no_proxy ca_bundle
	client_cert client_key bandwidth_limit connections max_attempts
	connect_timeout_seconds stall_timeout_seconds order on_conflict
	payload_signing checksum multipart_threshold part_size
	multipart_abort_after storage_class server_side_encryption
	sse_kms_key_id sse_customer_key_file acl tags metadata metadata_mtime
	content_type content_types content_encoding cache_control
	expected_bucket_owner request_payer object_lock_mode
	object_lock_retain_until retain prune_after
	ledger_retention log_level log_format log_file metrics_dir
'

# The options that the command line given shows by --help.
_s3spool_options()
{
	"$@" --help 2>/dev/null | sed -n '/^ *-/p' |
		grep -oE -e '(^| )--?[A-Za-z0-9][a-z0-9-]*' | sort -u
}

_s3spool_commands()
{
	"$1" --help 2>/dev/null |
		sed -n 's/^.* s3spool \([a-z]*\) .*CONFIG.*/\1/p'
}

_s3spool()
{
	local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]}
	local before=${COMP_WORDS[COMP_CWORD - 1]} asked
	program=${program/#\~\//$HOME/}
	asked=("$program")
	COMPREPLY=()

	# "=" is a word of its own here.
	if [[ $before == = ]] && ((COMP_CWORD > 1)); then
		before=${COMP_WORDS[COMP_CWORD - 2]}
	elif [[ $word == = ]]; then
		word=
	fi
	if [[ ${program##*/} == s3spool ]]; then
		if ((COMP_CWORD == 1)); then
			mapfile -t COMPREPLY < <(compgen -W \
				"$(_s3spool_commands "$program") --help --version" \
				-- "$word")
			return
		fi
		asked+=("${COMP_WORDS[1]}")
	fi
	case $before in
	-o | --option)
		compopt -o nospace
		mapfile -t COMPREPLY < <(compgen -S = -W "$_s3spool_keys" \
			-- "$word")
		return
		;;
	esac
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W \
			"$(_s3spool_options "${asked[@]}")" -- "$word")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}

complete -F _s3spool s3spool s3spool-scan s3spool-upload s3spool-reap \
	s3-uploader-cli
