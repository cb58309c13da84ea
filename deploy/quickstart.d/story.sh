# Sourced by deploy/quickstart: dbfleet's main job, told on the running fleet. Each step checks what it
# shows; the first one that does not hold ends the quickstart.

# field JSON-PATH: reads one value out of JSON on stdin, for example field tasks.0.state
field() {
  python3 -c '
import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    value = value[int(key)] if isinstance(value, list) else value.get(key, "")
print(value)' "$1"
}

job_state() { as admin job get "$1" -o json | field state; }
expect_state() {
  local state_now
  state_now=$(job_state "$1")
  [[ $state_now == "STATE_$2" ]] || fail "job $1 is $state_now, not STATE_$2: $(as admin job get "$1" -o json | field errorMessage)"
}
in_state() { [[ $(job_state "$1") == "STATE_$2" ]]; }
# wait_for_state JOB STATE SECONDS: a job that has ended otherwise is not waited for.
wait_for_state() {
  local now deadline=$((SECONDS + $3))
  while :; do
    now=$(job_state "$1")
    case $now in
      "STATE_$2") return 0 ;;
      STATE_SUCCEEDED | STATE_PARTIAL | STATE_FAILED | STATE_ROLLED_BACK | STATE_CANCELLED | STATE_REFUSED | \
        STATE_REJECTED | STATE_EXPIRED)
        as admin job get "$1" >&2
        fail "job $1 is $now, not STATE_$2: $(as admin job get "$1" -o json | field errorMessage)"
        ;;
    esac
    ((SECONDS < deadline)) || fail "job $1 is $now, not STATE_$2, after $3 s; see the logs in $state/log"
    sleep 0.1
  done
}
columns_of() {
  mariadb_admin -N -e "SELECT COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS
    WHERE TABLE_SCHEMA = 'client_1001' AND TABLE_NAME = '$1' ORDER BY ORDINAL_POSITION"
}
checksum_of() { mariadb_admin -N -e "CHECKSUM TABLE client_1001.$1"; }

healthy() {
  as admin instance get "$1" -o json | grep -qE '"HEALTH_STATUS_(OK|WARN)"'
}
story_health() {
  local name
  story_step "Health, as the agents report it by themselves"
  for name in "${fleet_instances[@]}"; do wait_for 30 "the health report of $name" healthy "$name"; done
  as ada instance list | show
}

story_backups() {
  local name job
  story_step "A backup of each, reread and verified"
  for name in mariadb postgresql redis; do
    job=$(as ada backup run "$name" --reason "quickstart" --wait --timeout 5m -o name 2>>"$state/log/story.log") ||
      fail "the backup of $name failed: $(as ada job list --kind backup | head -n 3)"
    expect_state "${job##*/}" SUCCEEDED
  done
  as ada backup list --limit 3 | show
}

# submit_to ENVIRONMENT INSTANCE DIR TITLE OPTION...: prints the job's id.
submit_to() {
  local environment=$1 instance=$2 folder=$3 title=$4 job
  shift 4
  job=$(as ada change submit --dir "$root/deploy/quickstart.d/migrations/$folder" --environment "$environment" \
    --instance "$instance" --database client_1001 --client --account 1001 --title "$title" \
    --reason "quickstart" --approve-destructive "$@" -o name 2>>"$state/log/story.log")
  echo "${job##*/}"
}
# try_in ENVIRONMENT INSTANCE DIR TITLE: applied there, where nobody is asked. Prints the job's id.
try_in() {
  local job
  job=$(submit_to "$@")
  wait_for_state "$job" SUCCEEDED 120
  echo "$job"
}
# take_back JOB: where nobody is asked.
take_back() {
  local rollback
  rollback=$(as ada change rollback "$1" --reason "quickstart" --approve-destructive -o name 2>>"$state/log/story.log")
  wait_for_state "${rollback##*/}" SUCCEEDED 120
}
# promote DIR TITLE: through development, and through qa with a rehearsal of its rollback. The jobs that left it
# applied are in tried_in_dev and tried_in_qa.
promote() {
  tried_in_dev=$(try_in development mariadb-dev "$@")
  tried_in_qa=$(try_in qa mariadb-qa "$@")
  take_back "$tried_in_qa"
  tried_in_qa=$(try_in qa mariadb-qa "$@")
}
# So that a second run has something to do.
demote() {
  take_back "$tried_in_qa"
  take_back "$tried_in_dev"
}

# submit_change DIR TITLE: planned by the agent, then waiting for an approval. Prints the job's id.
submit_change() {
  local job
  job=$(submit_to production mariadb "$1" "$2" --fresh-backup)
  wait_for_state "$job" AWAITING_APPROVAL 30
  echo "$job"
}

