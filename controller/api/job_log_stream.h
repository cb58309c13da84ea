#pragma once

#include <memory>
#include <string>

#include "common/rpc/server_stream.h"
#include "controller/jobs/job_hub.h"
#include "controller/logs/log_store.h"
#include "controller/store/store.h"
#include "dbfleet/api/v1/job_service.pb.h"

namespace dbfleet::controller {

// A job's log from its first line; with `follow` it goes on until the job is over and everything
// that was stored by then has been read.
std::unique_ptr<rpc::StreamProducer<api::v1::JobLogLine>> MakeJobLogStream(
    Store& store, LogStore& logs, JobHub& hub, const std::string& job_id, bool follow,
    const rpc::Wake& wake);

}  // namespace dbfleet::controller
