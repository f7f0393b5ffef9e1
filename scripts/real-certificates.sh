#!/bin/sh
# Makes a CA and one certificate for servers on loopback, for real servers in
# containers that tests are run against:
#
#   scripts/real-certificates.sh DIR    writes ca.pem, server.crt, server.key, server.pem
#
# The certificate is for both ends of a connection, because members of a MongoDB
# replica set show theirs when they call each other. The CA's key is removed.
set -eu
dir=${1:?where to}
mkdir -p "$dir"
cd "$dir"
umask 077
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout ca.key -out ca.pem -subj "/CN=bcctl test CA" \
	-addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj "/CN=localhost" 2>/dev/null
printf '%s\n' "subjectAltName=DNS:localhost,IP:127.0.0.1" "extendedKeyUsage=serverAuth,clientAuth" >server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile server.ext -out server.crt 2>/dev/null
cat server.crt server.key >server.pem
rm -f ca.key ca.srl server.csr server.ext
chmod 644 ca.pem server.crt
