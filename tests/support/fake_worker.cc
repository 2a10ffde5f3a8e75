// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fake_worker.h"

#include <utility>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/grpc_status.h"
#include "common/status/status.h"
#include "common/time/clock.h"
#include "tests/support/wait_until.h"

namespace chasqui::testing {
namespace {

using namespace std::chrono_literals;
using inference::v1::StreamGenerateResponse;

constexpr std::uint64_t kSeed = 4711;  // drawn for requests without one
constexpr char kRouterIdKey[] = "x-chasqui-router-id";

}  // namespace

FakeCall::FakeCall(grpc::ServerContext& context, inference::v1::GenerateRequest request,
                   std::string fingerprint)
    : request_(std::move(request)),
      fingerprint_(std::move(fingerprint)),
      deadline_(context.deadline()),
      next_sequence_(request_.resume().next_sequence()) {
  for (const auto& [key, value] : context.client_metadata()) {
    metadata_.emplace_back(std::string(key.data(), key.size()),
                           std::string(value.data(), value.size()));
  }
}

std::string FakeCall::Metadata(const std::string& key) const {
  for (const auto& [name, value] : metadata_) {
    if (name == key) return value;
  }
  return "";
}

void FakeCall::SendStarted() {
  StreamGenerateResponse event;
  event.mutable_started()->set_request_id(request_.request_id());
  event.mutable_started()->set_model(request_.model());
  event.mutable_started()->set_model_fingerprint(fingerprint_);
  event.mutable_started()->set_seed(kSeed);
  Send(std::move(event));
}

void FakeCall::SendChunk(std::string_view text, const std::vector<std::uint32_t>& token_ids,
                         std::uint32_t candidate) {
  StreamGenerateResponse event;
  event.mutable_chunk()->set_index(candidate);
  event.mutable_chunk()->set_text(std::string(text));
  event.mutable_chunk()->mutable_token_ids()->Add(token_ids.begin(), token_ids.end());
  Send(std::move(event));
}

void FakeCall::SendFinished(const inference::v1::Usage* usage) {
  StreamGenerateResponse event;
  event.mutable_finished()->add_candidates()->set_finish_reason(inference::v1::FINISH_REASON_STOP);
  if (usage != nullptr) *event.mutable_finished()->mutable_usage() = *usage;
  Send(std::move(event));
}

void FakeCall::Finish(grpc::Status status) {
  CHECK(actions_.Push({.event = std::nullopt, .status = std::move(status)}) || cancelled_);
}

void FakeCall::Answer(const std::vector<std::string>& chunks) {
  SendStarted();
  for (const std::string& chunk : chunks) SendChunk(chunk);
  SendFinished();
  Finish();
}

bool FakeCall::WaitUntilCancelled() const {
  return WaitUntil([&] { return cancelled_.load(); });
}

void FakeCall::Send(StreamGenerateResponse event) {
  event.set_sequence(next_sequence_++);
  CHECK(actions_.Push({.event = std::move(event), .status = {}}) || cancelled_);
}

// Does what the test says, until it says how the call ends or the caller is gone. Without a writer
// the events are only counted.
grpc::Status FakeCall::Run(grpc::ServerContext& context,
                           grpc::ServerWriter<StreamGenerateResponse>* writer) {
  for (;;) {
    std::optional<Action> action = actions_.PopFor(5ms);
    if (context.IsCancelled() || actions_.closed()) {
      cancelled_ = true;
      return grpc::Status(grpc::StatusCode::CANCELLED, "cancelled");
    }
    if (!action.has_value()) continue;
    if (!action->event.has_value()) return action->status;
    if (writer != nullptr) writer->Write(*action->event);
    ++events_written_;
  }
}

FakeWorker::FakeWorker(FakeWorkerOptions options)
    : options_(std::move(options)),
      incarnation_(options_.incarnation),
      refuse_beyond_slots_(options_.refuse_beyond_slots) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(static_cast<inference::v1::InferenceService::Service*>(this));
  builder.RegisterService(static_cast<worker::v1::WorkerService::Service*>(this));
  server_ = builder.BuildAndStart();
  CHECK(server_ != nullptr);
  address_ = absl::StrCat("127.0.0.1:", port);
}

FakeWorker::~FakeWorker() { Die(); }

std::shared_ptr<grpc::Channel> FakeWorker::channel() const {
  return grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
}

fleet::v1::WorkerHello FakeWorker::Hello() const {
  fleet::v1::WorkerHello hello;
  hello.set_worker_id(options_.id);
  hello.set_incarnation(incarnation_);
  hello.set_address(address_);
  hello.set_version("test");
  auto& model = *hello.mutable_models()->add_models();
  model.set_name(options_.model);
  model.set_fingerprint(options_.fingerprint);
  model.set_state(inference::v1::MODEL_STATE_READY);
  model.set_slots(options_.slots);
  return hello;
}

