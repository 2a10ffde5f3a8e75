// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>

#include "absl/status/statusor.h"
#include "chasqui/inference/v1/inference_service.grpc.pb.h"
#include "tests/bench/worker/load/stream_client.h"

namespace chasqui::bench {

// Streams by InferenceService.StreamGenerate, of a worker or a router. All over one connection.
class GrpcStreamClient final : public StreamClient {
 public:
  // Blocks until it is connected. UNAVAILABLE when nobody listens.
  static absl::StatusOr<std::unique_ptr<GrpcStreamClient>> Connect(const std::string& target,
                                                                   std::string model);
  ~GrpcStreamClient() override;

  void Start(const StreamRequest& request, StreamObserver& observer) override;
  void Run() override;

 private:
  class Call;

  GrpcStreamClient(const std::shared_ptr<grpc::Channel>& channel, std::string model);

  const std::string model_;
  const std::unique_ptr<inference::v1::InferenceService::Stub> stub_;
  grpc::CompletionQueue queue_;
  std::map<Call*, std::unique_ptr<Call>> calls_;  // streams that have not ended
};

}  // namespace chasqui::bench
