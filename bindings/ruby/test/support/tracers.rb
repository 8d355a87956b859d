# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'ffi'
require 'shellwords'
require 'support/program'
require 'support/uprobe'

# Whether tracers can be had here.
module Tracers
  @tracefs_refusal = nil

  # What makes tracefs be there.
  module Kernel
    extend FFI::Library
    ffi_lib FFI::Library::LIBC
    attach_function :unshare, [:int], :int
    attach_function :mount, %i[string string string ulong pointer], :int

    NEW_MOUNTS = 0x20000
    PRIVATE = 0x44000
    TRACEFS = '/sys/kernel/tracing'

    # bpftrace wants tracefs: where it isn't mounted, this process and those it starts see it, and
    # no other.
    def self.tracefs_refusal
      return if File.exist?("#{TRACEFS}/uprobe_events")
      return if unshare(NEW_MOUNTS).zero? && mount('none', '/', nil, PRIVATE, nil).zero? &&
                mount('tracefs', TRACEFS, 'tracefs', 0, nil).zero?

      "tracefs can't be mounted: #{SystemCallError.new(FFI.errno).message}"
    end
  end

  module_function

  def installed?(name)
    ENV.fetch('PATH').split(':').any? { |directory| File.executable?(File.join(directory, name)) }
  end

  # @return [String, nil] why bpftrace can't be used
  def bpftrace_refusal
    return 'bpftrace is not installed' unless installed?('bpftrace')
    return 'bpftrace needs root' unless Process.euid.zero?

    Uprobe.refusal || (@tracefs_refusal ||= [Kernel.tracefs_refusal]).first
  end

  # @return [String, nil] why gdb can't be used
  def gdb_refusal
    return 'gdb is not installed' unless installed?('gdb')

    scope = File.read('/proc/sys/kernel/yama/ptrace_scope').to_i
    return if scope.zero? || (scope < 3 && Process.euid.zero?)

    "kernel.yama.ptrace_scope is #{scope}: gdb can't attach"
  rescue Errno::ENOENT
    nil
  end
end

# A bpftrace at work.
class Bpftrace < Program
  # Says that bpftrace has attached everything and reads its buffers.
  TICK = 'interval:ms:20 { printf("tick\n"); }'
  NOISE = /\A(tick|Attaching \d+ probes?\.\.\.|Attached \d+ probes?|)\z/.freeze

  # Commands to test with: the one in PATH, and those that RST_BPFTRACES names.
  OTHERS = ENV['RST_BPFTRACES'].to_s.split.freeze

  @versions = {}

  # @return [Array<Integer>] as in [0, 17]
  def self.version(command)
    @versions[command] ||= begin
      said = IO.popen([command, '--version'], err: File::NULL, &:read)
      said[/bpftrace v?(\d+\.\d+)/, 1].split('.').map(&:to_i)
    end
  end

  # Versions that know the registers' arguments alone by name.
  def self.registers_only?(command)
    (version(command) <=> [0, 25]).negative?
  end

  # How many arguments are in registers, and 16 bytes above which one the next is.
  REGISTERS, BASE = RUBY_PLATFORM.start_with?('aarch64') ? [8, 'sp'] : [6, 'bp']

  # @return [String] the expression for an argument, of so many bytes
  def self.argument(command, index, bytes: 8, signed: true)
    return "arg#{index}" if index < REGISTERS || !registers_only?(command)

    "*(#{signed ? 'int' : 'uint'}#{8 * bytes}*)(reg(\"#{BASE}\") + #{16 + 8 * (index - REGISTERS)})"
  end

  def initialize(program, pid: nil, command: 'bpftrace', strlen: nil)
    limits = strlen ? { 'BPFTRACE_STRLEN' => strlen.to_s, 'BPFTRACE_MAX_STRLEN' => strlen.to_s } : {}
    super(command, *(['-p', pid.to_s] if pid), '-e', "#{program} #{TICK}",
          environment: { 'LD_PRELOAD' => nil, **limits }) # sanitizers are for what is watched
  end

  # Wait until it watches.
  def await
    wait_for(/\Atick\z/)
  end

  # @return [Array<String>] what it printed, when it has ended
  def printed
    finish.grep_v(NOISE)
  end
end

# A gdb at work, on a script that says "watching" before it lets the program go on.
class Gdb < Program
  def initialize(script, pid:)
    @script = Tempfile.new('rst-ruby-test')
    @script.write("set pagination off\nset width 0\nset print inferior-events off\n",
                  "handle SIGVTALRM nostop noprint pass\n", script)
    @script.close
    super('gdb', '-q', '-nx', '-batch', '-p', pid.to_s, '-x', @script.path, environment: { 'DEBUGINFOD_URLS' => '' })
  end

  def await
    wait_for(/\Awatching\z/)
  end
end
