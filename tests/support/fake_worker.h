// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <grpcpp/security/credentials.h>
#include <grpcpp/server.h>

#include "absl/synchronization/mutex.h"
#include "chasqui/fleet/v1/registration_service.grpc.pb.h"
#include "chasqui/inference/v1/inference_service.grpc.pb.h"
#include "chasqui/worker/v1/worker_service.grpc.pb.h"
#include "common/concurrency/bounded_queue.h"
#include "common/concurrency/named_thread.h"

namespace chasqui::testing {

// A Generate or StreamGenerate call that a test holds in its hand: nothing is answered until the
// test says so. Shared by the test and the worker's handler. Thread-safe.
class FakeCall {
 public:
  FakeCall(grpc::ServerContext& context, inference::v1::GenerateRequest request,
           std::string fingerprint);

  const inference::v1::GenerateRequest& request() const { return request_; }
  // The value of a metadata key; "" when it was not sent.
  std::string Metadata(const std::string& key) const;
  std::chrono::system_clock::time_point deadline() const { return deadline_; }

  // Events, numbered as they are sent, from the one on that the request resumes at.
  void SendStarted();
  // With the ids of its tokens.
  void SendChunk(std::string_view text, const std::vector<std::uint32_t>& token_ids = {},
                 std::uint32_t candidate = 0);
  // With the tokens used; null: it does not say.
  void SendFinished(const inference::v1::Usage* usage = nullptr);
  void Finish(grpc::Status status = grpc::Status::OK);
  // Says other weights in Started than the worker's.
  void SetFingerprint(std::string fingerprint) { fingerprint_ = std::move(fingerprint); }
  // All of the above: started, the chunks, finished, OK.
  void Answer(const std::vector<std::string>& chunks);

  // Waits until the caller has cancelled, or the connection broke; false after twenty seconds.
  bool WaitUntilCancelled() const;
  // Events that gRPC has taken so far.
  std::size_t events_written() const { return events_written_.load(); }

 private:
  friend class FakeWorker;
  struct Action {
    std::optional<inference::v1::StreamGenerateResponse> event;  // none: the end, with `status`
    grpc::Status status;
  };

  void Send(inference::v1::StreamGenerateResponse event);
  grpc::Status Run(grpc::ServerContext& context,
                   grpc::ServerWriter<inference::v1::StreamGenerateResponse>* writer);

