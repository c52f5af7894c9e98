#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes an authority for tests and certificates of it: make_ca.sh DIR
#   ca.pem                      the authority            stranger-ca.pem  another one
#   hub.pem      hub.key        the hub: localhost, 127.0.0.1, ::1
#   hub-expired.*               the hub's of yesterday
#   elsewhere.*                 a server of another name
#   sender.*                    CN and DNS name sender.example.fi
#   uri.*                       CN of its own, SAN URI urn:example:oberon
#   other.*                     other.example.fi: the right authority, another name
#   person.*                    a card with a person's name in it
#   expired.*                   sender.example.fi of yesterday
#   stranger.*                  sender.example.fi, signed by the other authority
set -eu
dir=$1
mkdir -p "$dir"
cd "$dir"

authority() { # file, name
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$2" \
        -keyout "$1.key" -out "$1.pem" 2>/dev/null
}

certificate() { # file, subject, alternative names, authority, days
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" \
        -keyout "$1.key" -out "$1.csr" 2>/dev/null
    if [ -n "$3" ]; then
        printf 'subjectAltName=%s\n' "$3" >"$1.ext"
    else
        : >"$1.ext"
    fi
    openssl x509 -req -in "$1.csr" -CA "$4.pem" -CAkey "$4.key" -CAcreateserial -days "$5" \
        -extfile "$1.ext" -out "$1.pem" 2>/dev/null
    chmod 600 "$1.key"
}

authority ca "Punos test authority"
authority stranger-ca "Another test authority"
certificate hub "/CN=localhost" "DNS:localhost,IP:127.0.0.1,IP:::1" ca 30
certificate hub-expired "/CN=localhost" "DNS:localhost,IP:127.0.0.1,IP:::1" ca -1
certificate elsewhere "/CN=elsewhere.example.fi" "DNS:elsewhere.example.fi" ca 30
certificate sender "/CN=sender.example.fi" "DNS:sender.example.fi" ca 30
certificate uri "/CN=Integration" "URI:urn:example:oberon" ca 30
certificate other "/CN=other.example.fi" "DNS:other.example.fi" ca 30
certificate person "/CN=Mallikas Malli 999999/GN=Malli/SN=Mallikas" "" ca 30
certificate expired "/CN=sender.example.fi" "DNS:sender.example.fi" ca -1
certificate stranger "/CN=sender.example.fi" "DNS:sender.example.fi" stranger-ca 30
