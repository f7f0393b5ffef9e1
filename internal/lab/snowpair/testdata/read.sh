#!/bin/sh
# Logs in with curl and openssl alone, as the documentation of key-pair
# authentication describes, reads as a monitor does, and renews its token.
# Arguments: URL, account identifier, user, key file, CA file.
set -eu
url=$1 account=$2 user=$3 key=$4 ca=$5

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
post() { # path, token, body
	curl -sS --fail-with-body --max-time 20 --cacert "$ca" -H 'Content-Type: application/json' -H 'Accept: application/json' \
		${2:+-H "Authorization: Snowflake Token=\"$2\""} --compressed -d "$3" "$url$1"
}
field() { sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'; }

fingerprint=$(openssl rsa -in "$key" -pubout -outform DER 2>/dev/null | openssl dgst -sha256 -binary | openssl base64 -A)
now=$(date +%s)
header=$(printf '{"alg":"RS256","typ":"JWT"}' | base64url)
claims=$(printf '{"iss":"%s.%s.SHA256:%s","sub":"%s.%s","iat":%d,"exp":%d}' "$account" "$user" "$fingerprint" "$account" "$user" "$now" "$((now + 60))" | base64url)
signature=$(printf '%s.%s' "$header" "$claims" | openssl dgst -sha256 -sign "$key" -binary | base64url)

login=$(post '/session/v1/login-request?warehouse=BCCTL_WH&requestId=1' '' \
	'{"data":{"CLIENT_APP_ID":"curl","CLIENT_APP_VERSION":"1","ACCOUNT_NAME":"'"$account"'","AUTHENTICATOR":"SNOWFLAKE_JWT","TOKEN":"'"$header.$claims.$signature"'"}}')
token=$(printf '%s' "$login" | field token)
master=$(printf '%s' "$login" | field masterToken)
query() { post "/queries/v1/query-request?requestId=$1" "$token" '{"sqlText":"'"$2"'","asyncExec":false,"sequenceId":'"$1"'}'; }

echo "account: $(query 2 'SELECT CURRENT_ACCOUNT_NAME()' | sed -n 's/.*"rowset":\[\["\([^"]*\)"\]\].*/\1/p')"
echo "groups: $(query 3 'SHOW FAILOVER GROUPS' | sed -n 's/.*"total":\([0-9]*\).*/\1/p')"
echo "history: $(query 4 "SELECT COUNT(*) FROM TABLE(SNOWFLAKE.INFORMATION_SCHEMA.REPLICATION_GROUP_REFRESH_HISTORY('WAREHOUSE_FG'))" | sed -n 's/.*"rowset":\[\["\([^"]*\)"\]\].*/\1/p')"
renewed=$(post '/session/token-request?requestId=5' "$master" '{"oldSessionToken":"'"$token"'","requestType":"RENEW"}')
echo "old token: $(query 6 'SELECT 1' | field code)"
token=$(printf '%s' "$renewed" | field sessionToken)
echo "new token: $(query 7 'SELECT 1' | sed -n 's/.*"rowset":\[\["\([^"]*\)"\]\].*/\1/p')"
post '/session?delete=true&requestId=8' "$token" '' >/dev/null
echo "closed: $(query 9 'SELECT 1' | field code)"
