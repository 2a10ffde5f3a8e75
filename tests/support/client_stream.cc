// SPDX-License-Identifier: Apache-2.0
#include "tests/support/client_stream.h"

#include <utility>

#include "absl/log/check.h"
#include "common/time/clock.h"
#include "tests/support/wait_until.h"

namespace chasqui::testing {

using inference::v1::StreamGenerateResponse;

ClientStream::ClientStream(const std::shared_ptr<grpc::Channel>& channel,
                           const inference::v1::GenerateRequest& request)
    : ClientStream(channel, request, Options()) {}

ClientStream::ClientStream(const std::shared_ptr<grpc::Channel>& channel,
                           const inference::v1::GenerateRequest& request, Options options)
    : paused_(options.paused), stub_(inference::v1::InferenceService::NewStub(channel)) {
  for (const auto& [key, value] : options.metadata) context_.AddMetadata(key, value);
  if (options.timeout.count() > 0) {
    context_.set_deadline(time::RealClock().SystemNow() + options.timeout);
  }
  reader_ = stub_->StreamGenerate(&context_, request);
  thread_ = concurrency::NamedThread("client", [this](std::stop_token stop) {
    WaitUntil([&] { return !paused_ || stop.stop_requested(); }, std::chrono::minutes(2));
    StreamGenerateResponse event;
    while (reader_->Read(&event)) {
      absl::MutexLock lock(mutex_);
      events_.push_back(event);
    }
    const grpc::Status status = reader_->Finish();
    absl::MutexLock lock(mutex_);
    status_ = status;
    ended_ = true;
  });
}

ClientStream::~ClientStream() {
  Cancel();
  thread_ = {};
}

grpc::Status ClientStream::Wait() {
  CHECK(WaitUntil([&] { return ended_.load(); })) << "the call did not end";
  absl::MutexLock lock(mutex_);
  return status_;
}

bool ClientStream::WaitForEvents(std::size_t count) const {
  return WaitUntil([&] {
    absl::MutexLock lock(mutex_);
    return events_.size() >= count;
  });
}

std::vector<StreamGenerateResponse> ClientStream::events() const {
  absl::MutexLock lock(mutex_);
  return events_;
}

std::string ClientStream::text() const {
  std::string text;
  for (const StreamGenerateResponse& event : events()) text += event.chunk().text();
  return text;
}

std::string ClientStream::Trailer(const std::string& key) const {
  const auto& trailers = context_.GetServerTrailingMetadata();
  const auto it = trailers.find(key);
  return it == trailers.end() ? "" : std::string(it->second.data(), it->second.size());
}

inference::v1::GenerateRequest Prompt(const std::string& text) {
  inference::v1::GenerateRequest request;
  request.set_model("tiny");
  request.set_prompt(text);
  return request;
}

}  // namespace chasqui::testing
