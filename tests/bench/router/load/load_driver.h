// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/channel.h"
#include "common/rpc/client_call.h"
#include "common/rpc/loop.h"
#include "tools/load/process_usage.h"
#include "tools/load/samples.h"

namespace chasqui::bench {

enum class LoadKind {
  kUnary,   // each user sends one request after the other
  kStream,  // each user reads one endless stream
  kIdle,    // each user holds a stream on which nothing comes
};

struct LoadOptions {
  std::vector<std::string> targets;  // users take them in turn
  LoadKind kind = LoadKind::kUnary;
  int users = 1;
  std::chrono::microseconds interval{0};  // between the messages of a stream; 0: no pause
  std::chrono::milliseconds warm_up{300};
  std::chrono::milliseconds window{1000};  // in which is measured
  std::vector<int> pids;                   // whose CPU time and memory are measured
};

// Puts load on one or more addresses that serve InferenceService over mock workers, and measures.
// All users run as coroutines on one loop. For one Run(), from any thread.
class LoadDriver {
 public:
  explicit LoadDriver(LoadOptions options);

  // The metrics, by name, as docs/performance.md describes them. The first error of any call ends
  // the run. Blocks.
  absl::StatusOr<nlohmann::json> Run();

 private:
  absl::Status Connect();
  concurrency::Task<void> Conduct();
  concurrency::Task<void> MeasureWindow();
  concurrency::Task<void> MeasureIdle();
  concurrency::Task<void> UntilAllHaveBegun();
  concurrency::Task<void> UnaryUser(int user);
  concurrency::Task<void> StreamUser(int user);
  concurrency::Task<void> IdleUser(int user);
  void OnMessage(const grpc::ByteBuffer& bytes);
  void Fail(const absl::Status& error);
  nlohmann::json Report() const;
  nlohmann::json IdleReport() const;

  const LoadOptions options_;
  std::vector<rpc::Channel> channels_;
  grpc::ByteBuffer request_;

  // Confined to the loop.
  bool measuring_ = false;
  bool stopping_ = false;
  int users_done_ = 0;
  int users_begun_ = 0;  // have had an answer
  absl::Status error_;
  uint64_t operations_ = 0;
  load::Samples latencies_;
  time::Duration measured_{};
  load::ProcessUsage before_;
  load::ProcessUsage after_;
  std::vector<rpc::ClientCall*> calls_;  // to be cancelled at the end, by user

  rpc::Loop loop_{"load"};  // last: works on all of the above
};

}  // namespace chasqui::bench
