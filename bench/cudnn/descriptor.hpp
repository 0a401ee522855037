// A descriptor of cuDNN's backend interface: created, filled attribute by attribute, finalised.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cudnn/library.hpp"

namespace foldconv::cudnn {

// Which of cuDNN's attribute types a C++ type is.
template <class T>
struct AttributeType;
#define FOLDCONV_CUDNN_ATTRIBUTE(type, constant)                                \
  template <>                                                                   \
  struct AttributeType<type> {                                                  \
    static constexpr cudnnBackendAttributeType_t value = CUDNN_TYPE_##constant; \
  };
FOLDCONV_CUDNN_ATTRIBUTE(cudnnHandle_t, HANDLE)
FOLDCONV_CUDNN_ATTRIBUTE(cudnnDataType_t, DATA_TYPE)
FOLDCONV_CUDNN_ATTRIBUTE(bool, BOOLEAN)
FOLDCONV_CUDNN_ATTRIBUTE(std::int64_t, INT64)
FOLDCONV_CUDNN_ATTRIBUTE(float, FLOAT)
FOLDCONV_CUDNN_ATTRIBUTE(double, DOUBLE)
FOLDCONV_CUDNN_ATTRIBUTE(cudnnConvolutionMode_t, CONVOLUTION_MODE)
FOLDCONV_CUDNN_ATTRIBUTE(cudnnBackendHeurMode_t, HEUR_MODE)
FOLDCONV_CUDNN_ATTRIBUTE(cudnnBackendKnobType_t, KNOB_TYPE)
FOLDCONV_CUDNN_ATTRIBUTE(cudnnBackendNumericalNote_t, NUMERICAL_NOTE)
FOLDCONV_CUDNN_ATTRIBUTE(cudnnPointwiseMode_t, POINTWISE_MODE)
#undef FOLDCONV_CUDNN_ATTRIBUTE

// Move-only. The first call that fails is remembered; those behind it do nothing.
class Descriptor {
 public:
  Descriptor(const Library& library, cudnnBackendDescriptorType_t type, std::string what)
      : library_(&library), what_(std::move(what)) {
    status_ = library_->status(library_->BackendCreateDescriptor(type, &handle_), what_);
  }
  Descriptor(Descriptor&& other) noexcept
      : library_(other.library_),
        what_(std::move(other.what_)),
        handle_(std::exchange(other.handle_, nullptr)),
        status_(std::move(other.status_)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(library_, other.library_);
    std::swap(what_, other.what_);
    std::swap(handle_, other.handle_);
    std::swap(status_, other.status_);
    return *this;
  }
  ~Descriptor() {
    if (handle_ != nullptr) library_->BackendDestroyDescriptor(handle_);
  }

  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, const T& value) {
    return set_raw(name, AttributeType<T>::value, 1, &value);
  }
  template <class T, std::size_t N>
  Descriptor& set(cudnnBackendAttributeName_t name, const std::array<T, N>& values) {
    return set_raw(name, AttributeType<T>::value, std::int64_t{N}, values.data());
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& other) {
    return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &other.handle_);
  }
  Descriptor& set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                      std::int64_t count, const void* values) {
    if (status_) {
      status_ = library_->status(library_->BackendSetAttribute(handle_, name, type, count, values),
                                 what_ + ", attribute " + std::to_string(name));
    }
    return *this;
  }
  Descriptor& finalize() {
    if (status_) status_ = library_->status(library_->BackendFinalize(handle_), what_);
    return *this;
  }

  // Up to `most` elements; none where the attribute cannot be read.
  template <class T>
  std::vector<T> get(cudnnBackendAttributeName_t name, std::size_t most) const {
    std::vector<T> values(most);
    std::int64_t count = 0;
    const cudnnStatus_t got =
        library_->BackendGetAttribute(handle_, name, AttributeType<T>::value,
                                      static_cast<std::int64_t>(most), &count, values.data());
    if (got != CUDNN_STATUS_SUCCESS || count < 0) return {};
    if (static_cast<std::size_t>(count) < most) values.resize(static_cast<std::size_t>(count));
    return values;
  }
  // How many descriptors there are, 0 where the attribute cannot be read.
  std::int64_t count(cudnnBackendAttributeName_t name) const {
    std::int64_t count = 0;
    const cudnnStatus_t got = library_->BackendGetAttribute(
        handle_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr);
    return got == CUDNN_STATUS_SUCCESS && count > 0 ? count : 0;
  }
  // Fills created descriptors; those beyond what there is are dropped.
  void get(cudnnBackendAttributeName_t name, std::vector<Descriptor>& into) const {
    std::vector<cudnnBackendDescriptor_t> handles;
    for (const Descriptor& one : into) handles.push_back(one.handle_);
    std::int64_t count = 0;
    const cudnnStatus_t got = library_->BackendGetAttribute(
        handle_, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(handles.size()),
        &count, handles.data());
    if (got != CUDNN_STATUS_SUCCESS || count < 0) count = 0;
    while (std::int64_t(into.size()) > count) into.pop_back();
  }

  const Status& status() const { return status_; }
  cudnnBackendDescriptor_t handle() const { return handle_; }

 private:
  const Library* library_;
  std::string what_;
  cudnnBackendDescriptor_t handle_ = nullptr;
  Status status_;
};

}  // namespace foldconv::cudnn
