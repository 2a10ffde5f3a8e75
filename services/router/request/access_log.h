// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <grpcpp/support/byte_buffer.h>

#include "absl/status/status.h"
#include "chasqui/config/v1/router_config.pb.h"
#include "chasqui/inference/v1/usage.pb.h"
#include "common/observability/log.h"
#include "common/rpc/server_call.h"
#include "common/time/clock.h"
#include "services/router/request/request_record.h"

namespace chasqui::router {

// One line for each request that has ended: into a file of its own, or, where none is configured,
// into the process's log at level info. Prompts only where they were asked for, their beginnings;
// answers never. Owned by the RouterServer. Open() before any use; then constant and thread-safe.
// Lines come a tenth of a second late.
class AccessLog {
 public:
  AccessLog(config::v1::AccessLogConfig config, observability::Logger process_log);

  // Opens the file, if there is to be one.
  absl::Status Open();

  // What is to be kept of the prompt in the bytes of a GenerateRequest: nothing unless prompts were
  // asked for. It is parsed for this alone, so that the others do not pay for it.
  std::string PromptOf(const InferenceMethod& method, const grpc::ByteBuffer& request) const;

  // The request has ended with `status`. `usage` is zero where it is not known.
  void Write(const rpc::ServerCall& call, const RequestRecord& record, const absl::Status& status,
             const inference::v1::Usage& usage, time::SteadyTime now) const;

 private:
  const config::v1::AccessLogConfig config_;
  observability::Logger log_;
};

// The text of a prompt, at most so many bytes of it: of a conversation each message's after its
// role. Pure.
std::string PromptText(const inference::v1::GenerateRequest& request, std::size_t max_bytes);

}  // namespace chasqui::router