# approve_change JOB: by bob, who has seen the digest.
approve_change() {
  local digest
  digest=$(as bob change get "$1" -o json | field digest)
  as bob change approve "$1" --digest "$digest" --reason "plan read" >/dev/null 2>>"$state/log/story.log"
}
wait_for_end() {
  as ada change wait "$1" --timeout 5m >/dev/null 2>"$state/log/story-wait.log" || true
  show <"$state/log/story-wait.log"
}

story_promotion() {
  local job
  story_step "A change that nobody has tried, and its way to production"
  note "What production asks for, out of the box:"
  as polly policy get production | show
  job=$(submit_to production mariadb add-order-notes "Let customers leave a note on an order")
  wait_for_state "$job" REFUSED 30
  note "ada's change is refused when it is planned:"
  as ada job explain "$job" | show
  note "So it is applied in development; in qa it is applied, taken back, and applied again."
  promote add-order-notes "Let customers leave a note on an order"
  as ada change list --limit 4 | show
}

# agree REASON PROPOSAL-JSON: bob agrees to what loosens a policy.
agree() {
  as bob proposal approve "$(field proposal.name <<<"$2")" --digest "$(field proposal.digest <<<"$2")" --reason "$1" >/dev/null
}
waits_for_window() {
  in_state "$1" READY && as ada job explain "$1" | grep -q "no maintenance window is open"
}
# open_window JOB: which is approved, and waits for it.
open_window() {
  local proposal code=0
  wait_for 30 "$1 to wait for a window" waits_for_window "$1"
  as ada job explain "$1" | show
  note "polly opens one; that loosens production's policy, so bob has to agree:"
  proposal=$(as polly window add quickstart -e production --for 30m --reason "quickstart" -o json) || code=$?
  ((code == 8)) || fail "declaring a window ended with $code, not with 8 (it waits for people)"
  as bob proposal show "$(field proposal.name <<<"$proposal")" | show
  agree "as agreed with the shop" "$proposal"
}
close_window() {
  as polly get maintenancewindow/quickstart >/dev/null 2>&1 || return 0
  as polly delete maintenancewindow/quickstart --reason "quickstart" >>"$state/log/story.log"
}