bool FakeWorker::Join(const std::string& router_address) {
  CloseMembership();
  grpc::ChannelArguments own_connection;
  own_connection.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  router_ = grpc::CreateCustomChannel(router_address,
                                      options_.router_credentials != nullptr
                                          ? options_.router_credentials
                                          : grpc::InsecureChannelCredentials(),
                                      own_connection);
  context_ = std::make_unique<grpc::ClientContext>();
  if (!options_.api_key.empty()) {
    context_->AddMetadata("authorization", "Bearer " + options_.api_key);
  }
  stream_ = fleet::v1::RegistrationService::NewStub(router_)->Join(context_.get());
  fleet::v1::JoinRequest request;
  *request.mutable_hello() = Hello();
  *request.mutable_hello()->mutable_load() = LoadNow();
  fleet::v1::JoinResponse response;
  if (!stream_->Write(request) || !stream_->Read(&response)) {
    ended_ = true;
    absl::MutexLock lock(mutex_);
    ending_ = stream_->Finish();
    return false;
  }
  ended_ = silent_ = false;
  {
    absl::MutexLock lock(mutex_);
    router_id_ = response.welcome().router_id();
    writable_ = true;
  }
  reading_ = concurrency::NamedThread("fake-read", [this](std::stop_token) { ReadLoop(); });
  reporting_ =
      concurrency::NamedThread("fake-report", [this](std::stop_token stop) { ReportLoop(stop); });
  return true;
}

std::optional<fleet::v1::Command> FakeWorker::NextCommand() { return commands_.PopFor(20s); }

void FakeWorker::AnswerCommand(std::uint64_t command_id, int code, const std::string& message) {
  fleet::v1::JoinRequest request;
  request.mutable_command_result()->set_command_id(command_id);
  request.mutable_command_result()->set_code(code);
  request.mutable_command_result()->set_message(message);
  absl::MutexLock lock(mutex_);
  if (writable_) stream_->Write(request);
}

void FakeWorker::SetOthers(std::uint32_t others) {
  others_ = others;
  Report();
}

void FakeWorker::SetComputedTokens(std::uint64_t tokens) {
  computed_tokens_ = tokens;
  Report();
}

void FakeWorker::SetState(fleet::v1::WorkerState state) {
  {
    absl::MutexLock lock(mutex_);
    state_ = state;
  }
  Report();
}

void FakeWorker::SetModels(const std::vector<inference::v1::Model>& models) {
  fleet::v1::JoinRequest request;
  request.mutable_models()->mutable_models()->Add(models.begin(), models.end());
  absl::MutexLock lock(mutex_);
  if (writable_) stream_->Write(request);
}

grpc::Status FakeWorker::Leave() {
  {
    absl::MutexLock lock(mutex_);
    if (std::exchange(writable_, false)) stream_->WritesDone();
  }
  return WaitUntilDropped();
}

grpc::Status FakeWorker::WaitUntilDropped() {
  CHECK(WaitUntil([&] { return ended_.load(); })) << "the router did not end the stream";
  absl::MutexLock lock(mutex_);
  return ending_;
}

void FakeWorker::RefuseAll(grpc::Status status) {
  absl::MutexLock lock(mutex_);
  refusal_ = std::move(status);
}

void FakeWorker::AcceptAll() {
  absl::MutexLock lock(mutex_);
  refusal_.reset();
}

void FakeWorker::Die() {
  // Past: connections are cut without waiting for calls.
  server_->Shutdown(time::RealClock().SystemNow() - 1s);
  {
    absl::MutexLock lock(mutex_);
    for (const auto& call : open_) call->actions_.Close();
  }
  CloseMembership();
  server_->Wait();
}

fleet::v1::LoadReport FakeWorker::LoadNow() {
  fleet::v1::LoadReport load;
  {
    absl::MutexLock lock(mutex_);
    load.set_state(state_);
  }
  auto& model = *load.add_models();
  model.set_model(options_.model);
  model.set_slots(options_.slots);
  model.set_active(active_ + others_);
  model.set_active_from_you(active_from_router_);
  model.set_generated_tokens_total(computed_tokens_);
  return load;
}

void FakeWorker::Report() {
  fleet::v1::JoinRequest request;
  *request.mutable_load() = LoadNow();
  absl::MutexLock lock(mutex_);
  if (writable_ && !silent_) stream_->Write(request);
}

void FakeWorker::ReportLoop(std::stop_token stop) {
  concurrency::BoundedQueue<int> nothing(1);
  while (!stop.stop_requested() && !ended_) {
    nothing.WaitFor(20ms);
    Report();
  }
}

