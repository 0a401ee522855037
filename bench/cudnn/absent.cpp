// In place of all other files here, where there is no cudnn.h.
#include "cudnn/conv_engines.hpp"
#include "cudnn/tensor_calls.hpp"

namespace foldconv::cudnn {

struct Session::Data {};

namespace {

Status absent() {
  return {ErrorCode::unsupported,
          "this program was built without cuDNN: there was no cudnn.h of version 9"};
}

}  // namespace

Result<Session> Session::open() {
  return absent();
}
Result<Session> Session::described_h100() {
  return absent();
}
std::string Session::version() const {
  return "";
}

Status can_express(const ConvProblem&) {
  return absent();
}
Result<ConvEngines> conv_engines(const Session&, const ConvProblem&, const Epilogue&, std::size_t) {
  return absent();
}
Result<std::vector<std::string>> conv_engine_names(const Session&, const ConvProblem&,
                                                   const Epilogue&) {
  return absent();
}

Status can_activate(Activation) {
  return absent();
}
Result<TensorCalls> tensor_calls(const Session&, DataType, const Shape&, Activation) {
  return absent();
}

}  // namespace foldconv::cudnn
