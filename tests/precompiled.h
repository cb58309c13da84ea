// What nearly every test includes, and what most of the time of compiling a small one goes into.
// It is precompiled where no ccache is at hand (deploy/cmake/DbfleetModule.cmake). Tests still
// include what they use.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
