# Sourced by deploy/quickstart: the controller, its users, and one agent per server.

# A port that nobody listens on now; kept for later runs. It lies below those that Linux gives to outgoing
# connections (32768 and above): one of these could take it before the server starts, or starts again.
chosen_port() {
  local file=$state/etc/$1.port port
  if [[ ! -s $file ]]; then
    while :; do
      port=$((12288 + RANDOM % 20480))
      grep -qsx "$port" "$state"/etc/*.port && continue
      (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port" >"$file"
  fi
  cat "$file"
}

fleet_instances=(mariadb mariadb-qa mariadb-dev postgresql redis)

# write_agent_config NAME ENGINE ENDPOINT-LINE DEFAULT-DATABASE ACCOUNT...
write_agent_config() {
  local name=$1 engine=$2 endpoint=$3 database=$4 use
  shift 4
  {
    echo "name: $name"
    echo "controller: 127.0.0.1:$grpc_port"
    echo "data_dir: $state/agent-$name"
    echo "backup_dir: $state/backups"
    echo "join_token_file: $state/secrets/join-$name"
    echo "metrics_listen: 127.0.0.1:$(chosen_port "metrics-$name")"
    echo "check_interval: 5s"
    echo "instances:"
    echo "  - name: $name"
    echo "    engine: $engine"
    echo "    $endpoint"
    [[ -z $database ]] || echo "    default_database: $database"
    echo "    labels:"
    echo "      cluster: quickstart"
    echo "    accounts:"
    for use in "$@"; do
      echo "      $use:"
      echo "        user: dbfleet_$use"
      echo "        password_file: $(password_file "$name-$use")"
    done
  } >"$state/etc/agent-$name.yaml"
}

write_mariadb_config() {
  write_agent_config "$1" mysql "socket: $state/sock/$1/s" common inspect backup migrate
}
write_agent_configs() {
  grpc_port=$(chosen_port grpc)
  http_port=$(chosen_port http)
  write_mariadb_config mariadb
  write_mariadb_config mariadb-qa
  write_mariadb_config mariadb-dev
  write_agent_config postgresql postgresql "socket: $state/sock/postgresql" shop inspect backup migrate
  write_agent_config redis redis "socket: $state/sock/redis/s" "" inspect backup
}

start_controller() {
  cat >"$state/etc/controller.yaml" <<YAML
data_dir: $state/controller
listen: 127.0.0.1:$grpc_port
http_listen: 127.0.0.1:$http_port
advertise:
  - 127.0.0.1
YAML
  "$bin/dbfleet-controller" check-config --config "$state/etc/controller.yaml" >/dev/null
  if ! living_pid controller >/dev/null; then
    start_process controller "$(id -un)" "$bin/dbfleet-controller" run --config "$state/etc/controller.yaml"
  fi
  wait_for 30 "the controller's start" curl -fsS "http://127.0.0.1:$http_port/readyz"
}

export DBFLEET_CONFIG=$state/cli.json
as() { "$bin/dbfleet" --context "$@"; }

# try_login NAME TOKEN-FILE: says what it said only when it fails.
try_login() {
  local said
  said=$("$bin/dbfleet" login --server "127.0.0.1:$grpc_port" --ca-file "$state/controller/ca/ca.crt" \
    --token-file "$2" --name "$1" 2>&1) && return 0
  echo "$said" >&2
  return 1
}
login() {
  try_login "$1" "$2" || fail "$1 cannot log in with the token in $2. Where the controller was restored from a backup that is older than the token, remove that file and run the quickstart again"
}

# The controller writes the token at its first start only, and it is in no backup: the data folder of a
# restored controller has none, but the tokens of before hold.
login_admin() {
  local token=$state/controller/admin-token
  if [[ -s $token ]]; then
    login admin "$token"
  elif ! as admin whoami >/dev/null 2>&1; then
    fail "there is no $token, and nobody is logged in as admin. Backups of a controller do not hold that file: copy it from the data folder that was there before the restore, or a token of an administrator into it (mode 0600), and run the quickstart again"
  fi
}

# A restored controller hands nothing out until a person has looked.
check_recovery() {
  local said
  said=$(curl -fsS "http://127.0.0.1:$http_port/readyz")
  [[ $said != *recovery:* ]] ||
    fail "the controller is in RECOVERY (${said##*recovery: }). Look at what the agents did since the backup (dbfleet audit list), stop it ($root/deploy/quickstart --down --state-dir $state), run $bin/dbfleet-controller recover --reason REASON --config $state/etc/controller.yaml, and run the quickstart again"
}

# make_user NAME ROLE...: with a token of its own and a CLI context of the same name.
make_user() {
  local name=$1 token=$state/secrets/token-$1
  shift
  as admin user get "$name" >/dev/null 2>&1 ||
    as admin user create "$name" $(printf -- '--role %s ' "$@") >/dev/null
  [[ -s $token ]] || as admin token create --user "$name" --description quickstart --out "$token" --overwrite >/dev/null 2>&1
  login "$name" "$token"
}

# start_agent NAME ENVIRONMENT
start_agent() {
  local name=$1 environment=$2
  living_pid "agent-$name" >/dev/null && return 0
  if ! as admin agent get "$name" >/dev/null 2>&1; then
    rm -f "$state/secrets/join-$name"
    as admin agent token create "$name" --environment "$environment" --out "$state/secrets/join-$name" --overwrite \
      >/dev/null 2>&1
  fi
  "$bin/dbfleet-agent" check-config --config "$state/etc/agent-$name.yaml" \
    >"$state/log/agent-$name-check.log" 2>&1 ||
    { cat "$state/log/agent-$name-check.log" >&2; fail "the agent's configuration does not hold: $name"; }
  start_process "agent-$name" "$(id -un)" "$bin/dbfleet-agent" run --config "$state/etc/agent-$name.yaml"
}

agent_connected() { as admin agent get "$1" -o json | grep -q '"STATE_CONNECTED"'; }

start_fleet() {
  local name
  step "Starting the controller and one agent per server"
  start_controller
  login_admin
  make_user ada operator approver   # So that only the rule against self-approval stops her.
  make_user bob approver
  make_user eve auditor
  make_user polly policy_admin operator
  start_agent mariadb production
  start_agent mariadb-qa qa
  start_agent mariadb-dev development
  start_agent postgresql qa
  start_agent redis development
  for name in "${fleet_instances[@]}"; do
    wait_for 30 "the enrolment of $name" agent_connected "$name"
    rm -f "$state/secrets/join-$name"   # Used up; from here on the agent has a certificate.
  done
  as admin agent list | show
  check_recovery
}