story_migration() {
  local job rollback before code=0
  story_step "A migration against production: planned, approved by somebody else, backed up, applied, rolled back"
  close_window   # Of a run that broke off.
  before=$(columns_of orders)
  job=$(submit_change add-order-notes "Let customers leave a note on an order")
  note "ada's change $job is planned and waits; this is its plan:"
  as ada change get "$job" | show
  note "ada tries to approve it herself:"
  as ada change approve "$job" --digest "$(as ada change get "$job" -o json | field digest)" \
    --reason "trust me" 2>&1 | show || true
  as ada change approve "$job" --digest "$(as ada change get "$job" -o json | field digest)" \
    --reason "trust me" >/dev/null 2>&1 || code=$?
  ((code == 4)) || fail "the requester's own approval ended with $code, not with 4 (not authorised)"
  in_state "$job" AWAITING_APPROVAL || fail "the refused approval changed the job"
  note "bob reads the plan and approves its digest. The change waits for a maintenance window:"
  approve_change "$job"
  open_window "$job"
  note "The fresh verified backup is taken, then the change runs:"
  wait_for_end "$job"
  expect_state "$job" SUCCEEDED
  note "The table now:"
  columns_of orders | show
  columns_of orders | grep -q '^note' || fail "the column is not there"

  note "And back again, as a change of its own with its own approval:"
  rollback=$(as ada change rollback "$job" --reason "quickstart" --approve-destructive -o name 2>>"$state/log/story.log")
  rollback=${rollback##*/}
  wait_for_state "$rollback" AWAITING_APPROVAL 30
  approve_change "$rollback"
  wait_for_end "$rollback"
  expect_state "$rollback" SUCCEEDED
  [[ $(columns_of orders) == "$before" ]] || fail "the rollback left the table changed"
  note "The table is as it was."
  demote
}

held_up_by_freeze() {
  in_state "$1" READY && as ada job explain "$1" | grep -q "the freeze incident covers"
}
story_failing_migration() {
  local job before_columns before_rows proposal code=0
  story_step "A migration that fails half-way and is rolled back by itself"
  note "It passes in development and in qa, where payments are few:"
  promote fails-half-way "One payment per method"
  as ada change list --limit 4 | show
  before_columns=$(columns_of payments)
  before_rows=$(checksum_of payments)
  job=$(submit_change fails-half-way "One payment per method")
  note "Somebody declares a freeze, which holds it up though bob approves it:"
  as polly window add incident --freeze -e production --for 30m --reason "quickstart" | show
  approve_change "$job"
  wait_for 30 "the freeze to hold $job up" held_up_by_freeze "$job"
  as ada job explain "$job" | show
  note "Declaring it took one person; ending it loosens production's policy, so bob has to agree:"
  proposal=$(as polly delete maintenancewindow/incident --reason "quickstart" -o json) || code=$?
  ((code == 8)) || fail "deleting the freeze ended with $code, not with 8 (it waits for people)"
  as bob proposal show "$(field proposal.name <<<"$proposal")" | show
  agree "the incident is over" "$proposal"
  wait_for_end "$job"
  expect_state "$job" ROLLED_BACK
  as ada change get "$job" | tail -n 25 | show
  [[ $(columns_of payments) == "$before_columns" ]] || fail "the failed change left the table's columns changed"
  [[ $(checksum_of payments) == "$before_rows" ]] || fail "the failed change left the table's rows changed"
  note "The table is as it was: same columns, same checksum."
  close_window
  demote
}

story_schedule() {
  story_step "Schedules: the presets, when they run, and one of them now"
  # Declared late in the story: what runs by itself later is not part of it.
  as polly apply -f "$root/deploy/presets/schedules-production.yaml" --reason "quickstart" | sed -n 1,4p | show
  as ada schedule next nightly-backup -n 3 --tz Europe/Berlin | show
  as ada schedule run daily-health-check --reason "quickstart" --wait --timeout 2m >>"$state/log/story.log" 2>&1 ||
    fail "the schedule's run failed: $(as ada schedule history daily-health-check)"
  as ada schedule history daily-health-check | show
}

story_audit() {
  local export=$state/audit.jsonl forged=$state/audit-forged.jsonl line
  story_step "The audit trail, verified offline"
  as eve audit export --out "$export" 2>/dev/null
  as eve audit keys >"$state/audit-keys"
  as eve audit keys --agent-ca >"$state/audit-agent-ca.pem"
  # Between the records stand the checkpoints and receipts.
  grep '^{"type":"record"' "$export" | tail -n 5 | python3 -c '
import json, sys
for line in sys.stdin:
    record = json.loads(line)
    print(record["seq"], record["actor"], record["action"], record["resource"])' | show
  "$bin/dbfleet" audit verify "$export" --trusted-keys "$state/audit-keys" \
    --agent-ca "$state/audit-agent-ca.pem" | show
  note "One record of a copy is altered:"
  line=$(grep -n '^{"type":"record"' "$export" | cut -d: -f1 | awk '{ n[NR] = $1 } END { print n[int(NR / 2)] }')
  sed "${line}s/\"actor\":\"[^\"]*\"/\"actor\":\"users\/mallory\"/" "$export" >"$forged"
  cmp -s "$export" "$forged" && fail "the copy was not altered"
  if "$bin/dbfleet" audit verify "$forged" >"$state/log/audit-forged.log" 2>&1; then
    fail "the altered copy was taken for good"
  fi
  show <"$state/log/audit-forged.log"
}

# The page is made from what the store said at most 10 s ago.
backups_counted() {
  [[ $(curl -fsS "http://127.0.0.1:$http_port/metrics" |
    grep -cE '^dbfleet_backup_last_verified_timestamp_seconds\{instance="(mariadb|postgresql|redis)".* [1-9]') == 3 ]]
}
story_metrics() {
  local metrics
  story_step "The fleet's metrics"
  wait_for 30 "the metrics of all three backups" backups_counted
  metrics=$(curl -fsS "http://127.0.0.1:$http_port/metrics")
  grep -E '^dbfleet_(instance_up|agent_connected|backup_last_verified|audit_records)' <<<"$metrics" | show
  [[ $(grep -cE '^dbfleet_instance_up\{instance="(mariadb|postgresql|redis)".*\} 1$' <<<"$metrics") == 3 ]] || fail "not all three instances are up"
}

tell_story() {
  : >"$state/log/story.log"
  story_health
  story_backups
  story_promotion
  story_migration
  story_failing_migration
  story_schedule
  story_audit
  story_metrics
}

print_ending() {
  cat <<TEXT

Everything held. The fleet is running; look around:
  export DBFLEET_CONFIG=$state/cli.json PATH=$bin:\$PATH
  dbfleet --context ada instance list
  dbfleet --context ada change list
  dbfleet --context eve audit list
  curl http://127.0.0.1:$http_port/metrics
  curl http://127.0.0.1:$http_port/sd/prometheus
Logs are in $state/log. Stop everything with:
  deploy/quickstart --down --state-dir $state
TEXT
}
