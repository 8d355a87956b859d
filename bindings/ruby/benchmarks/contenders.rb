# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# What is measured: the contenders, and the questions they answer.
#
# Each contender is a process of its own (worker.rb), for a TracePoint and an attached tracer change
# what everything else in their process costs.
module Bench
  # operation:: Ruby text that is run many times in a row
  # prepare::   called once, before
  # watch::     called after that; gives what bpftrace is to attach to, with a filter if it has one
  # beacon::    called until bpftrace is seen to count; what is measured may not be what is watched
  Contender = Struct.new(:id, :label, :operation, :prepare, :watch, :beacon, keyword_init: true) do
    # @return [Boolean] whether it is measured with another build of the gem
    def before
      id.start_with?('before-')
    end

    # @return [String, nil] why it can't be measured with YJIT
    def not_with_yjit
      'code that YJIT has compiled passes by the hooks for C methods' if id.end_with?('dtrace')
    end
  end

  # `baseline` is the contender that the others' ratios are of.
  Question = Struct.new(:id, :title, :baseline, :contenders, keyword_init: true)

  # What the operations are done to.
  class Subject
    attr_reader :value

    def nothing; end

    def wrapped; end

    def automatic; end

    def other; end
  end

  # Each runs in the worker, which has loaded the gem.
  module Setup
    module_function

    def wrap
      StaticTracing::Tracer::Latency.register(Subject, :wrapped, provider: 'bench')
      StaticTracing::Tracer::Latency.enable!
    end

    # In mode AUTO, of which the method has nothing.
    def wrap_automatically
      StaticTracing.configuration.mode = 'AUTO'
      StaticTracing::Tracer::Latency.register(Subject, :automatic, provider: 'bench')
    end

    # The same after somebody has watched.
    def wrap_and_unwrap
      wrap_automatically
      point = StaticTracing::Tracepoint.fetch(:bench, :automatic)
      require 'support/self_watch'
      [true, false].each do |watched|
        watch = SelfWatch.new(point) if watched
        Thread.pass until watched == (SUBJECT.method(:automatic).owner != Subject)
        watch&.close
      end
    end

    # What the gem would do if it had no part in C.
    def call_directly
      direct = Module.new
      direct.extend(FFI::Library)
      direct.ffi_lib(StaticTracing::LibRST.path)
      direct.attach_function(:rst_probe_enabled, %i[pointer], :bool)
      Bench.const_set(:Direct, direct)
    end

    def trace_point(**options, &block)
      @trace = TracePoint.new(:call, &block) # to enable it does not keep it alive
      @trace.enable(**options)
    end

    def trace_one
      trace_point(target: Subject.instance_method(:nothing)) { nil }
    end

    def trace_other
      trace_point(target: Subject.instance_method(:other)) { nil }
    end

    def trace_all
      trace_point { nil }
    end

    def trace_all_for_other
      trace_point { |event| @seen = event.method_id if event.method_id == :other }
    end

    def our_probe(name)
      "usdt:#{StaticTracing::Tracepoint.fetch(:bench, name).path}:bench:#{name}"
    end

    # Where this Ruby's own probes are: in its library, or in the program where it has none.
    def libruby
      File.foreach('/proc/self/maps').map { |map| map.split[5].to_s }.grep(/libruby/).first ||
        File.readlink('/proc/self/exe')
    end

    def rubys_probe(name, method)
      "usdt:#{libruby}:ruby:#{name} /str(arg1) == \"#{method}\"/"
    end
  end

  # What is measured with another build of the gem, too.
  BEFORE = %w[fire-values-watched fire-block-watched wrapped-watched fire-values fire-block wrapped].freeze

  ALL = [
    ['empty', 'nothing (what the loop costs)', 'nil'],
    ['attr_reader', 'an attr_reader', 'SUBJECT.value'],
    ['method', 'an empty method', 'SUBJECT.nothing'],
    ['c-method', 'a C method', 'SUBJECT.itself'],
    ['ffi', 'an FFI call: rst_probe_enabled()', 'Direct.rst_probe_enabled(nil)', :call_directly],
    ['enabled', 'StaticTracing: enabled?', 'POINT.enabled?'],
    ['fire-values', 'StaticTracing: fire(1, TWO)', 'POINT.fire(1, TWO)'],
    ['fire-block', 'StaticTracing: fire { [1, TWO] }', 'POINT.fire { [1, TWO] }'],
    ['wrapped', 'StaticTracing: an empty method with Latency', 'SUBJECT.wrapped', :wrap],
    ['auto', 'StaticTracing: the same in mode AUTO', 'SUBJECT.automatic', :wrap_automatically],
    ['auto-again', 'StaticTracing: the same after it was watched', 'SUBJECT.automatic', :wrap_and_unwrap],
    ['fire-values-watched', 'StaticTracing: fire(1, TWO), watched', 'POINT.fire(1, TWO)', nil,
     -> { Setup.our_probe('point') }],
    ['fire-block-watched', 'StaticTracing: fire { [1, TWO] }, watched', 'POINT.fire { [1, TWO] }', nil,
     -> { Setup.our_probe('point') }],
    ['wrapped-watched', 'StaticTracing: an empty method with Latency, watched', 'SUBJECT.wrapped', :wrap,
     -> { Setup.our_probe('wrapped') }],
    ['watched-dtrace', "Ruby's DTrace hooks: a C method", 'SUBJECT.itself', nil,
     -> { Setup.rubys_probe('cmethod__entry', 'itself') }],
    ['tracepoint-one', 'TracePoint of an empty method', 'SUBJECT.nothing', :trace_one],
    ['tracepoint-all', 'TracePoint of all, an empty method', 'SUBJECT.nothing', :trace_all],
    ['beside-latency', 'StaticTracing: Latency on another method', 'SUBJECT.nothing', :wrap,
     -> { Setup.our_probe('wrapped') }, -> { SUBJECT.wrapped }],
    ['beside-tracepoint', 'TracePoint of another method', 'SUBJECT.nothing', :trace_other],
    ['beside-tracepoint-all', 'TracePoint of all, looking for another', 'SUBJECT.nothing',
     :trace_all_for_other],
    ['beside-dtrace', "Ruby's DTrace hooks, looking for another: a C method", 'SUBJECT.itself', nil,
     -> { Setup.rubys_probe('cmethod__entry', 'hash') }, -> { SUBJECT.hash }]
  ].map { |id, *rest| Contender.new(**Contender.members.zip([id, *rest]).to_h) }.then do |contenders|
    before = contenders.select { |one| BEFORE.include?(one.id) }.map do |one|
      one.dup.tap { |copy| copy.id, copy.label = "before-#{one.id}", one.label.sub(':', ', older build:') }
    end
    (contenders + before).to_h { |one| [one.id, one] }
  end.freeze

  QUESTIONS = [
    Question.new(id: 'ruby-unwatched', title: 'Nobody watches', baseline: 'attr_reader',
                 contenders: %w[empty attr_reader method ffi enabled fire-values fire-block wrapped]),
    Question.new(id: 'ruby-auto', title: 'A method in mode AUTO, which nobody watches', baseline: 'method',
                 contenders: %w[empty method auto auto-again]),
    Question.new(id: 'ruby-watched', title: 'bpftrace counts it, or a TracePoint sees it',
                 baseline: 'fire-values-watched',
                 contenders: %w[empty fire-values-watched fire-block-watched wrapped-watched
                                watched-dtrace tracepoint-one tracepoint-all]),
    Question.new(id: 'ruby-beside', title: 'Something else in the process is watched',
                 baseline: 'method',
                 contenders: %w[empty method beside-latency beside-tracepoint beside-tracepoint-all
                                c-method beside-dtrace]),
    Question.new(id: 'ruby-before', title: 'Beside another build of the gem', baseline: 'before-fire-block-watched',
                 contenders: ['empty', *BEFORE.flat_map { |id| ["before-#{id}", id] }])
  ].freeze
end
