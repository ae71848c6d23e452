# fish completion for s3spool, its three programs and s3-uploader-cli.
# Commands and options are asked of the programs' --help, so that they are those
# of the version that is installed.

set -g __s3spool_keys \
	base_dir s3_bucket spool_dir pattern include exclude \
	settle_seconds settle_check \
	key_prefix region endpoint_url addressing_style use_fips_endpoint \
	use_dualstack_endpoint use_accelerate_endpoint proxy no_proxy ca_bundle \
	client_cert client_key bandwidth_limit connections max_attempts \
	connect_timeout_seconds stall_timeout_seconds order on_conflict \
	payload_signing checksum multipart_threshold part_size \
	multipart_abort_after storage_class server_side_encryption \
	sse_kms_key_id sse_customer_key_file acl tags metadata metadata_mtime \
	content_type content_types content_encoding cache_control \
	expected_bucket_owner request_payer object_lock_mode \
	object_lock_retain_until retain prune_after \
	ledger_retention log_level log_format log_file metrics_dir

# The options, each with its text, that this command line shows by --help.
function __s3spool_options
	set -l words (commandline -opc)
	set -l asked $words[1]
	if test (string replace -r '.*/' '' -- $words[1]) = s3spool
		set -a asked $words[2]
	end
	$asked --help 2>/dev/null | string replace -rf \
		'^ +(?:(-\w), )?(--[a-z0-9-]+)(?:[= ][A-Z]+(?:=[A-Z]+)?)? *(.*)$' \
		'$1\t$3\n$2\t$3' | string match -r '^-.*'
end

function __s3spool_commands
	set -l words (commandline -opc)
	$words[1] --help 2>/dev/null | string replace -rf \
		'^.* s3spool ([a-z]+) (?:\[OPTIONS\] )?CONFIG(?: [A-Z.]+)? *(.*)$' '$1\t$2'
end

function __s3spool_wants_key
	set -l words (commandline -opc)
	contains -- $words[-1] -o --option
end

function __s3spool_wants_option
	string match -q -- '-*' (commandline -ct)
	and not __s3spool_wants_key
end

function __s3spool_wants_command
	test (count (commandline -opc)) -eq 1
end

complete -c s3spool -n __s3spool_wants_command -f -a '(__s3spool_commands)'
for program in s3spool s3spool-scan s3spool-upload s3spool-reap s3-uploader-cli
	complete -c $program -n __s3spool_wants_option -f -a '(__s3spool_options)'
	complete -c $program -n __s3spool_wants_key -f -a '$__s3spool_keys='
end
