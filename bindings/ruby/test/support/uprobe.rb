# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'ffi'
require 'rbconfig'

# A uprobe, by perf_event_open(2): what every tracer asks the kernel for.
module Uprobe
  extend FFI::Library
  ffi_lib FFI::Library::LIBC
  attach_function :syscall, %i[long varargs], :long

  PERF_EVENT_OPEN = { 'x86_64' => 298, 'aarch64' => 241 }[RbConfig::CONFIG['host_cpu']]
  TYPE = '/sys/bus/event_source/devices/uprobe/type'
  ATTRIBUTES = 'L2Q5L2Q2'
  SIZE = 72
  CLOSE_ON_EXEC = 8

  module_function

  # @param path [String] of a file
  # @param offset [Integer] of the instruction in it
  # @param semaphore [Integer] its offset; 0 for none
  # @param target [Array(Integer, Integer)] process and CPU; -1 for any
  # @return [IO] what reads how often it was hit
  # @raise [SystemCallError]
  def attach(path, offset, semaphore: 0, target: [0, -1])
    name = FFI::MemoryPointer.from_string(path)
    wanted = [Integer(File.read(TYPE)), SIZE, semaphore << 32, 0, 0, 0, 0, 0, 0, name.address, offset].pack(ATTRIBUTES)
    event = FFI::MemoryPointer.new(SIZE).put_bytes(0, wanted)
    process, cpu = target
    fd = syscall(PERF_EVENT_OPEN, :pointer, event, :int, process, :int, cpu, :int, -1, :long, CLOSE_ON_EXEC)
    raise SystemCallError.new('perf_event_open', FFI.errno) if fd.negative?

    IO.for_fd(fd, 'rb')
  end

  # @return [String, nil] why none can be attached
  def refusal
    return 'perf_event_open has no known number here' unless PERF_EVENT_OPEN

    attach('/proc/self/exe', 0).close
  rescue Errno::EPERM, Errno::EACCES
    'a uprobe can\'t be attached: be root, or have CAP_PERFMON and CAP_BPF'
  rescue Errno::ENOENT => e
    "this kernel has no uprobes: #{e.message}"
  rescue SystemCallError
    nil # of that place; of others it may be had
  end
end
