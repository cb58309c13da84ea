#pragma once

#include "common/config/problems.h"
#include "controller/windows/book.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {

void FillWindow(resource::v1::MaintenanceWindow* manifest);

// The window that a manifest declares; what is wrong with it goes to `problems`, and then the
// window must not be used.
DeclaredWindow CompileWindow(const resource::v1::MaintenanceWindow& manifest,
                             config::Problems* problems);

}  // namespace dbfleet::controller
