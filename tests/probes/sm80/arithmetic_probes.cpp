// SPDX-License-Identifier: MIT
// Single instructions on the edges of their types and on fixed pseudo-random numbers: a word for
// each case.
#include <cstring>

#include "probe/device.hpp"
#include "sm80/kernels.hpp"
#include "sm80/probes.hpp"

namespace foldconv::probes {
namespace {

// Floats, where the instruction takes floats; their low halves are edges of the 16-bit types for
// those that take them.
Words make_values() {
  Words values;
  const auto add = [&](std::uint32_t bits) {
    values.push_back(bits);
    values.push_back(bits ^ 0x80000000);
  };
  // Zero, subnormals, the smallest normal numbers, infinity and its neighbours.
  for (const std::uint32_t bits :
       {0u, 1u, 2u, 0x7fffffu, 0x800000u, 0x800001u, 0x7f7fffffu, 0x7f800000u}) {
    add(bits);
  }
  // NaN: quiet, signalling, with payloads.
  for (const std::uint32_t bits : {0x7fc00000u, 0x7f800001u, 0x7fffffffu, 0x7fc12345u, 0x7fa00000u})
    add(bits);
  // Around one: ties and their neighbours when 13 or 16 bits are dropped, for even and odd results.
  for (const std::uint32_t base : {0x3f800000u, 0x3f802000u, 0x3f810000u}) {
    for (const std::uint32_t low :
         {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      add(base + low);
    }
  }
  // The ends of fp16: 65504, the last float that rounds to it, the first that does not; the
  // smallest normal number, subnormals with ties, half the smallest subnormal and its neighbours.
  for (const std::uint32_t bits :
       {0x477fe000u, 0x477fefffu, 0x477ff000u, 0x47800000u, 0x38800000u, 0x387fffffu, 0x38000000u,
        0x37800000u, 0x33800000u, 0x33000000u, 0x33000001u, 0x32ffffffu, 0x33c00000u, 0x33bfffffu,
        0x33c00001u}) {
    add(bits);
  }
  // 16-bit edges in the low half, both types: subnormal, one, the largest, infinity, NaN.
  for (const std::uint32_t bits :
       {0x1u, 0x3ffu, 0x400u, 0x3c00u, 0x7bffu, 0x7c00u, 0x7c01u, 0x7e00u, 0x7fffu, 0x7fu, 0x80u,
        0x3f80u, 0x7f7fu, 0x7f80u, 0x7f81u}) {
    add(bits << 16 | bits);
  }
  // Small integers and powers of two, exponents for ex2, random numbers near one, random bits.
  for (const float value : {2.f, 3.f, 0.5f, 0.1f, 10.f, 126.f, 127.f, 128.f, 149.f, 150.f,
                            2147483520.f, 2147483648.f, 3.1415927f}) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    add(bits);
  }
  Random random(1);
  for (int i = 0; i < 64; ++i)
    add(0x3e000000u + static_cast<std::uint32_t>(random.next() & 0x03ffffff));
  for (int i = 0; i < 64; ++i) values.push_back(static_cast<std::uint32_t>(random.next()));
  return values;
}

Result probe_arithmetic(int index) {
  const ArithmeticOperation operation = arithmetic_operation(index);
  const Words values = make_values();
  const std::size_t n = values.size();
  // Several pairings, so that special values meet each other and ordinary ones.
  const std::size_t rounds = operation.operands == 1 ? 1 : 6;
  Words a, b, c;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < n; ++i) {
      a.push_back(values[i]);
      b.push_back(values[(i * (2 * round + 1) + 13 * round + 1) % n]);
      c.push_back(values[(i * 5 + 29 * round + 2) % n]);
    }
  }
  const DeviceArray<std::uint32_t> device_a(a), device_b(b), device_c(c), out(a.size());
  check_launch(launch_arithmetic(index, static_cast<int>(a.size()), device_a.get(), device_b.get(),
                                 device_c.get(), out.get()),
               operation.name);
  Result result;
  result.words = out.download();
  return result;
}

}  // namespace

void add_arithmetic_probes(std::vector<Probe>& probes) {
  for (int index = 0; index < arithmetic_count(); ++index) {
    const ArithmeticOperation operation = arithmetic_operation(index);
    const Kind kind = operation.approximate ? Kind::approximate : Kind::exact;
    probes.push_back({"arithmetic", std::string("arithmetic_") + operation.name, kind,
                      Needs::any_gpu, [index] { return probe_arithmetic(index); }});
  }
}

}  // namespace foldconv::probes
