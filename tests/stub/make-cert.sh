#!/bin/sh
# make-cert.sh DIR: a CA and certificates for tests, in DIR:
#   ca.pem                       what a client must trust
#   server.pem server-key.pem    for localhost, *.localhost, s3.localhost,
#                                *.s3.localhost and 127.0.0.1
#   client.pem client-key.pem    for a client that shows one
#   expired.pem                  the server's, no longer valid (openssl only)
# Made by openssl or by GnuTLS's certtool, whichever is there.
set -eu

[ $# -eq 1 ] || { echo "usage: $0 DIR" >&2; exit 64; }
mkdir -p "$1"
cd "$1"
umask 077

by_openssl() {
	cat >ext.cnf <<-EOF
	[ca]
	basicConstraints = critical, CA:TRUE
	keyUsage = critical, keyCertSign, cRLSign
	subjectKeyIdentifier = hash
	[server]
	basicConstraints = critical, CA:FALSE
	subjectAltName = @names
	extendedKeyUsage = serverAuth
	[names]
	DNS.1 = localhost
	DNS.2 = *.localhost
	DNS.3 = s3.localhost
	DNS.4 = *.s3.localhost
	IP.1 = 127.0.0.1
	[client]
	basicConstraints = critical, CA:FALSE
	extendedKeyUsage = clientAuth
	EOF
	for name in ca server client; do
		openssl ecparam -name prime256v1 -genkey -noout -out $name-key.pem
		openssl req -new -key $name-key.pem -subj "/CN=s3stub $name" \
			-out $name.csr
	done
	openssl x509 -req -in ca.csr -signkey ca-key.pem -days 3650 -sha256 \
		-extfile ext.cnf -extensions ca -out ca.pem
	for name in server client; do
		openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca-key.pem \
			-CAcreateserial -days 3650 -sha256 \
			-extfile ext.cnf -extensions $name -out $name.pem
	done
	: >index
	openssl ca -batch -cert ca.pem -keyfile ca-key.pem -in server.csr \
		-config expired.cnf -extfile ext.cnf -extensions server \
		-startdate 20200101000000Z -enddate 20200102000000Z \
		-notext -out expired.pem
	rm -f ./*.csr ./*.srl* ./*.cnf index* ./*.pem.old [0-9A-F]*.pem serial*
}

write_expired_config() {
	cat >expired.cnf <<-EOF
	[ca]
	default_ca = here
	[here]
	database = index
	new_certs_dir = .
	rand_serial = yes
	default_md = sha256
	policy = any
	[any]
	commonName = supplied
	EOF
}

by_certtool() {
	for name in ca server client; do
		certtool --generate-privkey --key-type ecdsa --curve secp256r1 \
			--outfile $name-key.pem
		echo "cn = \"s3stub $name\"" >$name.cfg
		echo "expiration_days = 3650" >>$name.cfg
	done
	printf 'ca\ncert_signing_key\n' >>ca.cfg
	printf '%s\n' 'dns_name = localhost' 'dns_name = *.localhost' \
		'dns_name = s3.localhost' 'dns_name = *.s3.localhost' \
		'ip_address = 127.0.0.1' tls_www_server signing_key >>server.cfg
	printf 'tls_www_client\nsigning_key\n' >>client.cfg
	certtool --generate-self-signed --load-privkey ca-key.pem \
		--template ca.cfg --outfile ca.pem
	for name in server client; do
		certtool --generate-certificate --load-privkey $name-key.pem \
			--load-ca-certificate ca.pem \
			--load-ca-privkey ca-key.pem \
			--template $name.cfg --outfile $name.pem
	done
	rm -f ./*.cfg
}

if command -v openssl >/dev/null; then
	write_expired_config
	by_openssl >openssl.log 2>&1 || { cat openssl.log >&2; exit 1; }
	rm -f openssl.log
elif command -v certtool >/dev/null; then
	by_certtool >certtool.log 2>&1 || { cat certtool.log >&2; exit 1; }
	rm -f certtool.log
else
	echo "$0: neither openssl nor certtool is here" >&2
	exit 69
fi
