# Sourced by deploy/quickstart: output, passwords, and processes that are known by their pid files.

step_number=0
step() {
  if [[ -t 1 ]]; then
    printf '\n\033[1m== %s\033[0m\n' "$*"
  else
    printf '\n== %s\n' "$*"
  fi
}
story_step() {
  step_number=$((step_number + 1))
  step "$step_number. $*"
}
note() { printf '   %s\n' "$*"; }
show() { sed 's/^/   | /'; }
fail() {
  printf '\033[1;31merror: %s\033[0m\n' "$*" >&2
  exit 1
}

# wait_for SECONDS WHAT COMMAND...
wait_for() {
  local seconds=$1 what=$2 deadline
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "$what did not happen within $seconds s; see the logs in $state/log"
    sleep 0.1
  done
}

# Runs a command as a server's user when we are root, and as ourselves otherwise.
as_user() {
  local user=$1
  shift
  if [[ $(id -u) == 0 ]]; then
    runuser -u "$user" -- "$@"
  else
    "$@"
  fi
}

# The process of a pid file, if it still is the program that it was started as.
living_pid() {
  local name=$1 pid start
  [[ -f $state/run/$name.pid ]] || return 1
  read -r pid start <"$state/run/$name.pid"
  [[ $(process_start "$pid") == "$start" ]] || return 1
  echo "$pid"
}
# Nothing for a process that ended and was not yet taken note of by its parent.
process_start() { awk '{ sub(/.*\) /, ""); if ($1 !~ /[ZX]/) print $20 }' "/proc/$1/stat" 2>/dev/null; }
remember_pid() { echo "$2 $(process_start "$2")" >"$state/run/$1.pid"; }

# start_process NAME USER COMMAND...: in a session of its own, its output in a log file.
start_process() {
  local name=$1 user=$2 pid
  shift 2
  : >>"$state/log/$name.log"
  if [[ $(id -u) == 0 && $user != root ]]; then
    setsid runuser -u "$user" -- "$@" >>"$state/log/$name.log" 2>&1 </dev/null &
    # The program is the child of runuser.
    wait_for 5 "the start of $name" pgrep -P $!
    pid=$(pgrep -P $!)
  else
    setsid "$@" >>"$state/log/$name.log" 2>&1 </dev/null &
    pid=$!
  fi
  remember_pid "$name" "$pid"
}

stop_process() {
  local name=$1 pid i
  pid=$(living_pid "$name") || { rm -f "$state/run/$name.pid"; return 0; }
  kill -TERM "$pid" 2>/dev/null || true
  for ((i = 0; i < 700; i++)); do   # An agent takes up to 60 s to bring its work to an end.
    living_pid "$name" >/dev/null || break
    sleep 0.1
  done
  if living_pid "$name" >/dev/null; then kill -KILL "$pid" 2>/dev/null || true; fi
  rm -f "$state/run/$name.pid"
}

stop_everything() {
  local name
  for name in agent-mariadb agent-mariadb-qa agent-mariadb-dev agent-postgresql agent-redis controller redis \
    postgresql mariadb mariadb-qa mariadb-dev; do
    stop_process "$name"
  done
}

# A random password in a file that only we can read; made once.
password_file() {
  local file=$state/secrets/$1
  [[ -s $file ]] || (umask 077 && openssl rand -hex 20 >"$file")
  echo "$file"
}

prepare_state() {
  mkdir -p "$state"
  chmod 0755 "$state"
  mkdir -p "$state"/{run,log,etc,sock,tmp}
  (umask 077 && mkdir -p "$state/secrets" "$state/backups")
  if [[ $(id -u) == 0 ]]; then
    mysql_user=mysql postgres_user=postgres redis_user=redis
  else
    mysql_user=$(id -un) postgres_user=$(id -un) redis_user=$(id -un)
  fi
}
