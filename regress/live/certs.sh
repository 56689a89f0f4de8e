# Keys and certificates in $T, for tests of outer TLS: sourced after lib.sh.

key() {		# key NAME KIND
	case $2 in
	rsa)	set -- "$1" -algorithm RSA -pkeyopt rsa_keygen_bits:2048 ;;
	ecdsa)	set -- "$1" -algorithm EC -pkeyopt ec_paramgen_curve:P-256 ;;
	ed25519) set -- "$1" -algorithm ED25519 ;;
	esac
	_n=$1; shift
	openssl genpkey "$@" -out "$T/$_n.key" 2>/dev/null
}
authority() {	# authority NAME: a self-signed one
	key "$1" ecdsa
	openssl req -x509 -new -key "$T/$1.key" -out "$T/$1.crt" -days 30 \
	    -subj "/CN=$1" 2>/dev/null
}
cert() {	# cert NAME SIGNER DAYS EXTENSION: of $T/NAME.key
	printf '%s\n' "$4" >"$T/ext"
	openssl req -new -key "$T/$1.key" -subj "/CN=$1" \
	    -out "$T/$1.csr" 2>/dev/null
	openssl x509 -req -in "$T/$1.csr" -CA "$T/$2.crt" -CAkey "$T/$2.key" \
	    -CAcreateserial -days "$3" -extfile "$T/ext" \
	    -out "$T/$1.crt" 2>/dev/null
}
pin() {		# pin NAME: of its public key
	openssl x509 -in "$T/$1.crt" -noout -pubkey |
	    openssl pkey -pubin -outform DER |
	    openssl dgst -sha256 | sed 's/.* //'
}
