# Sourced by deploy/quickstart: the private database servers, on unix sockets only. MariaDB runs three times:
# for production, and for the two environments that a change has to pass before.

# private_folder USER PATH
private_folder() {
  mkdir -p "$2"
  chmod 0755 "$2"
  [[ $(id -u) == 0 ]] && chown "$1" "$2"
  return 0
}

# The accounts that an agent needs, as it prints them itself, with the passwords put in. Passwords
# travel through pipes, never on a command line.
grants_of() {
  local instance=$1 text use
  text=$("$bin/dbfleet-agent" grants --config "$state/etc/agent-$instance.yaml")
  for use in inspect backup migrate; do
    if [[ $text == *"<password of $use>"* ]]; then
      text=${text//"<password of $use>"/$(<"$state/secrets/$instance-$use")}
    fi
  done
  printf '%s\n' "$text"
}

# mariadb_at SERVER ARGUMENT...
mariadb_at() {
  local server=$1
  shift
  as_user "$mysql_user" mariadb --no-defaults --socket="$state/sock/$server/s" -u "$mysql_user" "$@"
}
mariadb_admin() { mariadb_at mariadb "$@"; }
# start_mariadb [SERVER]
start_mariadb() {
  local server=${1:-mariadb}
  local data=$state/$server
  living_pid "$server" >/dev/null && return 0
  # Not /tmp: a server that starts deletes every "#sql*" file of its tmpdir, and those of the
  # host's own MariaDB are temporary tables of running queries.
  local tmp=$state/tmp/$server
  private_folder "$mysql_user" "$tmp"
  private_folder "$mysql_user" "$state/sock/$server"
  if [[ ! -d $data/mysql ]]; then
    private_folder "$mysql_user" "$data"
    as_user "$mysql_user" mariadb-install-db --no-defaults --datadir="$data" --tmpdir="$tmp" \
      --skip-test-db --auth-root-authentication-method=socket --auth-root-socket-user="$mysql_user" \
      >"$state/log/$server-install.log" 2>&1 || fail "mariadb-install-db failed: $state/log/$server-install.log"
  fi
  start_process "$server" "$mysql_user" /usr/sbin/mariadbd --no-defaults --datadir="$data" \
    --tmpdir="$tmp" --socket="$state/sock/$server/s" --skip-networking --log-bin=binlog --server-id=1 \
    --innodb-buffer-pool-size=64M --pid-file="$data/mariadb.pid"
  wait_for 60 "the start of $server" mariadb_at "$server" -e 'SELECT 1'
}

postgres_bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
postgres_admin() { as_user "$postgres_user" psql -X -q -v ON_ERROR_STOP=1 -h "$state/sock/postgresql" -U "$postgres_user" "$@"; }
start_postgresql() {
  local data=$state/postgresql
  living_pid postgresql >/dev/null && return 0
  postgres_bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  private_folder "$postgres_user" "$state/sock/postgresql"
  if [[ ! -f $data/PG_VERSION ]]; then
    private_folder "$postgres_user" "$data"
    chmod 0700 "$data"
    as_user "$postgres_user" "$postgres_bin/initdb" -D "$data" -U "$postgres_user" --auth-local=peer \
      --auth-host=reject --encoding=UTF8 --locale=C.UTF-8 \
      >"$state/log/postgresql-initdb.log" 2>&1 || fail "initdb failed: $state/log/postgresql-initdb.log"
    # The superuser comes in by its operating system user alone, all others by password.
    as_user "$postgres_user" tee "$data/pg_hba.conf" >/dev/null <<HBA
local all $postgres_user peer
local all all scram-sha-256
HBA
  fi
  start_process postgresql "$postgres_user" "$postgres_bin/postgres" -D "$data" -c listen_addresses= \
    -c "unix_socket_directories=$state/sock/postgresql" -c shared_buffers=32MB
  wait_for 60 "PostgreSQL's start" postgres_admin -d postgres -c 'SELECT 1'
}

redis_admin() { as_user "$redis_user" redis-cli -s "$state/sock/redis/s" "$@"; }
start_redis() {
  living_pid redis >/dev/null && return 0
  private_folder "$redis_user" "$state/sock/redis"
  # Redis's own administrator has no password here: only the server's user (and root) may come in.
  chmod 0700 "$state/sock/redis"
  private_folder "$redis_user" "$state/redis"
  if [[ ! -f $state/redis/users.acl ]]; then
    as_user "$redis_user" tee "$state/redis/users.acl" >/dev/null <<<'user default on nopass ~* &* +@all'
  fi
  start_process redis "$redis_user" /usr/bin/redis-server --port 0 --unixsocket "$state/sock/redis/s" \
    --unixsocketperm 700 --dir "$state/redis" --dbfilename dump.rdb --save '3600 1' \
    --aclfile "$state/redis/users.acl" --maxmemory 64mb --daemonize no
  wait_for 20 "Redis's start" test -S "$state/sock/redis/s"
}

# load_mariadb [SERVER]
load_mariadb() {
  local server=${1:-mariadb} grants database
  [[ -f $state/$server.loaded ]] && return 0
  mariadb_at "$server" <"$root/deploy/quickstart.d/mariadb.sql"
  # Where changes are tried there is little data: what fails on production's passes here.
  [[ $server == mariadb ]] || mariadb_at "$server" -e 'DELETE FROM client_1001.payments WHERE id > 2'
  grants=$(grants_of "$server")
  mariadb_at "$server" <<<"$grants"
  # As the grants say themselves: the last one once more for each database that is to be changed.
  for database in client_1001 client_1002; do
    grep -F 'ON `common`.*' <<<"$grants" |
      sed "s/\`common\`/\`$database\`/" | mariadb_at "$server"
  done
  touch "$state/$server.loaded"
}
load_postgresql() {
  [[ -f $state/postgresql.loaded ]] && return 0
  postgres_admin -d postgres -c 'CREATE DATABASE shop'
  postgres_admin -d shop -o /dev/null <"$root/deploy/quickstart.d/postgresql.sql"
  grants_of postgresql | postgres_admin -d shop -o /dev/null
  # In PostgreSQL only the owner may alter a table, so the migration account owns the shop's.
  postgres_admin -d shop -o /dev/null <<'SQL'
SELECT format('ALTER TABLE %I OWNER TO dbfleet_migrate', tablename) FROM pg_tables WHERE schemaname = 'public' \gexec
SQL
  touch "$state/postgresql.loaded"
}
load_redis() {
  local i
  [[ -f $state/redis.loaded ]] && return 0
  for ((i = 1; i <= 2000; i++)); do
    echo "SET session:$i user-$((i % 300)) EX 86400"
    echo "HSET cart:$((i % 400)) sku-$((i % 50)) $((1 + i % 5))"
  done | redis_admin >/dev/null
  grants_of redis | redis_admin >/dev/null
  redis_admin ACL SAVE >/dev/null
  touch "$state/redis.loaded"
}

start_servers() {
  step "Starting MariaDB, PostgreSQL and Redis under $state"
  write_agent_configs
  start_mariadb
  start_mariadb mariadb-qa
  start_mariadb mariadb-dev
  start_postgresql
  start_redis
  load_mariadb
  load_mariadb mariadb-qa
  load_mariadb mariadb-dev
  load_postgresql
  load_redis
  note "MariaDB    $(mariadb_admin -N -e 'SELECT VERSION()'), unix sockets $state/sock/mariadb{,-qa,-dev}/s"
  note "PostgreSQL $(postgres_admin -At -d shop -c 'SHOW server_version'), unix socket in $state/sock/postgresql"
  note "Redis      $(redis-server --version | sed 's/.*v=\([^ ]*\).*/\1/'), unix socket $state/sock/redis/s"
}
