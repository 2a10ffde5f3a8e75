// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include "absl/synchronization/mutex.h"
#include "chasqui/inference/v1/inference_service.grpc.pb.h"
#include "common/concurrency/named_thread.h"

namespace chasqui::testing {

// A StreamGenerate call of a client, read by a thread of its own. Useful where a test needs several
// calls at once, or looks at one while it runs. Thread-safe.
class ClientStream {
 public:
  struct Options {
    // None: forever.
    std::chrono::milliseconds timeout{0};
    std::vector<std::pair<std::string, std::string>> metadata;
    // Events are only read when Resume() has been called.
    bool paused = false;
  };

  ClientStream(const std::shared_ptr<grpc::Channel>& channel,
               const inference::v1::GenerateRequest& request);
  ClientStream(const std::shared_ptr<grpc::Channel>& channel,
               const inference::v1::GenerateRequest& request, Options options);
  ~ClientStream();

  void Resume() { paused_ = false; }
  void Cancel() { context_.TryCancel(); }
  // Waits for the end.
  grpc::Status Wait();
  bool ended() const { return ended_; }
  // Waits until so many events came; false after twenty seconds.
  bool WaitForEvents(std::size_t count) const;

  std::vector<inference::v1::StreamGenerateResponse> events() const;
  // The texts of all chunks together.
  std::string text() const;
  // The first value in the trailers; "" when there is none. After Wait().
  std::string Trailer(const std::string& key) const;

 private:
  grpc::ClientContext context_;
  std::atomic<bool> paused_;
  std::atomic<bool> ended_ = false;
  mutable absl::Mutex mutex_;
  std::vector<inference::v1::StreamGenerateResponse> events_ ABSL_GUARDED_BY(mutex_);
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<inference::v1::InferenceService::Stub> stub_;
  std::unique_ptr<grpc::ClientReader<inference::v1::StreamGenerateResponse>> reader_;
  concurrency::NamedThread thread_;
};

// A request for "tiny" with a prompt.
inference::v1::GenerateRequest Prompt(const std::string& text);

}  // namespace chasqui::testing
