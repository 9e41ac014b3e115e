#!/bin/sh
# Makes every secret that docker-compose.yml and deploy/kubernetes hand over, one file each: sh deploy/secrets.sh [FOLDER]
# What is there is left as it is, so a file may hold something of your own instead: another server's URL, say.
# Nobody but you may enter the folder; inside a container each file must be readable by that container's own user.
set -eu
umask 077
folder=${1:-secrets}
mkdir -p "$folder"
chmod 700 "$folder"

drawn() { # HOW MANY BYTES, as hexadecimal digits, which need no quoting anywhere
  od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

keep() { # NAME CONTENT
  if [ ! -e "$folder/$1" ]; then
    printf '%s\n' "$2" >"$folder/$1.new"
    chmod 644 "$folder/$1.new"
    mv "$folder/$1.new" "$folder/$1"
  fi
}

of() { # NAME
  cat "$folder/$1"
}

keep postgres_password "$(drawn 24)"
keep database_url "postgresql://duologue:$(of postgres_password)@postgres:5432/duologue"

keep valkey.conf "requirepass $(drawn 24)"
keep broker_url "redis://:$(sed -n 's/^requirepass //p' "$folder/valkey.conf")@valkey:6379/0"

keep s3_access_key_id "$(drawn 10)"
keep s3_secret_access_key "$(drawn 24)"
keep bucket_identities.json '{"identities": [{"name": "duologue", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
 "credentials": [{"accessKey": "'"$(of s3_access_key_id)"'", "secretKey": "'"$(of s3_secret_access_key)"'"}]}]}'
# Without these the parts behind the bucket's door serve anybody.
keep bucket_security.toml "$(for part in signing signing.read filer_signing filer_signing.read; do
  printf '[jwt.%s]\nkey = "%s"\n' "$part" "$(drawn 24)"
done)"

# Empty until you have some: keys of WaveSpeed as KEY:TIER, the console's secret at your OpenID Connect provider, the
# password of the sentinels where they watch over the broker.
keep wavespeed_api_keys ""
keep oidc_client_secret ""
keep broker_sentinel_password ""

keep grafana_password "$(drawn 12)"
keep views_password "$(drawn 12)" # opens nothing until it holds the one that `duologue views password` makes
