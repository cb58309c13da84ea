#pragma once

#include "controller/domain/types.h"
#include "controller/jobs/job_manager.h"
#include "controller/store/queries.h"
#include "dbfleet/api/v1/job_service.pb.h"

// Places in the queues of maintenance windows, between the API's messages and values.
namespace dbfleet::controller {

QueueAsk QueueFromApi(const api::v1::QueuePlace& place);
// Of a job that is in a queue.
api::v1::QueuePlace ToApi(const QueuePlace& place);
// Those of jobs in these environments, with their places in the whole queue.
api::v1::ListWindowQueueResponse ToApi(const QueuePicture& picture,
                                       const EnvironmentFilter& visible);

}  // namespace dbfleet::controller
