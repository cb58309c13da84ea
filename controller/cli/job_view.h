#pragma once

#include <string>
#include <vector>

#include "controller/cli/shell.h"
#include "dbfleet/api/v1/job_service.pb.h"

// Jobs as text. Everything in the results is fit for a terminal.
namespace dbfleet::cli {

// The rows of `dbfleet job list`. The jobs must outlive the listing.
Listing JobListing(const std::vector<api::v1::Job>& jobs);
Listing JobListing(const api::v1::Job& job);

// `dbfleet job get`: the head, what holds it, its tasks, attempts and errors.
std::string DescribeJob(const api::v1::Job& job);

// `dbfleet change get`: the same with each target's plan, so that an approver sees what will be
// run.
std::string DescribeChange(const api::v1::Job& job);

// What a finished check, inspection, backup or verification found, one part per task; "" if
// nothing.
std::string DescribeResults(const api::v1::Job& job);
// Of these what a failed migration did not see taken back whole; "" mostly.
std::string DescribeUnsettled(const api::v1::Job& job);

// "succeeded"; "planned" for a task of which only the plan was wanted.
std::string TaskWord(const api::v1::Job& job, const api::v1::Task& task);

// Is the job's error that of a pause, which DescribeBlockers tells?
bool IsSaidByBlocker(const api::v1::Job& job);

// Why broken glass waives nothing before its time is over; "" if it does, or its time is.
std::string HowItEnded(const resource::v1::GlassEpisode& episode);

// Why it does not go on and who can do something, one line each; "" if nothing holds it.
std::string DescribeBlockers(const api::v1::Job& job);
// Who could give an approval that is missing; "" if none is, or nobody can.
std::string DescribeCandidates(const api::v1::Job& job);

// "rolling, step 2 of 5", for the progress line.
// The targets at work, each on a line with its running step; "" if none is.
std::string DescribeRunning(const api::v1::Job& job);

std::string DescribeProgress(const api::v1::Job& job);

// A person paused it before it began.
bool IsHeld(const api::v1::Job& job);

// What will be missing when the time comes for which it waits, one line each; "" if nothing.
std::string DescribeForeseen(const api::v1::Job& job);

}  // namespace dbfleet::cli