  const inference::v1::GenerateRequest request_;
  std::string fingerprint_;
  std::vector<std::pair<std::string, std::string>> metadata_;
  std::chrono::system_clock::time_point deadline_;
  concurrency::BoundedQueue<Action> actions_{100'000};
  std::atomic<std::uint64_t> next_sequence_;
  std::atomic<std::size_t> events_written_ = 0;
  std::atomic<bool> cancelled_ = false;
};

struct FakeWorkerOptions {
  std::string id = "w1";
  std::uint64_t incarnation = 1;
  std::string model = "tiny";
  std::string fingerprint = "0123456789abcdef0123456789abcdef";
  std::uint32_t slots = 1;
  // Whether calls beyond the slots are refused as WORKER_FULL.
  bool refuse_beyond_slots = false;
  // Shown to the router; empty: none.
  std::string api_key;
  // How the router is connected to; null: in plain text.
  std::shared_ptr<grpc::ChannelCredentials> router_credentials;
};

// A worker in this process whose every step a test decides. Useful for tests of routers: calls are
// held until the test answers them, membership and reports can be right, wrong or missing, and it
// can die in the middle of anything. It speaks through gRPC's own generated code, not through
// common/rpc. Unary methods but Generate answer at once, Embed with a usage of seven tokens.
// Routers may also ask it what it does (GetStatus, Drain), joined or not. Thread-safe.
class FakeWorker final : private inference::v1::InferenceService::Service,
                         private worker::v1::WorkerService::Service {
 public:
  explicit FakeWorker(FakeWorkerOptions options = {});
  ~FakeWorker() override;

  const std::string& id() const { return options_.id; }
  const std::string& address() const { return address_; }
  std::shared_ptr<grpc::Channel> channel() const;

  // Joins and waits for the welcome; whether it came. Reports follow by themselves.
  bool Join(const std::string& router_address);
  // What Join() says first; to be changed for another Hello.
  fleet::v1::WorkerHello Hello() const;
  // Waits for the next command of the router.
  std::optional<fleet::v1::Command> NextCommand();
  void AnswerCommand(std::uint64_t command_id, int code, const std::string& message);
  // How many requests of others run here; reported at once.
  void SetOthers(std::uint32_t others);
  // How many tokens it has computed in all; reported at once.
  void SetComputedTokens(std::uint64_t tokens);
  void SetState(fleet::v1::WorkerState state);
  // As if it had been started anew, where it is: for routers that ask.
  void SetIncarnation(std::uint64_t incarnation) { incarnation_ = incarnation; }
  // How often it was asked for its status.
  std::uint32_t asked() const { return asked_.load(); }
  void SetModels(const std::vector<inference::v1::Model>& models);
  // No more reports, the stream stays.
  void FallSilent() { silent_ = true; }
  // Half-closes the Join stream and waits for its status.
  grpc::Status Leave();
  // Waits for the router to end the Join stream.
  grpc::Status WaitUntilDropped();

  // The next call that arrives. Ends the test program with a message where none does within twenty
  // seconds: no test can go on without it.
  std::shared_ptr<FakeCall> NextCall();
  // The same for a shorter wait; null when none arrives.
  std::shared_ptr<FakeCall> NextCallFor(std::chrono::milliseconds at_most) {
    return calls_.PopFor(at_most).value_or(nullptr);
  }
  // Calls not ended.
  std::uint32_t active() const { return active_.load(); }
  // Calls refused for want of a slot.
  std::uint32_t refused() const { return refused_.load(); }
  // From now on calls are refused with this status before anything is sent.
  void RefuseAll(grpc::Status status);
  // From now on they are not.
  void AcceptAll();
  void SetRefuseBeyondSlots(bool refuse) { refuse_beyond_slots_ = refuse; }

  // As kill -9 does: all connections break at once.
  void Die();

 private:
  using JoinStream = grpc::ClientReaderWriter<fleet::v1::JoinRequest, fleet::v1::JoinResponse>;

  fleet::v1::LoadReport LoadNow();
  void Report();
  void ReportLoop(std::stop_token stop);
  void ReadLoop();
  void CloseMembership();
  grpc::Status Serve(grpc::ServerContext& context, const inference::v1::GenerateRequest& request,
                     grpc::ServerWriter<inference::v1::StreamGenerateResponse>* writer);

  grpc::Status Generate(grpc::ServerContext* context, const inference::v1::GenerateRequest* request,
                        inference::v1::GenerateResponse* response) override;
  grpc::Status StreamGenerate(
      grpc::ServerContext* context, const inference::v1::GenerateRequest* request,
      grpc::ServerWriter<inference::v1::StreamGenerateResponse>* writer) override;
  grpc::Status Embed(grpc::ServerContext* context, const inference::v1::EmbedRequest* request,
                     inference::v1::EmbedResponse* response) override;
  grpc::Status Tokenize(grpc::ServerContext* context, const inference::v1::TokenizeRequest* request,
                        inference::v1::TokenizeResponse* response) override;

  grpc::Status GetStatus(grpc::ServerContext* context, const worker::v1::GetStatusRequest* request,
                         worker::v1::GetStatusResponse* response) override;
  grpc::Status Drain(grpc::ServerContext* context, const worker::v1::DrainRequest* request,
                     worker::v1::DrainResponse* response) override;

  const FakeWorkerOptions options_;
  std::atomic<std::uint64_t> incarnation_;
  std::atomic<std::uint32_t> asked_ = 0;
  std::atomic<std::uint32_t> active_ = 0;
  std::atomic<std::uint32_t> active_from_router_ = 0;
  std::atomic<std::uint32_t> others_ = 0;
  std::atomic<std::uint64_t> computed_tokens_ = 0;
  std::atomic<std::uint32_t> refused_ = 0;
  std::atomic<bool> refuse_beyond_slots_;
  std::atomic<bool> silent_ = false;
  concurrency::BoundedQueue<std::shared_ptr<FakeCall>> calls_{1000};
  mutable absl::Mutex mutex_;
  std::vector<std::shared_ptr<FakeCall>> open_ ABSL_GUARDED_BY(mutex_);
  std::optional<grpc::Status> refusal_ ABSL_GUARDED_BY(mutex_);
  fleet::v1::WorkerState state_ ABSL_GUARDED_BY(mutex_) = fleet::v1::WORKER_STATE_READY;
  bool writable_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;

  std::shared_ptr<grpc::Channel> router_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<JoinStream> stream_;
  std::string router_id_ ABSL_GUARDED_BY(mutex_);
  concurrency::BoundedQueue<fleet::v1::Command> commands_{100};
  std::atomic<bool> ended_ = false;
  grpc::Status ending_ ABSL_GUARDED_BY(mutex_);
  concurrency::NamedThread reading_;
  concurrency::NamedThread reporting_;
};

}  // namespace chasqui::testing
