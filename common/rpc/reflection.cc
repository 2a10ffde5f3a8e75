// SPDX-License-Identifier: Apache-2.0
#include "common/rpc/reflection.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include "absl/strings/str_cat.h"
#include "common/rpc/server.h"
#include "common/rpc/server_methods.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"

namespace chasqui::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using Request = grpc::reflection::v1::ServerReflectionRequest;
using Response = grpc::reflection::v1::ServerReflectionResponse;

const DescriptorPool& Pool() { return *DescriptorPool::generated_pool(); }

void SetError(absl::StatusCode code, std::string message, Response& response) {
  response.mutable_error_response()->set_error_code(static_cast<int>(code));
  response.mutable_error_response()->set_error_message(std::move(message));
}

void AddFile(const FileDescriptor& file, std::set<const FileDescriptor*>& added,
             Response& response) {
  if (!added.insert(&file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.mutable_file_descriptor_response()->add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) {
    AddFile(*file.dependency(i), added, response);
  }
}

void AnswerFile(const FileDescriptor* file, std::string_view what, Response& response) {
  if (file == nullptr) {
    SetError(absl::StatusCode::kNotFound, absl::StrCat("not found: ", what), response);
    return;
  }
  std::set<const FileDescriptor*> added;
  AddFile(*file, added, response);
}

const FileDescriptor* FindExtension(const grpc::reflection::v1::ExtensionRequest& request) {
  const Descriptor* type = Pool().FindMessageTypeByName(request.containing_type());
  if (type == nullptr) return nullptr;
  const FieldDescriptor* extension = Pool().FindExtensionByNumber(type, request.extension_number());
  return extension != nullptr ? extension->file() : nullptr;
}

void AnswerExtensionNumbers(const std::string& type_name, Response& response) {
  const Descriptor* type = Pool().FindMessageTypeByName(type_name);
  if (type == nullptr) {
    SetError(absl::StatusCode::kNotFound, absl::StrCat("not found: ", type_name), response);
    return;
  }
  auto& answer = *response.mutable_all_extension_numbers_response();
  answer.set_base_type_name(type_name);
  std::vector<const FieldDescriptor*> extensions;
  Pool().FindAllExtensions(type, &extensions);
  for (const FieldDescriptor* extension : extensions) {
    answer.add_extension_number(extension->number());
  }
}

Response Answer(const Server& server, const Request& request) {
  Response response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kFileByFilename:
      AnswerFile(Pool().FindFileByName(request.file_by_filename()), request.file_by_filename(),
                 response);
      break;
    case Request::kFileContainingSymbol:
      AnswerFile(Pool().FindFileContainingSymbol(request.file_containing_symbol()),
                 request.file_containing_symbol(), response);
      break;
    case Request::kFileContainingExtension:
      AnswerFile(FindExtension(request.file_containing_extension()),
                 absl::StrCat("extension ", request.file_containing_extension().extension_number(),
                              " of ", request.file_containing_extension().containing_type()),
                 response);
      break;
    case Request::kAllExtensionNumbersOfType:
      AnswerExtensionNumbers(request.all_extension_numbers_of_type(), response);
      break;
    case Request::kListServices:
      for (const std::string& name : server.ServiceNames()) {
        response.mutable_list_services_response()->add_service()->set_name(name);
      }
      break;
    case Request::MESSAGE_REQUEST_NOT_SET:
      SetError(absl::StatusCode::kInvalidArgument, "the request asks nothing", response);
      break;
  }
  return response;
}

Task<absl::Status> Serve(const Server& server, ServerReader<Request>& reader,
                         ServerWriter<Response>& writer) {
  for (;;) {
    const absl::StatusOr<Request> request = co_await reader.Read();
    if (absl::IsOutOfRange(request.status())) co_return absl::OkStatus();
    if (!request.ok()) co_return request.status();
    if (!co_await writer.Write(Answer(server, *request))) co_return absl::CancelledError();
  }
}

}  // namespace

void RegisterReflection(Server& server) {
  // Clients of v1alpha ask for its schema too: keep it linked.
  grpc::reflection::v1alpha::ServerReflectionRequest::descriptor();
  for (const char* path : {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                           "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}) {
    RegisterBidiStream<Request, Response>(
        server, path,
        [&server](ServerCall&, ServerReader<Request>& reader, ServerWriter<Response>& writer) {
          return Serve(server, reader, writer);
        },
        {.background = true});
  }
}

}  // namespace chasqui::rpc
