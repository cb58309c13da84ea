#pragma once

#include "controller/api/gate.h"
#include "controller/scheduler/schedule_runs.h"
#include "dbfleet/api/v1/schedule_service.grpc.pb.h"

namespace dbfleet::controller {

// Thin handlers over ScheduleRuns. Thread-safe; nothing owned.
class ScheduleServiceImpl : public api::v1::ScheduleService::CallbackService {
 public:
  ScheduleServiceImpl(const Gate& gate, ScheduleRuns& runs) : gate_(gate), runs_(runs) {}

  grpc::ServerUnaryReactor* ListSchedules(grpc::CallbackServerContext*,
                                          const api::v1::ListSchedulesRequest*,
                                          api::v1::ListSchedulesResponse*) override;
  grpc::ServerUnaryReactor* ListScheduleTimes(grpc::CallbackServerContext*,
                                              const api::v1::ListScheduleTimesRequest*,
                                              api::v1::ListScheduleTimesResponse*) override;
  grpc::ServerUnaryReactor* GetOccurrence(grpc::CallbackServerContext*,
                                          const api::v1::GetOccurrenceRequest*,
                                          api::v1::Occurrence*) override;
  grpc::ServerUnaryReactor* ListOccurrences(grpc::CallbackServerContext*,
                                            const api::v1::ListOccurrencesRequest*,
                                            api::v1::ListOccurrencesResponse*) override;
  grpc::ServerUnaryReactor* RunSchedule(grpc::CallbackServerContext*,
                                        const api::v1::RunScheduleRequest*,
                                        api::v1::Occurrence*) override;

 private:
  const Gate& gate_;
  ScheduleRuns& runs_;
};

}  // namespace dbfleet::controller