void FakeWorker::ReadLoop() {
  fleet::v1::JoinResponse response;
  while (stream_->Read(&response)) {
    if (response.has_command()) CHECK(commands_.Push(std::move(*response.mutable_command())));
  }
  absl::MutexLock lock(mutex_);
  writable_ = false;
  ending_ = stream_->Finish();
  ended_ = true;
}

void FakeWorker::CloseMembership() {
  {
    absl::MutexLock lock(mutex_);
    writable_ = false;
  }
  if (context_ != nullptr) context_->TryCancel();
  reporting_ = {};
  reading_ = {};
}

grpc::Status FakeWorker::Serve(grpc::ServerContext& context,
                               const inference::v1::GenerateRequest& request,
                               grpc::ServerWriter<StreamGenerateResponse>* writer) {
  auto call = std::make_shared<FakeCall>(context, request, options_.fingerprint);
  bool ours = false;
  {
    absl::MutexLock lock(mutex_);
    ours = call->Metadata(kRouterIdKey) == router_id_;
  }
  if (++active_ > options_.slots && refuse_beyond_slots_) {
    --active_;
    ++refused_;
    return rpc::ToGrpc(status::ResourceExhausted("WORKER_FULL", "no slot is free", 100ms));
  }
  if (ours) ++active_from_router_;
  grpc::Status status;
  std::optional<grpc::Status> refusal;
  {
    absl::MutexLock lock(mutex_);
    refusal = refusal_;
    if (!refusal.has_value()) open_.push_back(call);
  }
  if (refusal.has_value()) {
    status = *refusal;
  } else {
    CHECK(calls_.Push(std::shared_ptr<FakeCall>(call)));
    status = call->Run(context, writer);
    absl::MutexLock lock(mutex_);
    std::erase(open_, call);
  }
  --active_;
  if (ours) --active_from_router_;
  return status;
}

grpc::Status FakeWorker::StreamGenerate(grpc::ServerContext* context,
                                        const inference::v1::GenerateRequest* request,
                                        grpc::ServerWriter<StreamGenerateResponse>* writer) {
  return Serve(*context, *request, writer);
}

grpc::Status FakeWorker::Generate(grpc::ServerContext* context,
                                  const inference::v1::GenerateRequest* request,
                                  inference::v1::GenerateResponse* response) {
  response->mutable_started()->set_request_id(request->request_id());
  response->mutable_started()->set_worker_id(id());
  return Serve(*context, *request, nullptr);
}

grpc::Status FakeWorker::Embed(grpc::ServerContext*, const inference::v1::EmbedRequest* request,
                               inference::v1::EmbedResponse* response) {
  response->set_model(request->model());
  response->mutable_usage()->set_prompt_tokens(7);
  return grpc::Status::OK;
}

grpc::Status FakeWorker::Tokenize(grpc::ServerContext*,
                                  const inference::v1::TokenizeRequest* request,
                                  inference::v1::TokenizeResponse* response) {
  for (const char c : request->text()) response->add_token_ids(static_cast<unsigned char>(c));
  return grpc::Status::OK;
}

grpc::Status FakeWorker::GetStatus(grpc::ServerContext* context,
                                   const worker::v1::GetStatusRequest*,
                                   worker::v1::GetStatusResponse* response) {
  fleet::v1::WorkerHello hello = Hello();
  response->set_worker_id(hello.worker_id());
  response->set_incarnation(hello.incarnation());
  response->set_version(hello.version());
  response->mutable_models()->Swap(hello.mutable_models()->mutable_models());
  const auto router = context->client_metadata().find(kRouterIdKey);
  if (router != context->client_metadata().end()) {
    absl::MutexLock lock(mutex_);
    router_id_ = std::string(router->second.data(), router->second.size());
  }
  *response->mutable_load() = LoadNow();
  ++asked_;
  return grpc::Status::OK;
}

grpc::Status FakeWorker::Drain(grpc::ServerContext*, const worker::v1::DrainRequest* request,
                               worker::v1::DrainResponse*) {
  SetState(request->undo() ? fleet::v1::WORKER_STATE_READY : fleet::v1::WORKER_STATE_DRAINING);
  return grpc::Status::OK;
}

std::shared_ptr<FakeCall> FakeWorker::NextCall() {
  std::shared_ptr<FakeCall> call = NextCallFor(std::chrono::seconds(20));
  CHECK(call != nullptr) << "no call reached worker \"" << options_.id
                         << "\" within twenty seconds: " << active() << " run there, " << refused()
                         << " were refused";
  return call;
}

}  // namespace chasqui::testing
