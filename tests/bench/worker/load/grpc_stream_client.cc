// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/grpc_stream_client.h"

#include <chrono>
#include <utility>

#include "absl/status/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_status.h"

namespace chasqui::bench {
namespace {

constexpr std::chrono::seconds kConnectTimeout(10);

}  // namespace

// One stream. Owned by the client until it has ended; each of its operations has this as its tag.
class GrpcStreamClient::Call {
 public:
  Call(GrpcStreamClient& client, const inference::v1::GenerateRequest& request,
       StreamObserver& observer)
      : observer_(observer),
        reader_(client.stub_->AsyncStreamGenerate(&context_, request, &client.queue_, this)) {}

  // The operation under way is done; false when the stream has ended.
  bool OnEvent(bool ok) {
    if (finishing_) {
      observer_.OnEnd(rpc::FromGrpc(status_), time::SteadyNow());
      return false;
    }
    if (!ok) {
      finishing_ = true;
      reader_->Finish(&status_, this);
      return true;
    }
    if (response_.chunk().token_ids_size() > 0) {
      observer_.OnTokens(static_cast<uint32_t>(response_.chunk().token_ids_size()),
                         time::SteadyNow());
    }
    response_.Clear();
    reader_->Read(&response_, this);
    return true;
  }

 private:
  StreamObserver& observer_;
  grpc::ClientContext context_;
  inference::v1::StreamGenerateResponse response_;
  grpc::Status status_;
  bool finishing_ = false;
  const std::unique_ptr<grpc::ClientAsyncReader<inference::v1::StreamGenerateResponse>> reader_;
};

absl::StatusOr<std::unique_ptr<GrpcStreamClient>> GrpcStreamClient::Connect(
    const std::string& target, std::string model) {
  ABSL_ASSIGN_OR_RETURN(const rpc::Channel channel, rpc::Channel::Create(target, {}));
  if (!channel.grpc()->WaitForConnected(std::chrono::system_clock::now() + kConnectTimeout)) {
    return absl::UnavailableError("nobody listens at " + target);
  }
  return std::unique_ptr<GrpcStreamClient>(new GrpcStreamClient(channel.grpc(), std::move(model)));
}

GrpcStreamClient::GrpcStreamClient(const std::shared_ptr<grpc::Channel>& channel, std::string model)
    : model_(std::move(model)), stub_(inference::v1::InferenceService::NewStub(channel)) {}

GrpcStreamClient::~GrpcStreamClient() { queue_.Shutdown(); }

void GrpcStreamClient::Start(const StreamRequest& request, StreamObserver& observer) {
  inference::v1::GenerateRequest message;
  message.set_model(model_);
  message.mutable_tokens()->mutable_ids()->Add(request.prompt.begin(), request.prompt.end());
  message.mutable_sampling()->set_temperature(0);
  message.mutable_stop()->set_max_tokens(request.generated_tokens);
  message.mutable_stop()->set_ignore_eos(true);
  auto call = std::make_unique<Call>(*this, message, observer);
  Call* const key = call.get();
  calls_.emplace(key, std::move(call));
}

void GrpcStreamClient::Run() {
  void* tag = nullptr;
  bool ok = false;
  while (!calls_.empty() && queue_.Next(&tag, &ok)) {
    auto* call = static_cast<Call*>(tag);
    if (!call->OnEvent(ok)) calls_.erase(call);
  }
}

}  // namespace chasqui::bench
