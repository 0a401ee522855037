// SPDX-License-Identifier: MIT
#include "harness/network/npy.hpp"

#include <gtest/gtest.h>

#include <bit>

#include "harness/caught.hpp"
#include "harness/files.hpp"
#include "harness/test_folder.hpp"

namespace foldconv::harness {
namespace {

// As NumPy 2.4 writes it.
std::string numpy_file(const std::string& header, const std::string& data) {
  std::string padded = header;
  padded.resize(117, ' ');
  return std::string("\x93NUMPY\x01\x00v\x00", 10) + padded + "\n" + data;
}

std::string header_of(const std::string& type, const std::string& shape) {
  return "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
}

TEST(Npy, ReadsWhatNumpyWrites) {
  const Npy floats = parse_npy(
      numpy_file(header_of("<f4", "1, 3"), std::string("\0\0\x80\x3f\0\0\0\xc0\0\0\0\x3f", 12)),
      "x");
  EXPECT_EQ(floats.extents, (Extents{1, 3}));
  EXPECT_EQ(floats_of(floats), (std::vector<float>{1, -2, 0.5}));
  const Npy halves = parse_npy(numpy_file(header_of("<f2", ""), std::string("\x01\xbc", 2)), "x");
  EXPECT_EQ(halves.extents, Extents{});
  EXPECT_EQ(floats_of(halves), std::vector<float>{-1.0009765625f});
  const Npy bytes =
      parse_npy(numpy_file(header_of("|u1", "3,"), std::string("\x00\x7f\xff", 3)), "x");
  EXPECT_EQ(bytes.extents, Extents{3});
  EXPECT_EQ(floats_of(bytes), (std::vector<float>{0, 127, 255}));
  const Npy integers = parse_npy(
      numpy_file(header_of("<i8", "1, 1"), std::string("\xfe\xff\xff\xff\xff\xff\xff\xff", 8)),
      "x");
  EXPECT_EQ(floats_of(integers), std::vector<float>{-2});
  EXPECT_EQ(parse_npy(numpy_file(header_of("<f4", "0, 3"), ""), "x").extents, (Extents{0, 3}));
}

TEST(Npy, WritesWhatNumpyWrites) {
  const test::TestFolder folder;
  const std::filesystem::path file = folder.path() / "x.npy";
  const auto written = [&](const Npy& array) {
    write_npy(file, array);
    return read_file(file);
  };
  const float values[] = {1, -2, 0.5};
  const std::string data("\0\0\x80\x3f\0\0\0\xc0\0\0\0\x3f", 12);
  EXPECT_EQ(written(make_npy({1, 3}, values)), numpy_file(header_of("<f4", "1, 3"), data));
  EXPECT_EQ(written(make_npy({3}, values)), numpy_file(header_of("<f4", "3,"), data));
  EXPECT_EQ(written(make_npy({}, std::span(values).first(1))),
            numpy_file(header_of("<f4", ""), data.substr(0, 4)));
  EXPECT_EQ(written({NpyType::u1, {2}, "ab"}), numpy_file(header_of("|u1", "2,"), "ab"));
  // A header that does not fit into the first 128 bytes is padded to the next 64.
  const Npy long_one{NpyType::u1, Extents(40, 1), "a"};
  EXPECT_EQ(written(long_one).size() % 64, 1U);
  EXPECT_EQ(read_npy(file).extents, long_one.extents);
}

TEST(Npy, WhatItDoesNotTakeIsNamed) {
  const auto message = [](const std::string& content) {
    return message_of([&] { static_cast<void>(parse_npy(content, "x.npy")); });
  };
  const std::string good = numpy_file(header_of("<f4", "2,"), "12345678");
  EXPECT_TRUE(names(message(""), "x.npy: no NumPy file"));
  EXPECT_TRUE(names(message("\x93NUMPY"), "no NumPy file"));
  EXPECT_TRUE(names(message("PK\3\4 an npz file"), "no NumPy file"));
  std::string version = good;
  version[6] = 2;
  EXPECT_TRUE(names(message(version), "NumPy format 2.0"));
  for (const std::size_t length : {10, 60, 127}) {
    EXPECT_TRUE(names(message(good.substr(0, length)), "a header of 118 bytes"));
  }
  EXPECT_TRUE(names(message(good.substr(0, 131)), "3 bytes of data, shape (2,) has 8"));
  EXPECT_TRUE(names(message(good + "x"), "9 bytes of data"));
  EXPECT_TRUE(names(message(numpy_file(header_of("<f8", "1,"), "12345678")), "type '<f8'"));
  EXPECT_TRUE(names(message(numpy_file(header_of(">f4", "1,"), "1234")), "type '>f4'"));
  EXPECT_TRUE(names(
      message(numpy_file("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", "1234")),
      "columns first"));
  for (const char* shape : {"1", "-1,", "1,,", "1,1", ",", "1, 2,", "x", "(1,)"}) {
    EXPECT_TRUE(names(message(numpy_file(header_of("<f4", shape), "1234")), "not a header"))
        << shape;
  }
  for (const char* header :
       {"", "{}", "{'descr': '<f4', 'shape': (1,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }"}) {
    EXPECT_TRUE(names(message(numpy_file(header, "1234")), "not a header")) << header;
  }
  // No size that overflows is taken for a small one.
  for (const char* shape : {"4611686018427387905,", "4294967296, 4294967297",
                            "99999999999999999999,", "0, 99999999999999999999"}) {
    EXPECT_TRUE(names(message(numpy_file(header_of("<f4", shape), "1234")), "more elements"))
        << shape;
  }
  // The longest header that is looked at, and one above.
  for (const std::size_t length : {4096, 4097}) {
    for (const char* piece : {"1, ", "1", " "}) {
      std::string shape;
      while (shape.size() < length) shape += piece;
      std::string file("\x93NUMPY\x01\x00", 8);
      file += {static_cast<char>(length % 256), static_cast<char>(length / 256)};
      const std::string begin = "{'descr': '<f4', 'fortran_order': False, 'shape': (",
                        end = "), }\n";
      shape.resize(length - begin.size() - end.size());
      EXPECT_NE(message(file + begin + shape + end + "1234"), "") << length << piece;
    }
  }
  EXPECT_TRUE(names(message_of([] { static_cast<void>(read_npy("no_such.npy")); }), "no_such.npy"));
}

}  // namespace
}  // namespace foldconv::harness
